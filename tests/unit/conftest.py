"""Fixtures of the unit tests."""

from collections.abc import Iterator

import pytest
from chdb import session

from tests.unit.store import Store


@pytest.fixture(scope="session")
def engine() -> Iterator[session.Session]:
    opened = session.Session(":memory:")  # a process has one engine, and the endpoint's tests ask it too
    yield opened
    opened.close()


@pytest.fixture(scope="session", params=[0, 1], ids=["old analyzer", "new analyzer"])
def filled_store(engine: session.Session, request: pytest.FixtureRequest) -> Store:
    """Views are planned by a server's default analyzer: the embedded stack's is the old one, a container's the new."""
    return Store(engine, f"analyzer_{request.param}", analyzer=request.param)


@pytest.fixture
def store(filled_store: Store) -> Store:
    """A ClickHouse with all objects and no rows."""
    filled_store.clear()
    return filled_store
