"""clickhouse-connect's ways of asking and inserting, each once, as its users meet them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import clickhouse_connect
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.endpoint.conftest import PASSWORDS, Server


@pytest.fixture
def numbers(admin: Client, new_table: Callable[[str], str]) -> str:
    table = new_table("a UInt64, b String, t DateTime64(6, 'UTC'), d Decimal(18, 4)")
    admin.command(
        f"INSERT INTO {table} SELECT number AS n, toString(n), toDateTime64(n, 6, 'UTC'), n / 4 FROM numbers(100000)"
    )
    return table


def test_it_takes_the_endpoint_for_a_clickhouse(admin: Client) -> None:
    assert (admin.server_version, str(admin.server_tz), admin.protocol_version) == ("25.8.2.1", "UTC", 54405)
    assert admin.ping()


def test_rows(admin: Client, numbers: str) -> None:
    result = admin.query(f"SELECT * FROM {numbers} ORDER BY a LIMIT 2 OFFSET 1")
    assert result.column_names == ("a", "b", "t", "d")
    assert result.first_row[:2] + result.first_row[3:] == (1, "1", Decimal("0.2500"))
    assert result.column_types[2].name == "DateTime64(6, 'UTC')"


def test_columns_of_no_rows(admin: Client, numbers: str) -> None:
    assert admin.query(f"SELECT * FROM {numbers} LIMIT 0").column_names == ("a", "b", "t", "d")


def test_numpy(admin: Client, numbers: str) -> None:
    array = admin.query_np(f"SELECT a FROM {numbers} ORDER BY a")
    assert (array.shape, int(np.sum(array))) == ((100_000, 1), 99_999 * 50_000)


def test_pandas(admin: Client, numbers: str) -> None:
    frame = admin.query_df(f"SELECT a, b, t FROM {numbers} ORDER BY a")
    assert (len(frame), frame["a"].sum(), str(frame["b"].iloc[-1])) == (100_000, 99_999 * 50_000, "99999")


def test_arrow(admin: Client, numbers: str) -> None:
    table = admin.query_arrow(f"SELECT a, b FROM {numbers} ORDER BY a")
    assert (table.num_rows, table.column("a")[-1].as_py()) == (100_000, 99_999)


def test_streams(admin: Client, numbers: str) -> None:
    asked = f"SELECT a, b FROM {numbers}"
    with admin.query_row_block_stream(asked) as stream:
        assert sum(len(block) for block in stream) == 100_000
    with admin.query_column_block_stream(asked) as stream:
        assert sum(len(block[0]) for block in stream) == 100_000
    with admin.query_rows_stream(asked) as stream:
        assert sum(1 for _ in stream) == 100_000
    with admin.query_df_stream(asked) as stream:
        assert sum(len(frame) for frame in stream) == 100_000
    with admin.query_np_stream(asked) as stream:
        assert sum(len(array) for array in stream) == 100_000
    with admin.query_arrow_stream(asked) as stream:
        assert sum(batch.num_rows for batch in stream) == 100_000
    with admin.raw_stream(f"{asked} FORMAT CSV") as stream:
        assert stream.read().count(b"\n") == 100_000


def test_raw_queries(admin: Client) -> None:
    assert admin.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'


def test_commands(admin: Client) -> None:
    assert admin.command("SELECT 5") == 5
    assert admin.command("SELECT 'a', 'b'") == ["a", "b"]
    assert admin.command("EXISTS system.one") == 1


def test_inserts(admin: Client, new_table: Callable[[str], str]) -> None:
    table = new_table("a UInt64, b Nullable(String)")
    admin.insert(table, [[1, "x"], [2, None]], column_names=["a", "b"])
    admin.insert(table, [[3, 4], ["y", "z"]], column_names=["a", "b"], column_oriented=True)
    admin.insert_df(table, pd.DataFrame({"a": [5], "b": ["df"]}))
    admin.insert_arrow(table, pa.table({"a": pa.array([6], "uint64"), "b": ["ar"]}))
    admin.raw_insert(table, ["a", "b"], b"7,csv\n", fmt="CSV")
    admin.raw_insert(table, ["a", "b"], iter([b"8,cs", b"v\n9,x\n"]), fmt="CSV")
    assert admin.query(f"SELECT groupArray((a, b)) FROM (SELECT * FROM {table} ORDER BY a)").first_row[0] == [
        (1, "x"),
        (2, None),
        (3, "y"),
        (4, "z"),
        (5, "df"),
        (6, "ar"),
        (7, "csv"),
        (8, "csv"),
        (9, "x"),
    ]


def test_an_insert_context_is_used_again(admin: Client, new_table: Callable[[str], str]) -> None:
    table = new_table("a UInt64")
    context = admin.create_insert_context(table, ["a"])
    for value in (1, 2):
        admin.insert(data=[[value]], context=context)
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (3,)


def test_an_insert_that_cannot_be_written_inserts_nothing(admin: Client, new_table: Callable[[str], str]) -> None:
    table = new_table("a UInt64")
    with pytest.raises(Exception, match="Unable to create native array"):
        admin.insert(table, [[1], ["not a number"]], column_names=["a"])
    assert admin.query(f"SELECT count() FROM {table}").first_row == (0,)


def test_a_query_context_is_used_again(admin: Client) -> None:
    context = admin.create_query_context("SELECT {a:Int32} AS a", parameters={"a": 1})
    assert admin.query(context=context).first_row == (1,)
    assert admin.query(context=context, parameters={"a": 2}).first_row == (2,)


def test_client_settings_last(server: Server) -> None:
    with server.client(settings={"max_block_size": 333}) as client:
        for _ in range(2):
            assert client.query("SELECT getSetting('max_block_size')").first_row == (333,)


def test_a_clients_database(server: Server) -> None:
    with server.client(database="system") as client:
        assert client.query("SELECT count() FROM one").first_row == (1,)
    with pytest.raises(DatabaseError, match="UNKNOWN_DATABASE"):
        server.client(database="nope").query("SELECT 1")


def test_a_wrong_password(server: Server) -> None:
    with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED"):
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port, username="admin", password="wrong")


def test_errors_without_details(server: Server) -> None:
    with server.client(show_clickhouse_errors=False) as client, pytest.raises(DatabaseError) as raised:
        client.query("SELECT nope")
    assert (raised.value.code, "nope" in str(raised.value)) == (47, False)


def test_the_async_client(server: Server, new_table: Callable[[str], str]) -> None:
    table = new_table("a UInt64, t DateTime('Asia/Tokyo')")

    async def use() -> list[object]:
        options = {"host": "127.0.0.1", "port": server.port, "username": "admin", "password": PASSWORDS["admin"]}
        async with await clickhouse_connect.get_async_client(**options, autogenerate_session_id=False) as client:
            await client.insert(table, [[number, 0] for number in range(1000)], column_names=["a", "t"])
            several = await asyncio.gather(*(client.query(f"SELECT {number}, sleep(0.01)") for number in range(20)))
            counted = await client.query(f"SELECT count(), any(t) FROM {table}")
            async with await client.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
                streamed = [len(block) async for block in stream]
            return [
                sorted(result.first_row[0] for result in several),
                counted.first_row[0],
                counted.column_types[1].name,
                sum(streamed),
            ]

    assert asyncio.run(use()) == [list(range(20)), 1000, "DateTime('Asia/Tokyo')", 200_000]


def test_the_async_client_is_told_of_an_error_in_the_middle(server: Server) -> None:
    async def use() -> None:
        options = {"host": "127.0.0.1", "port": server.port, "username": "admin", "password": PASSWORDS["admin"]}
        fails_late = "SELECT throwIf(number = 3000000, 'late') FROM numbers(4000000)"
        async with (
            await clickhouse_connect.get_async_client(**options) as client,
            await client.query_row_block_stream(fails_late) as stream,
        ):
            async for _ in stream:
                pass

    with pytest.raises(Exception, match="late"):
        asyncio.run(use())


def test_the_db_api(server: Server) -> None:
    from clickhouse_connect.dbapi import connect

    connection = connect(host="127.0.0.1", port=server.port, username="admin", password=PASSWORDS["admin"])
    cursor = connection.cursor()
    cursor.execute("SELECT number FROM numbers(3) WHERE number > %(least)s", {"least": 0})
    assert cursor.fetchall() == [(1,), (2,)]
    connection.close()
