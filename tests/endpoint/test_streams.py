"""Large answers: streamed, bounded in memory, stopped when the client goes away, failing in the middle."""

import json
import re
import socket
import threading
from base64 import b64encode

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import StreamFailureError
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from tests.endpoint.conftest import PASSWORDS, Server

MANY = 100_000_000
MEGABYTES = 1 << 20
FAILS_LATE = "SELECT number, throwIf(number = 3000000, 'late') FROM numbers(4000000)"


@pytest.fixture(scope="module")
def warm(admin: Client, http: httpx.Client) -> None:
    """What the first large answer takes once is not growth."""
    for text_format in ("Native", "RowBinary", "JSONCompactEachRow"):
        http.post("/", content=f"SELECT number FROM numbers(3000000) FORMAT {text_format}")
    with admin.query_row_block_stream("SELECT number FROM numbers(3000000)") as stream:
        for _ in stream:
            pass


@pytest.mark.parametrize("protocol_version", ["0", "54405"])
def test_memory_is_bounded_however_large_the_answer(
    server: Server, http: httpx.Client, warm: None, protocol_version: str
) -> None:
    before = server.resident_bytes()
    most = size = 0
    sample = 0
    asked = {"client_protocol_version": protocol_version}
    with http.stream("POST", "/", params=asked, content=f"SELECT number FROM numbers({MANY}) FORMAT Native") as answer:
        for piece in answer.iter_raw(MEGABYTES):
            size += len(piece)
            if size > sample:
                sample = size + 50 * MEGABYTES
                most = max(most, server.resident_bytes())
    assert size > MANY * 8
    assert most - before < 80 * MEGABYTES


def test_memory_is_bounded_while_an_answer_is_held_back(server: Server, http: httpx.Client, warm: None) -> None:
    before = server.resident_bytes()
    text = "SELECT number FROM numbers(40000000) FORMAT RowBinary"
    with http.stream("POST", "/", params={"wait_end_of_query": "1"}, content=text) as answer:
        told = json.loads(answer.headers["x-clickhouse-summary"])
        size = sum(len(piece) for piece in answer.iter_raw())
        grown = server.resident_bytes() - before
    assert (size, told["result_rows"]) == (320_000_000, "40000000")
    assert grown < 80 * MEGABYTES


def test_a_slow_client_makes_the_query_wait(server: Server, http: httpx.Client, admin: Client, warm: None) -> None:
    before = server.resident_bytes()
    with http.stream("POST", "/", content=f"SELECT number FROM numbers({MANY}) FORMAT RowBinary") as answer:
        pieces = answer.iter_raw(MEGABYTES)
        next(pieces)
        # Enough other work for the query to have run far ahead, had it not had to wait.
        for _ in range(20):
            admin.query("SELECT count() FROM numbers(5000000) WHERE NOT ignore(sipHash64(number))")
        read = int(
            admin.query(
                "SELECT read_rows FROM system.processes WHERE query LIKE '%RowBinary%' AND query_id != queryID()"
            ).first_row[0]
        )
        assert server.resident_bytes() - before < 80 * MEGABYTES
        assert read < MANY // 4
        assert sum(len(piece) for piece in pieces) == MANY * 8 - MEGABYTES


@retry(retry=retry_if_result(lambda count: count != 0), wait=wait_fixed(0.05), stop=stop_after_delay(10))
def wait_until_none_runs(admin: Client, marker: str) -> int:
    asked = "SELECT count() FROM system.processes WHERE position(query, {marker:String}) > 0 AND query_id != queryID()"
    return int(admin.query(asked, parameters={"marker": marker}).first_row[0])


@retry(retry=retry_if_result(lambda count: count == 0), wait=wait_fixed(0.02), stop=stop_after_delay(10))
def wait_until_one_runs(admin: Client, marker: str) -> int:
    asked = "SELECT count() FROM system.processes WHERE position(query, {marker:String}) > 0 AND query_id != queryID()"
    return int(admin.query(asked, parameters={"marker": marker}).first_row[0])


def send_and_leave(server: Server, admin: Client, text: str, marker: str, url: str = "/") -> None:
    """Starts a query and closes the connection while it runs."""
    authorization = b64encode(f"admin:{PASSWORDS['admin']}".encode()).decode()
    head = (
        f"POST {url} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {authorization}\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + text.encode())
        wait_until_one_runs(admin, marker)


@pytest.mark.parametrize("url", ["/", "/?client_protocol_version=54405", "/?session_id=left&wait_end_of_query=1"])
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 AS without_output, count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 FORMAT Native",
        "SELECT 1 AS with_output, number FROM numbers(1000000000000) WHERE number % 1000 = 0 FORMAT Native",
    ],
)
def test_a_query_is_stopped_when_its_client_goes_away(server: Server, admin: Client, text: str, url: str) -> None:
    marker = text[9:20]
    send_and_leave(server, admin, text, marker, url)
    wait_until_none_runs(admin, marker)


def test_a_session_is_usable_again_after_its_client_went_away(
    server: Server, admin: Client, http: httpx.Client
) -> None:
    text = "SELECT 1 AS in_session, number FROM numbers(1000000000000) FORMAT Native"
    send_and_leave(server, admin, text, "in_session", "/?session_id=again")
    wait_until_none_runs(admin, "in_session")

    @retry(
        retry=retry_if_result(lambda answer: answer.headers.get("x-clickhouse-exception-code") == "373"),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(10),
    )
    def ask() -> httpx.Response:
        return http.post("/", params={"session_id": "again"}, content="SELECT 5")

    assert ask().text == "5\n"


def test_a_client_may_stop_reading(admin: Client) -> None:
    with admin.query_row_block_stream("SELECT number FROM numbers(5000000)") as stream:
        first = next(iter(stream))
    assert first[0] == (0,)
    assert admin.query("SELECT 1").first_row == (1,)


def test_an_error_in_the_middle_reaches_the_client(admin: Client) -> None:
    def read_all() -> None:
        with admin.query_row_block_stream(FAILS_LATE) as stream:
            for _ in stream:
                pass

    with pytest.raises(StreamFailureError, match="late"):
        read_all()


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", "br", False])
def test_an_error_in_the_middle_is_told_in_every_compression(server: Server, compression: str | bool) -> None:
    def read_all() -> None:
        with server.client(compress=compression) as client, client.query_row_block_stream(FAILS_LATE) as stream:
            for _ in stream:
                pass

    with pytest.raises(StreamFailureError, match=r"Code: 395.*late"):
        read_all()


def test_an_error_in_the_middle_stands_between_the_announced_marks(server: Server) -> None:
    authorization = b64encode(f"admin:{PASSWORDS['admin']}".encode()).decode()
    text = f"{FAILS_LATE} FORMAT CSV"
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {authorization}\r\nContent-Length: {len(text)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + text.encode())
        answer = b""
        while piece := connection.recv(MEGABYTES):
            answer += piece
    tag = answer.split(b"x-clickhouse-exception-tag: ")[1][:16]
    assert re.fullmatch(rb"[a-z0-9]{16}", tag)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"__exception__\r\n" + tag + b"\r\nCode: 395. DB::Exception: late" in answer
    assert b" " + tag + b"\r\n__exception__\r\n" in answer
    # No last chunk: a client that knows nothing of the marks sees an answer that broke off.
    assert not answer.endswith(b"0\r\n\r\n")


def test_rows_that_come_slowly_come_as_they_are(http: httpx.Client) -> None:
    """Well before the query's end, which would be minutes away."""
    slowly = "SELECT sleepEachRow(0.1) AS a FROM numbers(3000) FORMAT Native SETTINGS max_block_size = 1"
    with http.stream("POST", "/", params={"client_protocol_version": "54405"}, content=slowly) as answer:
        assert next(answer.iter_raw()).endswith(b"\x01\x01\x01a\x05UInt8\x00")


def test_an_error_after_slow_rows_is_one_in_the_middle(admin: Client) -> None:
    slowly = "SELECT sleepEachRow(0.01), throwIf(number = 100, 'late') FROM numbers(200) SETTINGS max_block_size = 1"

    def read_all() -> None:
        with admin.query_rows_stream(slowly) as stream:
            for _ in stream:
                pass

    with pytest.raises(StreamFailureError, match="late"):
        read_all()


def test_an_error_in_the_beginning_is_told_by_the_status(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT throwIf(number = 5, 'early') FROM numbers(10)")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (500, "395")


def test_with_wait_end_of_query_any_error_is_told_by_the_status(http: httpx.Client) -> None:
    answer = http.post("/", params={"wait_end_of_query": "1"}, content=FAILS_LATE)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (500, "395")
    assert answer.text.startswith("Code: 395. DB::Exception: late")


def test_a_connection_is_good_after_an_error(server: Server) -> None:
    with server.client(autogenerate_session_id=False) as client:
        for _ in range(3):
            with pytest.raises(Exception, match="UNKNOWN_IDENTIFIER"):
                client.query("SELECT nope")
            assert client.query("SELECT 1").first_row == (1,)


def test_queries_run_side_by_side(server: Server, admin: Client) -> None:
    """Each waits for all others to have begun: one after the other they would wait for ever, or time out."""
    together = 6
    asked = "SELECT 1 AS side_by_side, sleepEachRow(0.05) FROM numbers(100) FORMAT Null SETTINGS max_block_size = 1"
    seen: list[int] = []

    def run() -> None:
        with server.http() as client:
            client.post("/", content=asked)

    threads = [threading.Thread(target=run) for _ in range(together)]
    for thread in threads:
        thread.start()
    counted = "SELECT count() FROM system.processes WHERE position(query, 'side_by_side') > 0 AND query_id != queryID()"
    while any(thread.is_alive() for thread in threads) and max(seen, default=0) < together:
        seen.append(int(admin.query(counted).first_row[0]))
    admin.command("KILL QUERY WHERE position(query, 'side_by_side') > 0 AND query_id != queryID()")
    for thread in threads:
        thread.join()
    assert max(seen) == together


def test_more_queries_than_may_run_at_once_wait_their_turn(server: Server) -> None:
    answers: list[str] = []

    def run(number: int) -> None:
        with server.http() as client:
            answers.append(client.post("/", content=f"SELECT {number}, sleep(0.05) FORMAT CSV").text)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(f"{number},0\n" for number in range(30))
