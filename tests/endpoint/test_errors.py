"""Errors: ClickHouse's code and text, the status that ClickHouse gives for the code, and nothing of secrets."""

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.endpoint.conftest import PASSWORDS, Server


@pytest.mark.parametrize(
    ("text", "status", "code", "name"),
    [
        ("SELECT nope", 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT nope()", 404, 46, "UNKNOWN_FUNCTION"),
        ("SELECT * FROM nope", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT * FROM nope.nope", 404, 81, "UNKNOWN_DATABASE"),
        ("SELEC 1", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1 SETTINGS nonsense = 1", 404, 115, "UNKNOWN_SETTING"),
        ("SELECT toDate('x')", 400, 38, "CANNOT_PARSE_DATE"),
        ("SELECT 1 + 'a'", 400, 43, "ILLEGAL_TYPE_OF_ARGUMENT"),
        ("SELECT CAST(1 AS Nonsense)", 404, 50, "UNKNOWN_TYPE"),
        ("SELECT count() FROM numbers(1000000000000) SETTINGS max_execution_time = 0.2", 408, 159, "TIMEOUT_EXCEEDED"),
        (
            "SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000",
            500,
            241,
            "MEMORY_LIMIT_EXCEEDED",
        ),
        ("CREATE TABLE system.one (a Int8) ORDER BY a", 500, 57, "TABLE_ALREADY_EXISTS"),
        ("DROP TABLE nope", 404, 60, "UNKNOWN_TABLE"),
        ("INSERT INTO nope VALUES (1)", 404, 60, "UNKNOWN_TABLE"),
    ],
)
def test_an_error_has_clickhouses_code_and_text(
    http: httpx.Client, text: str, status: int, code: int, name: str
) -> None:
    answer = http.post("/", content=text)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (
        500 if code == 43 else status,
        str(code),
    )
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.endswith(f"({name}) (version 25.8.2.1)\n")
    assert answer.text.count("DB::Exception") == 1


@pytest.mark.parametrize("text", ["", " ", ";", "-- nothing", "/* nothing */"])
def test_an_empty_text_is_refused(http: httpx.Client, text: str) -> None:
    answer = http.post("/", content=text)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "62")


@pytest.mark.parametrize(
    "text", ["SELECT 1; SELECT 2", "SELECT 1;SELECT 2;", "SET max_threads = 1; SELECT 1", "DROP TABLE nope; SELECT 1"]
)
def test_several_statements_are_refused(http: httpx.Client, text: str) -> None:
    answer = http.post("/", content=text)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "62")
    assert "Multi-statements are not allowed" in answer.text


@pytest.mark.parametrize(
    "text", ["SELECT 1;", "SELECT 1;;", "SELECT 1 ; -- done", "SELECT ';' AS a -- ; \n", "/* ; */ SELECT 1"]
)
def test_one_statement_may_end_or_hold_semicolons(http: httpx.Client, text: str) -> None:
    assert http.post("/", content=text).text in ("1\n", ";\n")


@pytest.mark.parametrize(
    "text", ["SELECT 'a", 'SELECT "a', "SELECT `a", "SELECT 1 /* a", "SELECT x'zz'", "SELECT 1 \\G", "SELECT \0"]
)
def test_what_is_not_a_token_is_a_syntax_error(http: httpx.Client, text: str) -> None:
    answer = http.post("/", content=text)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "62")


@pytest.mark.parametrize("version", ["0", "54405"])
@pytest.mark.parametrize("text", [b"SELECT nope('\xff\xfe')", b"SELECT '\xff' +", b"SELECT throwIf(1, '\xff')"])
def test_an_error_may_quote_what_is_not_utf8(http: httpx.Client, text: bytes, version: str) -> None:
    answer = http.post("/", params={"client_protocol_version": version, "default_format": "Native"}, content=text)
    code = answer.headers["x-clickhouse-exception-code"]
    # Some builds of Python lose what chDB says then: the answer admits it.
    assert code in ("46", "62", "395") or (code == "1002" and "not UTF-8, so chDB could not tell it" in answer.text)
    assert answer.text.startswith("Code: ")


def test_broken_data_are_told(http: httpx.Client, new_table) -> None:
    table = new_table("a Int32, b Date")
    answer = http.post("/", content=f"INSERT INTO {table} FORMAT CSV\n1,2026-11-22\nx,2026-11-22\n")
    assert answer.headers["x-clickhouse-exception-code"] == "27"
    assert "at row" in answer.text


def test_a_statement_behind_values_is_refused(http: httpx.Client, admin: Client, new_table) -> None:
    table = new_table("a Int32")
    answer = http.post("/", content=f"INSERT INTO {table} VALUES (1); DROP TABLE {table}")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "62")
    assert admin.query(f"SELECT count() FROM {table}").first_row == (0,)
    assert admin.command(f"EXISTS {table}") == 1


@pytest.mark.parametrize("values", ["(1), (2);", "(1), (2) ; ; ", "(1), (2)\n"])
def test_values_may_end_with_a_semicolon(http: httpx.Client, admin: Client, new_table, values: str) -> None:
    table = new_table("a Int32")
    assert http.post("/", content=f"INSERT INTO {table} VALUES {values}").status_code == 200
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (3,)


def test_values_may_hold_semicolons(http: httpx.Client, admin: Client, new_table) -> None:
    table = new_table("a String")
    http.post("/", content=f"INSERT INTO {table} VALUES ('a; b'), ('format CSV; it''s \\'')")
    assert admin.query(f"SELECT a FROM {table} ORDER BY a").result_rows == [("a; b",), ("format CSV; it's '",)]


def test_the_client_library_knows_the_code(admin: Client) -> None:
    with pytest.raises(DatabaseError) as raised:
        admin.query("SELECT * FROM nope")
    assert (raised.value.code, raised.value.name) == (60, "UNKNOWN_TABLE")


def test_no_password_is_written_anywhere(server: Server) -> None:
    """After all kinds of requests: not in the log, nor in any file of the endpoint."""
    httpx.post(server.url, auth=("admin", "another wrong password"), content="SELECT 1")
    with server.http() as http:
        http.post("/", content="SELECT nope")
    secrets = [password.encode() for password in (*PASSWORDS.values(), "another wrong password")]
    files = [file for file in server.folder.rglob("*") if file.is_file()]
    assert server.folder / "server.log" in files
    assert [file for file in files for secret in secrets if secret in file.read_bytes()] == []
