"""From a text to the one statement in it.

An INSERT is read only up to its rows. Everything else is read to its end, which has to be the end of the text:
ClickHouse's HTTP interface runs one statement a request (error 62, as there).
"""

from collections.abc import Iterable, Iterator, Sequence

from stacks.embedded.clickhouse_server.errors import SYNTAX_ERROR, UNKNOWN_FORMAT, ClickHouseError, clickhouse_error
from stacks.embedded.clickhouse_server.insert_head import read_insert
from stacks.embedded.clickhouse_server.lexer import Kind, Token, nesting, tokens
from stacks.embedded.clickhouse_server.statement import InsertWithData, Question, Statement

QUESTIONS = frozenset({"SELECT", "FROM", "SHOW", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "CHECK", "KILL"})
"""The verbs of statements with a result."""

_WORDS_BEFORE_AN_EXPRESSION = """
    SELECT DISTINCT BY WHERE PREWHERE HAVING QUALIFY ON AND OR NOT AS IN LIKE ILIKE BETWEEN CASE WHEN THEN ELSE LIMIT
    FROM JOIN USING WITH
"""
# After these, FORMAT can only be the name of a column. After OFFSET it cannot, but OFFSET can be one, as Kafka's is.
_BEFORE_AN_EXPRESSION = frozenset(_WORDS_BEFORE_AN_EXPRESSION.split())
_ENDS_OF_EXPRESSIONS = frozenset({b")", b"]", b"}", b"*"})


def parse(text: bytes, formats: Iterable[str] = ()) -> Statement:
    """The one statement in `text`; a FORMAT clause of a question has to name one of `formats`, if they are given.

    ClickHouse's error 62 if there is none, more than one, or something that is not a token; 73 for an unknown format.
    """
    source = tokens(text)
    seen = _up_to_insert(source)
    if seen and seen[-1].word in ("INSERT", "INTO"):
        insert = read_insert(text, seen, source)
        if isinstance(insert, InsertWithData):
            return insert
        seen = insert
    statement = _without_semicolon(text, [*seen, *source])
    if not statement:
        raise clickhouse_error(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): . Empty query.")
    verb = _verb(statement)
    if verb in QUESTIONS:
        return _question(text, statement, verb, {name.lower(): name for name in formats})
    return Statement(text[: statement[-1].end], tuple(statement), verb)


def refuse_statements_behind(rows: bytes) -> None:
    """ClickHouse's error 62 if another statement follows the rows of a VALUES clause: the engine would pass over it.

    Rows that cannot be told from statements are left to the engine, which reads them as rows only.
    """
    if b";" not in rows:
        return
    try:
        seen = list(tokens(rows))
    except ClickHouseError:
        return
    _without_semicolon(rows, seen)


def _without_semicolon(text: bytes, seen: Sequence[Token]) -> Sequence[Token]:
    """The tokens of the first statement, which has to be the only one."""
    for place, token in enumerate(seen):
        if token.is_symbol(b";"):
            if all(later.is_symbol(b";") for later in seen[place:]):
                return seen[:place]
            rest = text[token.start : token.start + 100].decode(errors="replace")
            where = f"failed at position {token.start + 1} (;): {rest}"
            raise clickhouse_error(SYNTAX_ERROR, f"Syntax error (Multi-statements are not allowed): {where}.")
    return seen


def _up_to_insert(source: Iterator[Token]) -> list[Token]:
    """The tokens up to the words INSERT, or WITH … INSERT INTO, if the text begins like that; else some tokens."""
    seen: list[Token] = []
    depth = 0
    for token in source:
        seen.append(token)
        depth += nesting(token)
        if seen[0].word != "WITH" or (not depth and (token.word == "SELECT" or _is_insert_into(seen[-2:]))):
            break
    return seen


def _is_insert_into(pair: Sequence[Token]) -> bool:
    return [token.word for token in pair] == ["INSERT", "INTO"]


def _verb(statement: Sequence[Token]) -> str:
    """The first keyword; behind a WITH, the one that says what it is for."""
    begin = next((place for place, token in enumerate(statement) if not token.is_symbol(b"(")), 0)
    if statement[begin].word != "WITH":
        return statement[begin].word
    depth = 0
    for place, token in enumerate(statement):
        depth += nesting(token)
        if depth == begin and (token.word in ("SELECT", "FROM") or _is_insert_into(statement[place : place + 2])):
            return token.word
    return "WITH"


def _question(text: bytes, statement: Sequence[Token], verb: str, formats: dict[str, str]) -> Question:
    end = statement[-1].end
    clause = _format_clause(statement)
    if clause is None:
        return Question(text[:end], tuple(statement), verb, text[:end], None, b"")
    named = statement[clause + 1]
    if formats and named.name.lower() not in formats:
        raise clickhouse_error(UNKNOWN_FORMAT, f"Unknown format {named.name}.")
    chosen = formats.get(named.name.lower(), named.name)
    body = text[: statement[clause - 1].end]
    return Question(text[:end], tuple(statement), verb, body, chosen, text[named.end : end].strip())


def _format_clause(statement: Sequence[Token]) -> int | None:
    """The place of the last FORMAT that is a clause of the statement itself."""
    depth = 0
    found = None
    for place, token in enumerate(statement[:-1]):
        depth += nesting(token)
        if depth or not place or token.word != "FORMAT":
            continue
        follows = statement[place + 2].word if place + 2 < len(statement) else "SETTINGS"
        if statement[place + 1].word and follows in ("SETTINGS", "INTO") and _ends_an_expression(statement[place - 1]):
            found = place
    return found


def _ends_an_expression(token: Token) -> bool:
    if token.kind is Kind.SYMBOL:
        return token.value in _ENDS_OF_EXPRESSIONS
    return token.word not in _BEFORE_AN_EXPRESSION
