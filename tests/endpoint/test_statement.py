"""Statements taken apart: verb, FORMAT clause, and where an INSERT's rows begin."""

import pytest

from stacks.embedded.clickhouse_server.errors import ClickHouseError
from stacks.embedded.clickhouse_server.parsing import parse
from stacks.embedded.clickhouse_server.statement import InsertWithData, Question, Statement

FORMATS = ("CSV", "JSON", "Native", "Values")


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("select 1", "SELECT"),
        ("((SELECT 1)) UNION ALL (SELECT 2)", "SELECT"),
        ("-- c\n/* c */ SHOW TABLES", "SHOW"),
        ("WITH 1 AS a SELECT a", "SELECT"),
        ("WITH a AS (SELECT 1 AS x, (SELECT 2) AS y) INSERT INTO t SELECT x FROM a", "INSERT"),
        ("WITH insert AS (SELECT 13 AS n) SELECT * FROM insert", "SELECT"),
        ("WITH 13 AS insert SELECT insert", "SELECT"),
        ("WITH {INSERT:Int32} AS a SELECT a", "SELECT"),
        ("WITH a AS (SELECT 1) FROM a SELECT 1", "FROM"),
        ("WITH 1 AS a INSERT INTO t FORMAT CSV 1", "INSERT"),
        ("(WITH 1 AS a SELECT a)", "SELECT"),
        ("FROM t SELECT a", "FROM"),
        ("create table t (a Int8)", "CREATE"),
        ("KILL QUERY WHERE 1", "KILL"),
        ("INSERT INTO t VALUES (1)", "INSERT"),
        ("1 + 1", ""),
    ],
)
def test_the_verb_tells_what_a_statement_does(text: str, verb: str) -> None:
    assert parse(text.encode()).verb == verb


@pytest.mark.parametrize(
    ("text", "chosen", "body", "tail"),
    [
        ("SELECT 1", None, "SELECT 1", ""),
        ("SELECT 1 -- c", None, "SELECT 1", ""),
        ("SELECT 1 FORMAT json;", "JSON", "SELECT 1", ""),
        ("SELECT 1 /* c */ FORMAT/**/CSV -- c", "CSV", "SELECT 1", ""),
        ("SELECT 1 SETTINGS a = 1 FORMAT CSV SETTINGS b = 2", "CSV", "SELECT 1 SETTINGS a = 1", "SETTINGS b = 2"),
        ("SELECT a FORMAT FROM t", None, "SELECT a FORMAT FROM t", ""),
        ("SELECT format('{}', 1) FORMAT CSV", "CSV", "SELECT format('{}', 1)", ""),
        ("SELECT (SELECT 1 AS format) AS format", None, "SELECT (SELECT 1 AS format) AS format", ""),
        ("SELECT * FROM t ORDER BY format CSV", None, "SELECT * FROM t ORDER BY format CSV", ""),
        ("SELECT 'x FORMAT CSV'", None, "SELECT 'x FORMAT CSV'", ""),
        ("SELECT * FORMAT CSV", "CSV", "SELECT *", ""),
        ("SELECT a FROM t ORDER BY p, offset FORMAT CSV", "CSV", "SELECT a FROM t ORDER BY p, offset", ""),
        ("SELECT a FROM t LIMIT 1 OFFSET 2 FORMAT CSV", "CSV", "SELECT a FROM t LIMIT 1 OFFSET 2", ""),
        ("SHOW TABLES FORMAT Native", "Native", "SHOW TABLES", ""),
    ],
)
def test_the_format_clause_is_found(text: str, chosen: str | None, body: str, tail: str) -> None:
    statement = parse(text.encode(), FORMATS)
    assert isinstance(statement, Question)
    assert (statement.format, statement.body.decode(), statement.tail.decode()) == (chosen, body, tail)


def test_a_result_is_sent_to_a_file_before_the_format() -> None:
    statement = parse(b"SELECT 1 -- c\nFORMAT CSV SETTINGS a = 1;", FORMATS)
    assert isinstance(statement, Question)
    assert (
        statement.into("/dev/fd/3", "CSV") == b"SELECT 1\nINTO OUTFILE '/dev/fd/3' TRUNCATE FORMAT CSV\nSETTINGS a = 1"
    )


@pytest.mark.parametrize(
    ("text", "reading", "rows"),
    [
        ("INSERT INTO t VALUES (1)", "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' FORMAT Values", " (1)"),
        (
            "insert into a.`b` (c, d) format CSV 1,2",
            "insert into a.`b` (c, d) FROM INFILE 'F' COMPRESSION 'none' FORMAT CSV",
            "1,2",
        ),
        ("INSERT INTO t FORMAT CSV\n\n1", "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' FORMAT CSV", "\n1"),
        ("INSERT INTO t FORMAT CSV\r\n1", "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' FORMAT CSV", "1"),
        ("INSERT INTO t FORMAT CSV;\n1", "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' FORMAT CSV", "1"),
        (
            "INSERT INTO t FORMAT Native\n\x01;'",
            "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' FORMAT Native",
            "\x01;'",
        ),
        (
            "INSERT INTO t SETTINGS a = 1, b = 'VALUES' VALUES (1)",
            "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' SETTINGS a = 1, b = 'VALUES' FORMAT Values",
            " (1)",
        ),
        (
            "INSERT INTO t (a) -- c\nSETTINGS a = 1 -- c\nFORMAT CSV\n1",
            "INSERT INTO t (a) FROM INFILE 'F' COMPRESSION 'none' SETTINGS a = 1 FORMAT CSV",
            "1",
        ),
        (
            "INSERT INTO values (format) VALUES (1)",
            "INSERT INTO values (format) FROM INFILE 'F' COMPRESSION 'none' FORMAT Values",
            " (1)",
        ),
        (
            "INSERT INTO a.format VALUES (1)",
            "INSERT INTO a.format FROM INFILE 'F' COMPRESSION 'none' FORMAT Values",
            " (1)",
        ),
        (
            "INSERT INTO FUNCTION null('a Int8') VALUES (1)",
            "INSERT INTO FUNCTION null('a Int8') FROM INFILE 'F' COMPRESSION 'none' FORMAT Values",
            " (1)",
        ),
        (
            "INSERT INTO t (* EXCEPT (a)) VALUES (1)",
            "INSERT INTO t (* EXCEPT (a)) FROM INFILE 'F' COMPRESSION 'none' FORMAT Values",
            " (1)",
        ),
        (
            "WITH (SELECT 1) AS a INSERT INTO t (s) FORMAT TSV\nx;\n",
            "WITH (SELECT 1) AS a INSERT INTO t (s) FROM INFILE 'F' COMPRESSION 'none' FORMAT TSV",
            "x;\n",
        ),
        ("INSERT INTO t (a)", "INSERT INTO t (a) FROM INFILE 'F' COMPRESSION 'none' FORMAT TSV", ""),
        (
            "INSERT INTO t SETTINGS a = 'b'",
            "INSERT INTO t FROM INFILE 'F' COMPRESSION 'none' SETTINGS a = 'b' FORMAT TSV",
            "",
        ),
    ],
)
def test_an_insert_is_split_from_its_rows(text: str, reading: str, rows: str) -> None:
    statement = parse(text.encode())
    assert isinstance(statement, InsertWithData)
    assert " ".join(statement.reading("F", "TSV").decode().split()) == reading
    assert text[statement.data_start :] == rows


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) SELECT 1",
        "INSERT INTO t WITH 1 AS a SELECT a",
        "INSERT INTO t SETTINGS a = 1 SELECT 1",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "INSERT INTO values SELECT format FROM values",
    ],
)
def test_an_insert_of_a_query_has_no_rows(text: str) -> None:
    statement = parse(text.encode())
    assert (type(statement), statement.verb, statement.text) == (Statement, "INSERT", text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t SELECT 1; SELECT 2",
        "INSERT INTO t; x",
        "INSERT INTO t (a) ; VALUES (1)",
        "INSERT INTO t FORMAT",
        "INSERT INTO t FORMAT 'CSV'",
    ],
)
def test_a_broken_insert_is_a_syntax_error(text: str) -> None:
    with pytest.raises(ClickHouseError) as raised:
        parse(text.encode())
    assert raised.value.code == 62
