"""What a query says apart from its text: parameters, settings, database, format, method."""

import datetime
import json
from decimal import Decimal

import httpx
import pytest
from clickhouse_connect.driver.client import Client


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("Int32", -4),
        ("String", "it's \\ \n\t é"),
        ("Array(String)", ["a'b", "c\\", ""]),
        ("Array(Int32)", [1, 2]),
        ("Decimal(18, 4)", Decimal("1.2500")),
        ("Nullable(Int32)", None),
        ("DateTime", datetime.datetime(2026, 11, 22, 10, 11, 12)),  # noqa: DTZ001 - ClickHouse's DateTime has no zone of its own,
    ],
)
def test_a_parameter_is_bound_by_its_type(admin: Client, type_name: str, value: object) -> None:
    rows = admin.query(f"SELECT {{value:{type_name}}}", parameters={"value": value}).result_rows
    assert rows == [(value,)]


def test_an_identifier_is_a_parameter_too(admin: Client) -> None:
    rows = admin.query("SELECT count() FROM system.{table:Identifier}", parameters={"table": "one"}).result_rows
    assert rows == [(1,)]


def test_a_missing_parameter_is_told(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT {a:Int32}")
    assert (answer.headers["x-clickhouse-exception-code"], "Substitution `a` is not set" in answer.text) == (
        "456",
        True,
    )


def test_values_of_an_insert_may_be_parameters(admin: Client, http: httpx.Client, new_table) -> None:
    table = new_table("a Int32, b String")
    http.post(
        "/",
        params={"param_a": "5", "param_b": "it's"},
        content=f"INSERT INTO {table} VALUES ({{a:Int32}}, {{b:String}})",
    )
    assert admin.query(f"SELECT * FROM {table}").result_rows == [(5, "it's")]


def test_a_setting_holds_for_its_query_only(admin: Client) -> None:
    asked = "SELECT getSetting('max_block_size')"
    before = admin.query(asked).first_row
    assert admin.query(asked, settings={"max_block_size": 777}).first_row == (777,)
    assert admin.query(asked).first_row == before


@pytest.mark.parametrize("name", ["nonsense", "max_threads--", "SQL_custom"])
def test_an_unknown_setting_is_refused(http: httpx.Client, name: str) -> None:
    answer = http.post("/", params={name: "1"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "115")


def test_a_setting_cannot_smuggle_in_a_statement(http: httpx.Client) -> None:
    answer = http.post("/", params={"log_comment": "'; SET ROLE admin; --"}, content="SELECT getSetting('log_comment')")
    assert answer.text == "\\'; SET ROLE admin; --\n"


def test_a_bad_value_of_a_setting_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", params={"max_threads": "many"}, content="SELECT 1")
    assert answer.headers["x-clickhouse-exception-code"] in ("27", "72")


def test_the_database_holds_for_its_query_only(http: httpx.Client) -> None:
    asked = "SELECT currentDatabase()"
    assert http.post("/", params={"database": "system"}, content=asked).text == "system\n"
    assert http.post("/", headers={"X-ClickHouse-Database": "system"}, content=asked).text == "system\n"
    assert http.post("/", content=asked).text == "experiments\n"


def test_an_unknown_database_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", params={"database": "no`such"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "81")


def test_the_format_is_the_texts_then_the_requests(http: httpx.Client) -> None:
    by_header = {"X-ClickHouse-Format": "JSONEachRow"}
    assert http.post("/", content="SELECT 1 AS a").text == "1\n"
    assert http.post("/", headers=by_header, content="SELECT 1 AS a").text == '{"a":1}\n'
    assert http.post("/", params={"default_format": "CSVWithNames"}, content="SELECT 1 AS a").text == '"a"\n1\n'
    assert http.post("/", headers=by_header, content="SELECT 1 AS a FORMAT TSVWithNames").text == "a\n1\n"


def test_settings_may_follow_the_format(http: httpx.Client) -> None:
    answer = http.post(
        "/", content="SELECT getSetting('max_threads') SETTINGS max_threads = 1 FORMAT CSV SETTINGS max_block_size = 5;"
    )
    assert answer.text == "1\n"


def test_a_column_may_be_called_format(http: httpx.Client) -> None:
    answer = http.post(
        "/", content="SELECT format FROM (SELECT 'x' AS format UNION ALL SELECT 'a') ORDER BY format DESC"
    )
    assert answer.text == "x\na\n"


def test_an_unknown_format_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1 FORMAT Nonsense")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "73")


def test_a_text_that_is_not_utf8_is_taken_as_it_is(http: httpx.Client) -> None:
    assert http.post("/", content=b"SELECT '\xff\xfe\xe9'").content == b"\xff\xfe\xe9\n"
    assert http.get("/?query=SELECT%20%27%FF%FE%E9%27").content == b"\xff\xfe\xe9\n"


def test_a_parameter_that_is_not_utf8_is_taken_as_it_is(http: httpx.Client) -> None:
    assert http.post("/?param_a=%FF%FE", content="SELECT hex({a:String})").text == "FFFE\n"


def test_the_text_may_be_split_between_url_and_body(http: httpx.Client) -> None:
    assert http.post("/", params={"query": "SELECT 1 +"}, content="41").text == "42\n"


def test_a_long_text_runs(http: httpx.Client) -> None:
    numbers = ", ".join(map(str, range(200_000)))
    answer = http.post(
        "/",
        params={"max_query_size": str(10_000_000)},
        content=f"SELECT count() FROM numbers(300000) WHERE number IN ({numbers})",
    )
    assert answer.text == "200000\n"


def test_get_runs_a_query(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 2 FORMAT JSONEachRow"}).json() == {"2": 2}


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO others VALUES (1)",
        "CREATE TABLE x (a Int8) ORDER BY a",
        "WITH 1 AS a INSERT INTO others SELECT a",
        "DROP TABLE others",
    ],
)
def test_get_changes_nothing(http: httpx.Client, tables: None, text: str) -> None:
    answer = http.get("/", params={"query": text})
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert "method GET implies readonly" in answer.text
    assert http.post("/", content="SELECT count() FROM others").text == "0\n"


def test_readonly_is_obeyed(http: httpx.Client, tables: None) -> None:
    answer = http.post("/", params={"readonly": "1"}, content="INSERT INTO others VALUES (1)")
    assert answer.headers["x-clickhouse-exception-code"] == "164"
    assert (
        http.post("/", params={"readonly": "1"}, content="SELECT 1 SETTINGS max_threads = 1").headers[
            "x-clickhouse-exception-code"
        ]
        == "164"
    )


def test_head_answers_with_headers_only(http: httpx.Client) -> None:
    answer = http.head("/", params={"query": "SELECT 1"})
    assert (answer.status_code, answer.content, answer.headers["x-clickhouse-format"]) == (200, b"", "TabSeparated")


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_health_is_told_to_anybody(server, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = httpx.request(method, server.url.rstrip("/") + path)
        assert (answer.status_code, answer.text) == (200, "Ok.\n" if method == "GET" else "")


def test_other_paths_are_not_there(server) -> None:
    answer = httpx.get(server.url + "play")
    assert (answer.status_code, answer.text.splitlines()[0]) == (404, "There is no handle /play")


def test_headers_tell_of_the_query(http: httpx.Client) -> None:
    answer = http.post("/", params={"query_id": "mine"}, content="SELECT number FROM numbers(3)")
    assert answer.headers["x-clickhouse-query-id"] == "mine"
    assert answer.headers["x-clickhouse-format"] == "TabSeparated"
    assert answer.headers["content-type"] == "text/tab-separated-values; charset=UTF-8"
    assert answer.headers["x-clickhouse-timezone"] == "UTC" or "/" in answer.headers["x-clickhouse-timezone"]
    assert answer.headers["x-clickhouse-server-display-name"]
    told = json.loads(answer.headers["x-clickhouse-summary"])
    assert (told["read_rows"], told["result_rows"]) == ("3", "3")


def test_a_command_has_no_format(http: httpx.Client) -> None:
    answer = http.post("/", content="SET max_threads = 1")
    assert (answer.status_code, answer.content, "x-clickhouse-format" in answer.headers) == (200, b"", False)


def test_a_summary_tells_what_was_written(admin: Client, new_table) -> None:
    table = new_table("a Int32")
    assert admin.insert(table, [[1], [2], [3]], column_names=["a"]).written_rows == 3


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW DATABASES",
        "SHOW TABLES FROM system",
        "DESCRIBE TABLE system.one",
        "EXISTS system.one",
        "EXPLAIN SELECT 1",
        "SHOW CREATE TABLE visits",
        "(SELECT 1)",
        "FROM system.one SELECT dummy",
        "WITH 1 AS a SELECT a",
        "SHOW SETTINGS LIKE 'max_threads'",
    ],
)
def test_every_question_has_an_answer(admin: Client, http: httpx.Client, tables: None, statement: str) -> None:
    assert http.post("/", content=statement).text.strip()
    assert admin.query(statement).row_count > 0


def test_a_query_sees_the_time_zone_it_asks_for(admin: Client) -> None:
    row = admin.query("SELECT toString(toDateTime(0))", settings={"session_timezone": "Asia/Tokyo"}).first_row
    assert row == ("1970-01-01 09:00:00",)
