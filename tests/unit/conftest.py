"""Fixtures of the unit tests."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from chdb import session

from tests.unit.store import Store


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[session.Session]:
    opened = session.Session(str(tmp_path_factory.mktemp("chdb") / "data"))
    yield opened
    opened.close()


@pytest.fixture(params=[0, 1], ids=["old analyzer", "new analyzer"])
def store(engine: session.Session, request: pytest.FixtureRequest) -> Store:
    """Views are planned by a server's default analyzer: the embedded stack's is the old one, a container's the new."""
    engine.query(f"SET enable_analyzer = {request.param}")
    return Store(engine, f"d{uuid4().hex}")
