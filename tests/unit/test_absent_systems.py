"""A system that is not there, or refuses: one paragraph that names it, where it was looked for, and the way out."""

import socket
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.hops.postgres import connect
from pipeline_lib.hops.tail import Tail
from pipeline_lib.model.endpoints import ClickHouseEndpoint, Credentials, KafkaEndpoint, PostgresEndpoint
from pipeline_lib.model.errors import UserError

SECRET = "not-to-be-shown"
USERS = {
    role: Credentials(user=role, password=SecretStr(SECRET)) for role in ("application", "owner", "admin", "analyst")
}


def postgres(port: int) -> None:
    connect(
        PostgresEndpoint(
            host="127.0.0.1", port=port, database="d", users=USERS, user="application", password=SecretStr(SECRET)
        ),
        "application",
    )


def kafka(port: int) -> None:
    Tail(KafkaEndpoint(bootstrap=f"127.0.0.1:{port}", topic="experiments_events"))


def clickhouse(port: int) -> None:
    Client(
        ClickHouseEndpoint(
            url=f"http://127.0.0.1:{port}",
            host="127.0.0.1",
            port=port,
            database="d",
            users=USERS,
            user="analyst",
            password=SecretStr(SECRET),
        ),
        "analyst",
    )


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("name", "open_"),
    [("PostgreSQL", postgres), ("Kafka", kafka), ("ClickHouse", clickhouse)],
    ids=["PostgreSQL", "Kafka", "ClickHouse"],  # of two workers, each has to call them the same
)
def test_a_system_that_is_not_there_is_named(name: str, open_: Callable[[int], None], closed_port: int) -> None:
    with pytest.raises(UserError) as told:
        open_(closed_port)
    text = str(told.value)
    assert text.startswith(f"{name} at 127.0.0.1:{closed_port} ")
    assert "`throughline up`" in text
    assert "\n" not in text
    assert SECRET not in text
