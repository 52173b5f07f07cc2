"""The Native format for clients that name their protocol version: block info, and time zones of DateTime columns."""

import datetime
from collections.abc import Callable

import chdb
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from stacks.embedded.clickhouse_server import native

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
EXPRESSIONS = [
    "number",
    "toInt256(number)",
    "toString(number)",
    "repeat('ä', number * 7)",
    "toFixedString('abc', 3)",
    "toDecimal32(number, 2)",
    "toDecimal256(number, 40)",
    "toDateTime(number)",
    "toDateTime64(number, 3)",
    "toDate(number)",
    "number % 2 = 0",
    "toFloat32(number)",
    "if(number % 2 = 0, NULL, number)",
    "if(number % 3 = 0, NULL, toString(number))",
    "range(number % 5)",
    "arrayMap(x -> range(x), range(number % 4))",
    "arrayMap(x -> toString(x), range(number % 4))",
    "arrayMap(x -> toNullable(toString(x)), range(number % 4))",
    "emptyArrayString()",
    "(number, toString(number))",
    "CAST((number, 'x'), 'Tuple(a UInt64, `b c` String)')",
    "()",
    "map('k', number, 'l', 2)",
    "CAST([], 'Map(String, Array(String))')",
    "toLowCardinality(toString(number % 10))",
    "toLowCardinality(toNullable(toString(number % 10)))",
    "arrayMap(x -> toLowCardinality(toString(x)), range(number % 4))",
    "CAST(map('k', toLowCardinality('v')), 'Map(LowCardinality(String), LowCardinality(String))')",
    "CAST('a', 'Enum8(\\'a\\' = 1, \\'b,)\\' = 2)')",
    "CAST('a', 'Enum16(\\'a\\' = 1)')",
    "generateUUIDv4()",
    "toIPv4('127.0.0.1')",
    "toIPv6('::1')",
    "toIntervalDay(number)",
    "NULL",
    "[]",
    "CAST((1, 2), 'Point')",
    "CAST([[(1, 2), (3, 4)]], 'Polygon')",
    "CAST(number, 'SimpleAggregateFunction(sum, UInt64)')",
    "CAST([(1, 'x')], 'Nested(a UInt8, b String)')",
    "true",
    "CAST(1.5, 'BFloat16')",
]


@pytest.fixture(scope="module")
def blocks() -> Callable[[str], bytes]:
    """What the engine writes, in this process."""
    connection = chdb.connect(":memory:")
    return lambda text: connection.query(text, "Native").bytes()


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("rows", [1, 100])
def test_a_columns_data_end_where_they_do(blocks: Callable[[str], bytes], expression: str, rows: int) -> None:
    block = blocks(f"SELECT {expression} AS first, toDateTime(0) AS last FROM numbers({rows})")
    first, last = native.columns(block)
    assert (first.name, last.name, last.type, last.end) == ("first", "last", "DateTime", len(block))


def test_several_blocks_are_told_apart(blocks: Callable[[str], bytes]) -> None:
    written = blocks("SELECT number, toString(number) AS b FROM numbers(200) SETTINGS max_block_size = 50")
    split = list(native.split(written))
    assert (b"".join(split), [native.rows_of(block) for block in split]) == (written, [50, 50, 50, 50])


@pytest.mark.parametrize(
    "expression", ["sumState(number)", "CAST(number, 'Variant(String, UInt64)')", "CAST(1, 'Dynamic')"]
)
def test_what_cannot_be_walked_through_is_told(blocks: Callable[[str], bytes], expression: str) -> None:
    with pytest.raises(native.UnknownLayoutError):
        list(native.columns(blocks(f"SELECT {expression} FROM numbers(2)")))


def test_a_block_without_zones_is_left_as_it_is(blocks: Callable[[str], bytes]) -> None:
    block = blocks("SELECT toDateTime(0) AS a, '\x01a\x08DateTime' AS b")
    writer = native.BlockWriter(54405, lambda: {"a": "DateTime", "b": "String"})
    assert writer.rewritten(block) == BLOCK_INFO + block


def test_what_only_looks_like_a_column_is_left_as_it_is(blocks: Callable[[str], bytes]) -> None:
    """The data of one column hold the very bytes with which the next one begins."""
    block = blocks("SELECT '\x01b\x08DateTime' AS a, toDateTime(5, 'Asia/Tokyo') AS b")
    rewritten = native.BlockWriter(54405, lambda: {"b": "DateTime('Asia/Tokyo')"}).rewritten(block)
    assert rewritten.count(b"\x08DateTime") == 1
    assert rewritten.endswith(b"\x01b\x16DateTime('Asia/Tokyo')\x05\x00\x00\x00")


@pytest.mark.parametrize(
    ("version", "begins"), [("0", b"\x01\x01"), ("51902", b"\x01\x01"), ("51903", BLOCK_INFO), ("54405", BLOCK_INFO)]
)
@pytest.mark.parametrize("text", ["SELECT 1", "EXISTS system.one", "SELECT 1 FORMAT Native"])
def test_blocks_have_their_info_for_clients_that_know_it(
    http: httpx.Client, version: str, begins: bytes, text: str
) -> None:
    answer = http.post("/", params={"client_protocol_version": version, "default_format": "Native"}, content=text)
    assert answer.content.startswith(begins)
    assert answer.headers["x-clickhouse-format"] == "Native"


def test_every_block_has_its_info(http: httpx.Client) -> None:
    asked = {"client_protocol_version": "54405", "max_block_size": "1000"}
    answer = http.post("/", params=asked, content="SELECT toUInt8(1) AS a FROM numbers(5000) FORMAT Native")
    assert answer.content.count(BLOCK_INFO) == 5


ZONED = [
    "toDateTime(0, 'Asia/Tokyo')",
    "materialize(toDateTime(0, 'Asia/Tokyo'))",
    "toDateTime64(0, 6, 'Asia/Tokyo')",
    "toNullable(toDateTime(0, 'Asia/Tokyo'))",
]


@pytest.mark.parametrize("expression", ZONED)
def test_a_zone_reaches_the_client(admin: Client, expression: str) -> None:
    value = admin.query(f"SELECT 'before' AS a, {expression} AS b, 'after' AS c").first_row[1]
    assert value.isoformat() == "1970-01-01T09:00:00+09:00"


def test_zones_reach_the_client_in_every_block(admin: Client) -> None:
    result = admin.query(
        "SELECT toString(number) AS n, toDateTime(number, 'Asia/Tokyo'), toDateTime(number, 'UTC') FROM numbers(200000)"
    )
    assert [column.name for column in result.column_types] == ["String", "DateTime('Asia/Tokyo')", "DateTime('UTC')"]
    assert result.row_count == 200_000
    assert result.result_rows[-1][1] == datetime.datetime.fromisoformat("1970-01-03T16:33:19+09:00")


def test_zones_are_told_with_parameters_settings_and_a_database(admin: Client) -> None:
    result = admin.query(
        "SELECT toDateTime({a:UInt32}, {zone:String}) AS t FROM one",
        parameters={"a": 0, "zone": "Asia/Tokyo"},
        settings={"max_threads": 1, "database": "system"},
    )
    assert result.column_types[0].name == "DateTime('Asia/Tokyo')"


def test_zones_of_a_temporary_table_are_told(server) -> None:
    with server.client() as client:
        client.command("CREATE TEMPORARY TABLE t (a DateTime('Asia/Tokyo'))")
        client.command("INSERT INTO t VALUES (0)")
        assert client.query("SELECT a FROM t").column_types[0].name == "DateTime('Asia/Tokyo')"


def test_the_sessions_zone_is_not_taken_for_a_columns(admin: Client) -> None:
    result = admin.query("SELECT toDateTime(0) AS a", settings={"session_timezone": "Asia/Tokyo"})
    assert result.column_types[0].name == "DateTime"


def test_an_empty_result_is_empty(http: httpx.Client, admin: Client) -> None:
    answer = http.post("/", params={"client_protocol_version": "54405"}, content="SELECT 1 WHERE 0 FORMAT Native")
    assert (answer.status_code, answer.content) == (200, b"")
    assert admin.query("SELECT 1 AS a WHERE 0").result_rows == []
