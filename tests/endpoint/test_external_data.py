"""Tables that come with a request."""

from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.external import ExternalData

from tests.endpoint.conftest import Server

USERS = ("admin", "ingestion", "analyst")


def table(name: str = "ext", data: bytes = b"1,a\n2,b\n", **described: object) -> ExternalData:
    described = described or {"structure": ["id UInt64", "name String"]}
    return ExternalData(file_name=f"{name}.csv", data=data, fmt="CSV", **described)


def posted(
    server: Server, user: str, text: str, structure: str, data: bytes = b"1\n", form: str = "CSV", **more: str
) -> httpx.Response:
    with server.http(user) as http:
        described = {"query": text, "ext_structure": structure, "ext_format": form, **more}
        return http.post("/", params=described, files={"ext": ("ext", data)})


@pytest.mark.parametrize("user", USERS)
def test_every_user_may_bring_a_table(server: Server, tables: None, user: str) -> None:
    with server.client(user, autogenerate_session_id=False) as client:
        rows = client.query("SELECT name, id FROM ext ORDER BY id", external_data=table()).result_rows
    assert rows == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("user", USERS)
def test_a_table_may_be_brought_into_a_session(server: Server, tables: None, user: str) -> None:
    with server.client(user) as client:
        for _ in range(2):
            assert client.query("SELECT count() FROM ext", external_data=table()).first_row == (2,)
        with pytest.raises(Exception, match="UNKNOWN_TABLE"):
            client.query("SELECT * FROM ext")
        assert client.query("SELECT currentRoles()").first_row == ([user],)


def test_it_can_be_joined_with_what_is_there(analyst: Client) -> None:
    rows = analyst.query(
        "SELECT page, name FROM visits JOIN ext USING (id) ORDER BY id", external_data=table()
    ).result_rows
    assert rows == [("/landing", "a"), ("/product", "b")]


def test_several_tables_come_at_once(admin: Client) -> None:
    both = table("one")
    both.add_file(file_name="two.tsv", data=b"2\t3.5\n", fmt="TSV", types=["UInt64", "Decimal(9, 2)"])
    rows = admin.query("SELECT name, _2 FROM one JOIN two ON id = _1", external_data=both).result_rows
    assert [(name, str(value)) for name, value in rows] == [("b", "3.50")]


def test_types_alone_name_the_columns(admin: Client) -> None:
    brought = table(types=["UInt64", "Enum8('a' = 1, 'b' = -2)"])
    assert admin.query("SELECT _1, toInt8(_2) FROM ext", external_data=brought).result_rows == [(1, 1), (2, -2)]


def test_formats_are_free(server: Server) -> None:
    data = b'{"a": 5, "b": ["x"]}\n'
    assert (
        posted(server, "admin", "SELECT a, b FROM ext", "a Int32, b Array(String)", data, "JSONEachRow").text
        == "5\t['x']\n"
    )


def test_parameters_and_external_data_go_together(admin: Client) -> None:
    rows = admin.query(
        "SELECT name FROM ext WHERE id = {id:UInt64}", parameters={"id": 2}, external_data=table()
    ).result_rows
    assert rows == [("b",)]


def test_parameters_may_come_in_the_form(server: Server) -> None:
    with server.client(form_encode_query_params=True) as client:
        rows = client.query(
            "SELECT name, {a:String} FROM ext WHERE id = {id:UInt64}",
            parameters={"id": 2, "a": "ä'\n"},
            external_data=table(),
        )
    assert rows.result_rows == [("b", "ä'\n")]


def test_an_empty_table_is_a_table(admin: Client) -> None:
    assert admin.query("SELECT count() FROM ext", external_data=table(data=b"")).first_row == (0,)


def test_a_large_table_is_taken(admin: Client) -> None:
    data = b"".join(b"%d,x\n" % number for number in range(400_000))
    assert admin.query("SELECT count(), sum(id) FROM ext", external_data=table(data=data)).first_row == (
        400_000,
        399_999 * 200_000,
    )


def test_a_table_without_description_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", params={"query": "SELECT * FROM ext"}, files={"ext": ("ext", b"1\n")})
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "36")


@pytest.mark.parametrize(
    "structure",
    [
        "a String DEFAULT file('/etc/hostname')",
        "a String MATERIALIZED file('/etc/hostname')",
        "a String) ENGINE = Memory AS SELECT file('/etc/hostname') --",
        "a Int8); SET ROLE admin; --",
        "a String, b String ALIAS file(a)",
        "a Array(Int8",
        "a String /*",
        "a String TTL now()",
    ],
)
@pytest.mark.parametrize("user", USERS)
def test_a_structure_holds_names_and_types_only(server: Server, tables: None, user: str, structure: str) -> None:
    answer = posted(server, user, "SELECT * FROM ext", structure, session_id=f"structure {user}")
    assert answer.headers["x-clickhouse-exception-code"] in ("36", "62")
    with server.http(user) as http:
        assert (
            http.post("/", params={"session_id": f"structure {user}"}, content="SELECT currentRoles()").text
            == f"['{user}']\n"
        )


@pytest.mark.parametrize("user", USERS)
def test_its_values_are_no_expressions(server: Server, tables: None, tmp_path: Path, user: str) -> None:
    file = tmp_path / "private"
    file.write_text("the-hosts-secret")
    answer = posted(server, user, "SELECT * FROM ext", "a String", f"(file('{file}'))".encode(), "Values")
    assert "x-clickhouse-exception-code" in answer.headers
    assert "the-hosts-secret" not in answer.text


def test_its_format_is_a_name(server: Server) -> None:
    answer = posted(server, "admin", "SELECT 1", "a Int8", form="CSV; SET ROLE admin")
    assert answer.headers["x-clickhouse-exception-code"] == "36"


def test_a_form_that_is_none_is_told(http: httpx.Client) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = http.post("/", headers={"Content-Type": content_type}, content=b"SELECT 1")
        assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "36")
