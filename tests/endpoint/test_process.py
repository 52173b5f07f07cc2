"""The process: how it starts, what keeps it from starting, how it ends, and that nothing is lost when it is killed."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.endpoint.conftest import PASSWORDS, Server, command, free_port, running, wait_until_up, write_config


def fails(config: Path) -> str:
    """What a process that cannot start says."""
    ended = subprocess.run(command(config), capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def ask(server: Server, text: str) -> str:
    with server.http() as http:
        return http.post("/", content=text).text


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def own_server(config: Path) -> Iterator[Server]:
    with running(config) as server:
        yield server


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 cannot be taken" in fails(write_config(tmp_path, port=port))


def test_a_data_folder_in_use_is_told(own_server: Server, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    told = fails(write_config(second, path=str(own_server.folder / "data")))
    assert "in use by another ClickHouse" in told
    assert ask(own_server, "SELECT 1") == "1\n"


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot use the data folder" in fails(write_config(tmp_path, path=str(tmp_path / "file" / "data")))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": "relative"}, "path: "),
        ({"path": "/tmp/a?b=c"}, "path: "),
        ({"port": 0}, "port: "),
        ({"colour": "red"}, "colour: "),
        ({"users": {"root": {"password_sha256": "0" * 64}}}, "users.root"),
        ({"users": {"admin": {"password": "plain secret"}}}, "users.admin.password"),
        ({"analyst_tables": ["a; DROP TABLE b"]}, "analyst_tables.0"),
        ({"database": "a`b"}, "database: "),
        ({"kafka": {"<evil>": "1"}}, "kafka."),
    ],
)
def test_a_wrong_configuration_is_told(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    told = fails(write_config(tmp_path, **changes))
    assert expected in told
    assert "Known keys: path, port, " in told
    assert "plain secret" not in told


def test_a_configuration_that_is_missing_is_told(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in fails(tmp_path / "none.json")


def test_a_configuration_that_others_can_read_is_told(config: Path) -> None:
    config.chmod(0o640)
    assert f"chmod 600 {config}" in fails(config)


def test_it_listens_on_loopback_only(own_server: Server) -> None:
    connections = psutil.Process(own_server.process.pid).net_connections()
    listening = [tuple(each.laddr) for each in connections if each.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", own_server.port)]


def test_its_files_are_its_owners(own_server: Server) -> None:
    ask(own_server, "CREATE TABLE t (a Int8) ORDER BY a")
    data = own_server.folder / "data"
    assert (data.stat().st_mode & 0o077, (data / "configuration" / "users.xml").stat().st_mode & 0o077) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(own_server: Server, number: signal.Signals) -> None:
    own_server.process.send_signal(number)
    assert own_server.process.wait(5) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(own_server.url + "ping")


def test_a_signal_ends_it_in_the_middle_of_queries(own_server: Server) -> None:
    ended: list[str] = []

    def run() -> None:
        try:
            ended.append(ask(own_server, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"))
        except httpx.TransportError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    while ask(own_server, "SELECT count() FROM system.processes") != "4\n":
        pass
    own_server.process.terminate()
    assert own_server.process.wait(5) == 0
    for thread in threads:
        thread.join()
    assert ["QUERY_WAS_CANCELLED" in answer for answer in ended] == [True] * 3
    assert (own_server.folder / "server.log").read_text() == ""


def test_what_was_inserted_outlives_a_kill(config: Path) -> None:
    """Killed in the middle of inserts: each that was answered is there, and the same folder and port serve again."""
    with running(config) as server:
        ask(server, "CREATE TABLE t (a UInt64) ORDER BY a")
        answered: list[int] = []
        stop = threading.Event()

        def insert() -> None:
            with server.http() as http:
                for number in range(100_000):
                    try:
                        if http.post("/", content=f"INSERT INTO t VALUES ({number})").status_code == 200:
                            answered.append(number)
                    except httpx.TransportError:
                        return
                    if stop.is_set():
                        return

        thread = threading.Thread(target=insert)
        thread.start()
        while len(answered) < 50:
            stop.wait(0.01)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(5)
        thread.join()
    with running(config) as server:
        there = {int(line) for line in ask(server, "SELECT a FROM t").split()}
        assert set(answered) <= there
        ask(server, "INSERT INTO t VALUES (1000000)")
        assert ask(server, "SELECT max(a) FROM t") == "1000000\n"
    assert list((config.parent / "data" / "uploads").iterdir()) == []


def test_other_tables_for_analysts_take_a_restart(config: Path) -> None:
    with running(config) as server:
        ask(server, "CREATE TABLE more (a Int8) ORDER BY a")
        asked = {"auth": ("analyst", PASSWORDS["analyst"]), "content": "SELECT count() FROM more"}
        assert httpx.post(server.url, **asked).headers["x-clickhouse-exception-code"] == "497"
    with running(write_config(config.parent, analyst_tables=["more"])) as server:
        assert httpx.post(server.url, **asked).text == "0\n"


def test_kafkas_settings_reach_the_engine(own_server: Server) -> None:
    text = (own_server.folder / "data" / "configuration" / "config.xml").read_text()
    assert "<kafka><session_timeout_ms>3000</session_timeout_ms></kafka>" in text


def test_two_stand_side_by_side(own_server: Server, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    with running(write_config(second, port=free_port())) as other:
        ask(own_server, "CREATE TABLE only_here (a Int8) ORDER BY a")
        assert ask(other, "EXISTS only_here") == "0\n"


def open_files(server: Server) -> int:
    return psutil.Process(server.process.pid).num_fds()


@retry(retry=retry_if_exception_type(AssertionError), wait=wait_fixed(0.05), stop=stop_after_delay(10), reraise=True)
def open_files_are(server: Server, expected: int) -> None:
    assert abs(open_files(server) - expected) <= 2


def test_requests_leave_no_open_files(own_server: Server) -> None:
    def requests() -> None:
        with own_server.http() as http:
            for _ in range(20):
                http.post("/", content="SELECT 1")
                http.post("/", content="SELECT nope")
                http.post("/", content="INSERT INTO nope VALUES (1)")
                http.post("/", params={"query": "SELECT * FROM e", "e_types": "UInt8"}, files={"e": ("e", b"1\n")})

    requests()
    wait_until_up(own_server.port)
    before = open_files(own_server)
    requests()
    open_files_are(own_server, before)
