"""system.query_log, which the endpoint keeps itself."""

from uuid import uuid4

import httpx
from clickhouse_connect.driver.client import Client

from tests.endpoint.conftest import Server


def logged(admin: Client, query_id: str, columns: str) -> list[tuple]:
    asked = f"SELECT {columns} FROM system.query_log WHERE query_id = {{id:String}} AND type != 'QueryStart'"
    return list(admin.query(asked, parameters={"id": query_id}).result_rows)


def test_a_query_is_logged_by_its_id(admin: Client, http: httpx.Client) -> None:
    query_id = str(uuid4())
    http.post(
        "/",
        params={"query_id": query_id, "max_threads": "1", "log_comment": "why"},
        content="SELECT number FROM numbers(7)",
    )
    columns = """
        toString(type), query, query_kind, user, read_rows, result_rows, exception_code, log_comment,
        Settings['max_threads']
    """
    expected = ("QueryFinish", "SELECT number FROM numbers(7)", "Select", "admin", 7, 7, 0, "why", "1")
    assert logged(admin, query_id, columns) == [expected]


def test_an_error_is_logged(admin: Client, http: httpx.Client) -> None:
    query_id = str(uuid4())
    http.post("/", params={"query_id": query_id}, content="SELECT nope")
    assert logged(admin, query_id, "toString(type), exception_code") == [("ExceptionWhileProcessing", 47)]


def test_what_was_written_is_logged_without_its_rows(admin: Client, http: httpx.Client, new_table) -> None:
    table, query_id = new_table("a String"), str(uuid4())
    http.post("/", params={"query_id": query_id}, content=f"INSERT INTO {table} VALUES ('private'), ('rows')")
    assert logged(admin, query_id, "query, query_kind, written_rows") == [(f"INSERT INTO {table} VALUES", "Insert", 2)]


def test_times_are_plausible(admin: Client, http: httpx.Client) -> None:
    query_id = str(uuid4())
    http.post("/", params={"query_id": query_id}, content="SELECT sleep(0.02)")
    columns = """
        query_duration_ms >= 20, event_time_microseconds > query_start_time_microseconds,
        abs(dateDiff('second', event_time, now())) < 60, event_date = toDate(event_time)
    """
    assert logged(admin, query_id, columns) == [(True, True, True, True)]


def test_it_may_be_flushed_as_elsewhere(http: httpx.Client) -> None:
    assert http.post("/", content="SYSTEM FLUSH LOGS").status_code == 200


def test_a_user_sees_its_own_queries_only(server: Server, admin: Client, tables: None) -> None:
    query_id = str(uuid4())
    with server.http("analyst") as http:
        http.post("/", params={"query_id": query_id}, content="SELECT 1")
        seen = http.post("/", content="SELECT DISTINCT user FROM system.query_log").text
    assert (seen, logged(admin, query_id, "user")) == ("analyst\n", [("analyst",)])
