"""Formats, both ways: values go in and come out the same, whatever the format and whatever is in them."""

import datetime
import ipaddress
import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

UTC = datetime.UTC
VALUES: list[tuple[str, list[Any]]] = [
    ("Int8", [-128, 0, 127]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int256", [-(2**255), 2**255 - 1]),
    ("Float64", [0.1, -1e300]),
    ("Bool", [True, False]),
    ("Decimal(38, 9)", [Decimal("39.990000000"), Decimal("-0.000000001")]),
    ("String", ["", "it's \\ \t\n\0 é 漢", "x" * 300]),
    ("FixedString(3)", [b"abc", b"x\0y"]),
    ("UUID", [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    ("Date", [datetime.date(1970, 1, 1), datetime.date(2149, 6, 6)]),
    ("Date32", [datetime.date(1925, 1, 1)]),
    ("DateTime('UTC')", [datetime.datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)]),
    ("DateTime64(6, 'UTC')", [datetime.datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC)]),
    ("Nullable(Int32)", [None, 5]),
    ("LowCardinality(String)", ["a", "b", "a"]),
    ("LowCardinality(Nullable(String))", ["a", None, "a"]),
    ("Array(Nullable(String))", [[], ["a", None], [""]]),
    ("Array(LowCardinality(String))", [["a"], [], ["a", "b"]]),
    ("Map(String, Array(Int32))", [{}, {"k": [1, 2], "l": []}]),
    ("Tuple(Int32, String)", [(1, "a"), (-1, "")]),
    ("Enum8('a' = 1, 'b' = -2)", ["a", "b"]),
    ("IPv4", [ipaddress.IPv4Address("127.0.0.1")]),
    ("IPv6", [ipaddress.IPv6Address("::1")]),
    ("JSON", [{"a": {"b": 1}}, {}]),
]


@pytest.mark.parametrize(("type_name", "values"), VALUES, ids=[type_name for type_name, _ in VALUES])
def test_a_value_comes_back_as_it_was_inserted(admin: Client, new_table, type_name: str, values: list[Any]) -> None:
    table = new_table(f"place UInt32, value {type_name}")
    admin.insert(table, list(enumerate(values)), column_names=["place", "value"])
    result = admin.query(f"SELECT value FROM {table} ORDER BY place", tz_mode="schema")
    assert [row[0] for row in result.result_rows] == values


FORMATS = """
    CSV CSVWithNames TSV TSVWithNamesAndTypes JSONEachRow JSONCompactEachRow JSONColumns JSON Values
    Native RowBinary RowBinaryWithNamesAndTypes Parquet Arrow ArrowStream Avro MsgPack BSONEachRow
"""


@pytest.mark.parametrize("name", FORMATS.split())
def test_what_a_format_gives_it_takes(http: httpx.Client, admin: Client, new_table, name: str) -> None:
    columns = "a Int64, b String, c Float64, d Array(Int32)"
    first, second = new_table(columns), new_table(columns)
    admin.command(
        f"INSERT INTO {first} SELECT number AS n, concat('; FORMAT \\n''', toString(n)), n / 4, [n] FROM numbers(70000)"
    )
    data = http.post("/", content=f"SELECT * FROM {first} FORMAT {name}")
    assert data.headers["x-clickhouse-format"] == name
    answer = http.post("/", params={"query": f"INSERT INTO {second} FORMAT {name}"}, content=data.content)
    assert answer.status_code == 200, answer.text
    asked = "SELECT count(), sum(cityHash64(a, b, c, d)) FROM "
    assert admin.query(asked + second).result_rows == admin.query(asked + first).result_rows


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("JSONEachRow", '{"n":0}\n{"n":1}\n'),
        ("CSVWithNames", '"n"\n0\n1\n'),
        ("TSVWithNamesAndTypes", "n\nUInt64\n0\n1\n"),
        ("Values", "(0),(1)"),
        ("Vertical", "Row 1:\n──────\nn: 0\n\nRow 2:\n──────\nn: 1\n"),
        ("Null", ""),
    ],
)
def test_a_format_is_as_clickhouse_writes_it(http: httpx.Client, name: str, expected: str) -> None:
    assert http.post("/", content=f"SELECT number AS n FROM numbers(2) FORMAT {name}").text == expected


def test_a_format_with_a_frame_has_it_once(http: httpx.Client) -> None:
    """However many blocks the result consists of."""
    text = http.post("/", content="SELECT number FROM numbers(200000) FORMAT CSVWithNames").text
    assert (text.count("number"), text.count("\n")) == (1, 200_001)
    answer = http.post("/", content="SELECT number FROM numbers(200000) FORMAT JSON").json()
    assert (answer["rows"], len(answer["data"])) == (200_000, 200_000)


@pytest.mark.parametrize("head", ["INSERT INTO {} FORMAT ORC", "INSERT INTO {} FORMAT orc"])
def test_data_in_orc_are_refused(http: httpx.Client, new_table, head: str) -> None:
    table = new_table("a Int32")
    data = http.post("/", content="SELECT toInt32(1) AS a FORMAT ORC").content
    assert data.startswith(b"ORC")
    answer = http.post("/", params={"query": head.format(table)}, content=data)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (501, "48")


@pytest.mark.parametrize("name", ["native", "NATIVE", "Native"])
def test_a_formats_name_may_be_in_any_case(http: httpx.Client, name: str) -> None:
    assert http.post("/", content=f"SELECT 1 AS a FORMAT {name}").content == b"\x01\x01\x01a\x05UInt8\x01"


@pytest.mark.parametrize(
    "head",
    [
        "INSERT INTO {} FORMAT JSONEachRow",
        "INSERT INTO {} (a, b) FORMAT JSONEachRow",
        "insert into {}(a,b)format JSONEachRow",
        "INSERT INTO TABLE {} FORMAT JSONEachRow",
        "INSERT INTO experiments.{} SETTINGS max_threads = 1 FORMAT JSONEachRow",
        "/* c */ INSERT -- c\n INTO `{}` FORMAT JSONEachRow",
    ],
)
@pytest.mark.parametrize("place", ["url", "body"])
def test_rows_may_follow_a_head_anywhere(http: httpx.Client, admin: Client, new_table, head: str, place: str) -> None:
    table = new_table("a Int32, b String DEFAULT 'none'")
    text, rows = head.format(table), '{"a": 1, "b": ";"}\n{"a": 2}\n'
    if place == "url":
        http.post("/", params={"query": text}, content=rows)
    else:
        http.post("/", content=f"{text}\n{rows}")
    assert admin.query(f"SELECT a, b FROM {table} ORDER BY a").result_rows == [(1, ";"), (2, "none")]


@pytest.mark.parametrize(
    "values",
    ["(1, 'format CSV')", "(1,'a'),(2,'FORMAT Native')", "(1, 'select; --')\n", "\n(1, $$ format TSV $$)"],
)
def test_values_may_hold_any_word(http: httpx.Client, admin: Client, new_table, values: str) -> None:
    table = new_table("a Int32, format String")
    answer = http.post("/", content=f"INSERT INTO {table} (a, format) VALUES {values}")
    assert (answer.status_code, admin.query(f"SELECT count() > 0 FROM {table}").first_row) == (200, (True,)), (
        answer.text
    )


def test_rows_without_a_format_are_in_the_requests(http: httpx.Client, admin: Client, new_table) -> None:
    table = new_table("a Int32")
    http.post("/", params={"query": f"INSERT INTO {table}", "default_format": "JSONEachRow"}, content='{"a": 1}')
    http.post("/", params={"query": f"INSERT INTO {table} (a)"}, content="VALUES (2)")
    http.post("/", params={"query": f"INSERT INTO {table} VALUES"}, content="(3), (4)")
    http.post("/", params={"query": f"INSERT INTO {table} (a) FORMAT"}, content="CSV 5\n6\n")
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (21,)


def test_an_insert_of_a_query_runs(http: httpx.Client, admin: Client, new_table) -> None:
    table = new_table("a Int32")
    for text in (
        f"INSERT INTO {table} SELECT 1",
        f"INSERT INTO {table} (a) WITH 2 AS x SELECT x",
        f"WITH 3 AS x INSERT INTO {table} SELECT x",
    ):
        assert http.post("/", content=text).text == ""
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (6,)


def test_a_large_insert_is_taken(admin: Client, http: httpx.Client, new_table) -> None:
    table = new_table("a UInt64, b String")
    rows = b"".join(b"%d,%s\n" % (number, b"y" * 50) for number in range(300_000))
    http.post("/", content=f"INSERT INTO {table} FORMAT CSV\n".encode() + rows)
    assert admin.query(f"SELECT count(), sum(a), sum(length(b)) FROM {table}").first_row == (
        300_000,
        299_999 * 150_000,
        15_000_000,
    )


def test_a_large_query_of_an_insert_is_taken(http: httpx.Client, admin: Client, new_table) -> None:
    table = new_table("a UInt64")
    text = f"INSERT INTO {table} SELECT length('{'x' * 2_000_000}')"
    answer = http.post("/", params={"max_query_size": "10000000"}, content=text)
    assert (answer.text, admin.query(f"SELECT a FROM {table}").first_row) == ("", (2_000_000,))


def test_async_insert_is_obeyed(admin: Client, new_table) -> None:
    table = new_table("a Int32", "MergeTree ORDER BY a")
    settings = {"async_insert": 1, "wait_for_async_insert": 1}
    admin.insert(table, [[1]], column_names=["a"], settings=settings)
    admin.command(f"INSERT INTO {table} VALUES (2)", settings=settings)
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (3,)


def test_native_blocks_with_a_protocol_version_are_not_misread(http: httpx.Client, new_table) -> None:
    table = new_table("a UInt8")
    answer = http.post(
        "/",
        params={"client_protocol_version": "54405", "query": f"INSERT INTO {table} FORMAT Native"},
        content=b"\x01\x01\x01a\x05UInt8\x01",
    )
    assert answer.headers["x-clickhouse-exception-code"] == "48"


@pytest.mark.parametrize("rows", ["FORMAT TSV\nx;\ny\n", "VALUES ('x;'), ('y')"])
def test_rows_may_follow_an_insert_with_a_with(http: httpx.Client, admin: Client, new_table, rows: str) -> None:
    table = new_table("s String")
    http.post("/", content=f"WITH 1 AS a INSERT INTO {table} (s) {rows}")
    assert admin.query(f"SELECT s FROM {table} ORDER BY s").result_rows == [("x;",), ("y",)]
