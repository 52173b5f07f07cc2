"""Bodies compressed on their way in and out."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import httpx
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.client import Client

from tests.endpoint.conftest import Server

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "lz4": lz4.frame.decompress,
}
METHODS = list(COMPRESS)


def post(http: httpx.Client, content: bytes, method: str, **parameters: str) -> httpx.Response:
    return http.post("/", params=parameters, content=content, headers={"Content-Encoding": method})


def raw_answer(http: httpx.Client, text: str, accepted: str, **parameters: str) -> tuple[str | None, bytes]:
    """An answer's Content-Encoding and its body as it came."""
    with http.stream("POST", "/", params=parameters, content=text, headers={"Accept-Encoding": accepted}) as answer:
        return answer.headers.get("content-encoding"), b"".join(answer.iter_raw())


@pytest.mark.parametrize("method", METHODS)
def test_a_query_may_be_compressed(http: httpx.Client, method: str) -> None:
    assert post(http, COMPRESS[method](b"SELECT 42"), method).text == "42\n"


@pytest.mark.parametrize("method", METHODS)
def test_data_may_be_compressed(http: httpx.Client, admin: Client, new_table, method: str) -> None:
    table = new_table("a UInt64")
    rows = "\n".join(map(str, range(300_000))).encode()
    post(http, COMPRESS[method](rows), method, query=f"INSERT INTO {table} FORMAT CSV")
    assert admin.query(f"SELECT count(), sum(a) FROM {table}").first_row == (300_000, 299_999 * 150_000)


@pytest.mark.parametrize("method", ["gzip", "zstd", "lz4"])
def test_data_may_come_in_several_frames(http: httpx.Client, admin: Client, new_table, method: str) -> None:
    table = new_table("a UInt64")
    frames = COMPRESS[method](b"1\n2\n") + COMPRESS[method](b"3\n")
    post(http, frames, method, query=f"INSERT INTO {table} FORMAT CSV")
    assert admin.query(f"SELECT sum(a) FROM {table}").first_row == (6,)


@pytest.mark.parametrize("method", METHODS)
def test_data_that_were_cut_off_are_not_inserted(http: httpx.Client, admin: Client, new_table, method: str) -> None:
    table = new_table("a UInt64")
    whole = COMPRESS[method]("\n".join(map(str, range(100_000))).encode())
    answer = post(http, whole[: len(whole) // 2], method, query=f"INSERT INTO {table} FORMAT CSV")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (500, "271")
    assert admin.query(f"SELECT count() FROM {table}").first_row == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_compressed_is_told(http: httpx.Client, method: str) -> None:
    answer = post(http, b"SELECT 1 -- and not compressed at all", method)
    assert answer.headers["x-clickhouse-exception-code"] == "271"


def test_an_unknown_method_is_refused(http: httpx.Client) -> None:
    answer = post(http, b"SELECT 1", "snappy9")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (501, "48")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [1, 1_000_000])
def test_an_answer_is_compressed_when_asked_for(http: httpx.Client, method: str, rows: int) -> None:
    text = f"SELECT number FROM numbers({rows})"
    encoding, body = raw_answer(http, text, method, enable_http_compression="1")
    assert encoding == method
    assert DECOMPRESS[method](body) == "".join(f"{number}\n" for number in range(rows)).encode()


def test_an_answer_is_plain_unless_asked_for(http: httpx.Client) -> None:
    assert raw_answer(http, "SELECT 1", "gzip") == (None, b"1\n")
    assert raw_answer(http, "SELECT 1", "identity", enable_http_compression="1") == (None, b"1\n")


def test_the_best_accepted_method_is_taken(http: httpx.Client) -> None:
    encoding, _ = raw_answer(http, "SELECT 1", "deflate, gzip;q=0.5, zstd", enable_http_compression="1")
    assert encoding == "zstd"


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", "br", True, False])
def test_the_client_library_compresses_both_ways(server: Server, new_table, compression: str | bool) -> None:
    table = new_table("a UInt64, b String")
    with server.client(compress=compression) as client:
        client.insert(table, [[number, "z" * 100] for number in range(20_000)], column_names=["a", "b"])
        rows = client.query(f"SELECT * FROM {table} ORDER BY a").result_rows
    assert (len(rows), rows[-1]) == (20_000, (19_999, "z" * 100))


@pytest.mark.parametrize("parameter", ["compress", "decompress"])
def test_clickhouses_own_block_compression_is_refused(http: httpx.Client, parameter: str) -> None:
    answer = http.post("/", params={parameter: "1"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (501, "48")
