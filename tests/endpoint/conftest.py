"""One endpoint process for all tests of this folder, a user's client for each, and the tables that the tests share."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
import psutil
import pytest
from clickhouse_connect.driver.client import Client
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from stacks.embedded.clickhouse_server.config import password_hash

PASSWORDS = {"admin": "admin's päss", "ingestion": "ingestion:pass", "analyst": "analyst pass"}


@dataclass(frozen=True)
class Server:
    """A running endpoint."""

    port: int
    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def resident_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def client(self, user: str = "admin", **options: object) -> Client:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=user, password=PASSWORDS[user], **options
        )

    def http(self, user: str = "admin") -> httpx.Client:
        # Loading certificates is most of what making a client costs.
        return httpx.Client(base_url=self.url, auth=(user, PASSWORDS[user].encode()), timeout=60, verify=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def write_config(folder: Path, **changes: object) -> Path:
    """A configuration file in `folder`, with `changes` to what the tests use."""
    config = {
        "path": str(folder / "data"),
        "port": free_port(),
        "concurrent_queries": 8,
        "max_memory_bytes": 2_000_000_000,
        "users": {user: password_hash(password) for user, password in PASSWORDS.items()},
        "analyst_tables": ["visits", "visits_by_page", "secret_total"],
        "ingestion_tables": ["visits"],
        "kafka": {"session_timeout_ms": 3000},
    }
    file = folder / "server.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({**config, **changes}))
    return file


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "stacks.embedded.clickhouse_server", "--config", str(config)]


@retry(
    retry=retry_if_exception_type(httpx.TransportError), wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True
)
def wait_until_up(port: int) -> None:
    httpx.get(f"http://127.0.0.1:{port}/ping").raise_for_status()


@contextmanager
def running(config: Path) -> Iterator[Server]:
    """An endpoint, for the time of the block."""
    with (config.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(command(config), stdout=log, stderr=log)
    try:
        port = json.loads(config.read_text())["port"]
        wait_until_up(port)
        yield Server(port, process, config.parent)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(write_config(tmp_path_factory.mktemp("clickhouse"))) as started:
        yield started


@pytest.fixture(scope="session")
def admin(server: Server) -> Iterator[Client]:
    """A client without a session, so that it may be used by several threads."""
    with server.client("admin", autogenerate_session_id=False) as client:
        yield client


@pytest.fixture(scope="session")
def tables(admin: Client) -> None:
    """What the pipeline would have made: a table, a view, a table nobody was given, and a view that may read it."""
    admin.command("CREATE TABLE visits (id UInt64, page String, at DateTime64(6, 'UTC') DEFAULT now64(6)) ORDER BY id")
    admin.command("CREATE VIEW visits_by_page AS SELECT page, count() AS visits FROM visits GROUP BY page")
    admin.command("CREATE TABLE secrets (amount Int64) ORDER BY amount")
    admin.command("CREATE VIEW secret_total SQL SECURITY DEFINER AS SELECT sum(amount) AS total FROM secrets")
    admin.command("CREATE TABLE others (a Int64) ORDER BY a")
    admin.command("INSERT INTO visits (id, page) VALUES (1, '/landing'), (2, '/product'), (3, '/product')")
    admin.command("INSERT INTO secrets VALUES (40), (2)")


@pytest.fixture(scope="session")
def analyst(server: Server, tables: None) -> Iterator[Client]:
    with server.client("analyst", autogenerate_session_id=False) as client:
        yield client


@pytest.fixture(scope="session")
def ingestion(server: Server, tables: None) -> Iterator[Client]:
    with server.client("ingestion", autogenerate_session_id=False) as client:
        yield client


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    """Plain HTTP as admin."""
    with server.http() as client:
        yield client


@pytest.fixture
def new_table(admin: Client, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Makes a table of these columns, for one test; gives its name."""
    made: list[str] = []

    def make(columns: str, engine: str = "Memory") -> str:
        name = f"table_{abs(hash(request.node.nodeid))}_{len(made)}"
        admin.command(f"CREATE TABLE {name} ({columns}) ENGINE = {engine}")
        made.append(name)
        return name

    yield make
    for name in made:
        admin.command(f"DROP TABLE {name}")
