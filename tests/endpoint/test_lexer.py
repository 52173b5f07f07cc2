"""ClickHouse's lexical rules, held against the engine's own: what is one statement here may not be two there."""

import json
from collections.abc import Iterator

import chdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stacks.embedded.clickhouse_server.errors import ClickHouseError
from stacks.embedded.clickhouse_server.lexer import Kind, tokens
from stacks.embedded.clickhouse_server.parsing import parse
from stacks.embedded.clickhouse_server.refusals import check
from stacks.embedded.clickhouse_server.statement import InsertWithData, Question

pytestmark = pytest.mark.usefixtures("engine")


class Engine:
    """The engine in this process, asked what it makes of a text."""

    def __init__(self) -> None:
        self.connection = chdb.connect(":memory:")
        self.connection.query("CREATE TABLE t (a String) ENGINE = Memory")

    def value(self, text: str) -> str:
        return str(self.connection.query(text, "TabSeparatedRaw").bytes().decode(errors="replace").rstrip("\n"))

    def runs_what_follows(self, text: bytes) -> bool:
        """Whether the engine gets as far as `MARK` as a statement."""
        self.connection.query("SET max_block_size = 1")
        try:
            self.connection.query(text, "Null")
        except (RuntimeError, UnicodeDecodeError):
            self.connection.query("SELECT 1", "Null")
        return self.value("SELECT getSetting('max_block_size')") == "12345"

    def parses(self, text: bytes) -> bool:
        """Whether it is one statement to the engine."""
        escaped = text.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
        answer = self.connection.query(b"SELECT formatQueryOrNull('" + escaped + b"') IS NULL", "CSV").bytes()
        return bool(answer == b"0\n")


MARK = b"SET max_block_size = 12345"
_ENGINE: list[Engine] = []


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    _ENGINE.append(Engine())
    yield _ENGINE[0]
    _ENGINE.pop().connection.close()


# Pieces at which lexers disagree.
_MARKS = r"""
    ' '' " "" ` `` \ \\ \' \" \` ‘ ’ “ ” -- // # #! #a /* */ /*/ $ $$ $a$ $ab $1$ x' X' b' B' 0x' 1x' ; ( ) [ ] { } , .
    .. 1 1. .5 1e 1e- 0x1 a _a SELECT FORMAT VALUES 'a' x'41' AS
"""
_BYTES = [
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\xc2\xa0",
    b"\xe2\x80\x83",
    b"\xef\xbb\xbf",
    b"\xe2\x88\x92",
    b"\xff",
    b"\xe2\x80",
]
AWKWARD = st.sampled_from([*(mark.encode() for mark in _MARKS.split()), *_BYTES])
MESS = st.lists(AWKWARD, max_size=8).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(MESS, MESS, MESS)
@example(b"'\\'", b"", b"--'")
@example(b"$a$", b"", b"$a$")
@example(b"x'", b"", b"'")
@example("‘".encode(), b"'", "’".encode())
def test_what_is_one_statement_here_is_not_two_there(before: bytes, between: bytes, after: bytes) -> None:
    text = b"SELECT 1 " + before + b"; " + between + MARK + after
    try:
        parse(text)
    except ClickHouseError:
        return
    assert not _ENGINE[0].runs_what_follows(text)


HEADS = st.sampled_from(
    [b"SELECT 1 ", b"INSERT INTO t ", b"INSERT INTO t (a) ", b"SHOW TABLES ", b"INSERT INTO t SELECT 1 "]
)
CLAUSES = st.sampled_from([b"", b"VALUES ", b"FORMAT CSV ", b"FORMAT CSV\n", b"SETTINGS max_threads = 1 "])


@settings(max_examples=1000, deadline=None)
@given(HEADS, MESS, CLAUSES, MESS, MESS)
def test_what_is_handed_to_the_engine_is_one_statement(
    head: bytes, before: bytes, clause: bytes, between: bytes, after: bytes
) -> None:
    try:
        statement = parse(head + before + b" " + clause + between + b"; " + MARK + after, ("CSV",))
    except ClickHouseError:
        return
    text = statement.text
    if isinstance(statement, Question):
        text = statement.into("/dev/null", "CSV")
    elif isinstance(statement, InsertWithData):
        text = statement.reading("/dev/null", "CSV")
    assert not _ENGINE[0].runs_what_follows(text)


@settings(max_examples=500, deadline=None)
@given(MESS, MESS)
def test_a_change_of_role_is_found_wherever_the_engine_would(before: bytes, between: bytes) -> None:
    text = before + b" SET" + between + b"ROLE admin"
    try:
        check(parse(text), "admin")
    except ClickHouseError:
        return
    escaped = text.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    formatted = (
        _ENGINE[0]
        .connection.query(b"SELECT ifNull(formatQueryOrNull('" + escaped + b"'), '')", "TabSeparatedRaw")
        .bytes()
    )
    assert not formatted.startswith(b"SET ROLE")


@settings(max_examples=500, deadline=None)
@given(MESS)
def test_what_the_engine_takes_for_one_statement_is_one_here(mess: bytes) -> None:
    text = b"SELECT " + mess
    if _ENGINE[0].parses(text):
        assert parse(text).verb == "SELECT"


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
STRINGS = st.one_of(
    TEXT.map(literal),
    TEXT.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"),
    st.binary(max_size=5).map(lambda data: f"x'{data.hex()}'"),
    TEXT.map(lambda text: f"$tag${text.replace('$', '')}$tag$"),
)
COMMENTS = st.one_of(
    TEXT.map(lambda text: f"--{text.replace(chr(10), ' ')}\n"),
    TEXT.map(lambda text: f"# {text.replace(chr(10), ' ')}\n"),
    TEXT.map(lambda text: f"//{text.replace(chr(10), ' ')}\n"),
    TEXT.map(lambda text: f"/*{text.replace('*', '').replace('/', '')}/* inner */*/"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(STRINGS, COMMENTS), min_size=1, max_size=4))
def test_strings_and_comments_end_where_they_do(pieces: list[tuple[str, str]]) -> None:
    text = "SELECT " + ", ".join(f"{comment}{string}{comment}" for string, comment in pieces)
    found = [token.value.decode() for token in tokens(text.encode()) if token.kind is Kind.STRING]
    assert found == [string for string, _ in pieces]


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from(["`", '"']))
def test_a_quoted_name_is_understood_as_the_engine_does(name: str, quote: str) -> None:
    escaped = name.replace("\\", "\\\\").replace(quote, quote * 2)
    (token,) = tokens(f"{quote}{escaped}{quote}".encode())
    assert (token.kind, token.name) == (Kind.QUOTED_NAME, name)


@pytest.mark.parametrize("escaped", ["a\\x41b", "a\\nb", "\\tx\\\\", "a\\`b", 'a\\"b', "``", "\\0x", "\\e"])
def test_escapes_in_names_are_the_engines(engine: Engine, escaped: str) -> None:
    (token,) = tokens(f"`{escaped}`".encode())
    shown = engine.connection.query(f"SELECT 1 AS `{escaped}`", "JSONCompactColumns").bytes()
    described = engine.connection.query(f"DESCRIBE (SELECT 1 AS `{escaped}`) FORMAT JSONEachRow").bytes().decode()
    assert (json.loads(described)["name"], bool(shown)) == (token.name, True)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a1 $b 1a", "word word number"),
        ("1.5e-3 .5 0x1F", "number symbol number symbol number symbol number number"),
        ("a.b::c->d", "word symbol word symbol symbol word symbol symbol word"),
        ("x'41' X'' b'01' x '41'", "string string string word string"),
        ("{a:Int8} ? @@b", "symbol word symbol word symbol symbol symbol symbol word"),
    ],
)
def test_kinds_of_tokens(text: str, kinds: str) -> None:
    assert " ".join(token.kind.value for token in tokens(text.encode())) == kinds


def test_a_heredoc_without_its_end_is_a_name() -> None:
    assert [token.value for token in tokens(b"$a 'x'")] == [b"$a", b"'x'"]


def test_deeply_nested_comments_are_read() -> None:
    assert [token.value for token in tokens(b"/*" * 50_000 + b"*/" * 50_000 + b"a")] == [b"a"]
