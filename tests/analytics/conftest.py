"""An endpoint with the pipeline's tables, to be filled by SQL instead of by the pipeline: many users in little time."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from pipeline_lib import sql
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.endpoints import ClickHouseEndpoint, Credentials
from tests.endpoint.conftest import PASSWORDS, Server, running, write_config
from tests.unit.store import QUEUE

DATABASE = "experiments"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process of its own: whose analyst may read what a stack's may."""
    folder = tmp_path_factory.mktemp("analytics")
    config = write_config(folder, database=DATABASE, analyst_tables=sql.ANALYST_TABLES)
    with running(config) as started:
        with started.client() as admin:
            admin.database = DATABASE
            for name in sql.CLICKHOUSE_ORDER:
                admin.command(QUEUE if name == "events_queue" else sql.read("clickhouse", name))
        yield started


@pytest.fixture(scope="session")
def clickhouse(server: Server) -> ClickHouseEndpoint:
    """As a stack's endpoints have it."""
    users = {user: Credentials(user=user, password=SecretStr(password)) for user, password in PASSWORDS.items()}
    return ClickHouseEndpoint(
        url=server.url,
        host="127.0.0.1",
        port=server.port,
        database=DATABASE,
        users=users,
        user="analyst",
        password=users["analyst"].password,
    )


@pytest.fixture(scope="session")
def admin(clickhouse: ClickHouseEndpoint) -> Client:
    return Client(clickhouse, "admin")


@pytest.fixture(scope="session")
def analysts(clickhouse: ClickHouseEndpoint) -> Client:
    return Client(clickhouse, "analyst")
