"""One statement of ClickHouse's SQL, taken apart as far as the HTTP interface has to know it.

A request's text is one of three things:

- a question (SELECT, SHOW, DESCRIBE, …): it has a result, in the format of its FORMAT clause or else the request's;
- an INSERT with data: a head, a format, and bytes that are nobody's SQL (`INSERT INTO t VALUES (1), (2)`);
- any other command, without a result.

The INSERT is read only up to its data. Everything else is read to its end, which has to be the end of the text:
ClickHouse's HTTP interface runs one statement a request (error 62, as there).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stacks.embedded.clickhouse_server.errors import SYNTAX_ERROR, UNKNOWN_FORMAT, ClickHouseError, clickhouse_error
from stacks.embedded.clickhouse_server.lexer import Kind, Token, tokens, unexpected

QUESTIONS = frozenset({"SELECT", "FROM", "SHOW", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "CHECK", "KILL"})

# After these, FORMAT can only be the name of a column.
_BEFORE_AN_EXPRESSION = frozenset(
    [
        "SELECT",
        "DISTINCT",
        "BY",
        "WHERE",
        "PREWHERE",
        "HAVING",
        "QUALIFY",
        "ON",
        "AND",
        "OR",
        "NOT",
        "AS",
        "IN",
        "LIKE",
        "ILIKE",
        "BETWEEN",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "LIMIT",
        "OFFSET",
        "FROM",
        "JOIN",
        "USING",
        "WITH",
    ]
)


@dataclass(frozen=True)
class Statement:
    """A statement without its data and without the semicolon at its end."""

    text: bytes
    tokens: tuple[Token, ...]
    verb: str
    """Its first keyword, in upper case; a WITH is looked through to what it is for."""

    @property
    def is_question(self) -> bool:
        """Whether it has a result."""
        return self.verb in QUESTIONS


@dataclass(frozen=True)
class Question(Statement):
    """A statement with a result."""

    body: bytes
    """The statement without its FORMAT clause and what follows it."""
    format: str | None
    tail: bytes
    """What follows the FORMAT clause: settings."""

    def into(self, path: str, output_format: str) -> bytes:
        """The statement with its result written to `path` in that format, over whatever is there."""
        return b"%s\nINTO OUTFILE '%s' TRUNCATE FORMAT %s %s" % (
            self.body,
            path.encode(),
            output_format.encode(),
            self.tail,
        )


@dataclass(frozen=True)
class InsertWithData(Statement):
    """An INSERT whose rows follow its text."""

    target: bytes
    """INSERT INTO …, up to and with the columns."""
    settings: bytes
    format: str | None
    """None where the text leaves it to the request's default."""
    data_start: int
    """Where the rows begin in the text that was parsed."""

    def reading(self, path: str, default_format: str) -> bytes:
        """The statement with its rows read from `path`."""
        chosen = (self.format or default_format).encode()
        return b"%s FROM INFILE '%s' COMPRESSION 'none' %s FORMAT %s" % (
            self.target,
            path.encode(),
            self.settings,
            chosen,
        )


def parse(text: bytes, formats: Iterable[str] = ()) -> Statement:
    """The one statement in `text`; a FORMAT clause of a question has to name one of `formats`, if they are given.

    ClickHouse's error 62 if there is none, more than one, or something that is not a token; 73 for an unknown format.
    """
    source = tokens(text)
    seen: list[Token] = []
    for token in source:
        seen.append(token)
        if not token.is_symbol(b"("):
            break
    if not seen:
        raise clickhouse_error(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): . Empty query.")
    if seen[0].word == "INSERT":
        return _insert(text, seen[0], source)
    seen += source
    return _whole(text, seen, {name.lower(): name for name in formats})


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


def _whole(text: bytes, seen: Sequence[Token], formats: dict[str, str]) -> Statement:
    statement = _without_semicolon(text, seen)
    if not statement:
        raise clickhouse_error(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): . Empty query.")
    end = statement[-1].end
    verb = _verb(statement)
    if verb not in QUESTIONS:
        return Statement(text[:end], tuple(statement), verb)
    clause = _format_clause(statement)
    if clause is None:
        return Question(text[:end], tuple(statement), verb, text[:end], None, b"")
    named = statement[clause + 1]
    if named.name.lower() not in formats and formats:
        raise clickhouse_error(UNKNOWN_FORMAT, f"Unknown format {named.name}.")
    body = text[: statement[clause - 1].end]
    chosen = formats.get(named.name.lower(), named.name)
    return Question(text[:end], tuple(statement), verb, body, chosen, text[named.end : end].strip())


def _without_semicolon(text: bytes, seen: Sequence[Token]) -> Sequence[Token]:
    for place, token in enumerate(seen):
        if token.is_symbol(b";"):
            if all(later.is_symbol(b";") for later in seen[place:]):
                return seen[:place]
            rest = text[token.start : token.start + 100].decode(errors="replace")
            where = f"failed at position {token.start + 1} (;): {rest}"
            raise clickhouse_error(SYNTAX_ERROR, f"Syntax error (Multi-statements are not allowed): {where}.")
    return seen


def _verb(statement: Sequence[Token]) -> str:
    words = (token for token in statement if not token.is_symbol(b"("))
    first = next(words, statement[0]).word
    if first != "WITH":
        return first
    level = next(i for i, token in enumerate(statement) if token.word)
    mains = (token.word for token in _at_depth(statement, level) if token.word in ("SELECT", "INSERT", "FROM"))
    return next(mains, first)


def _at_depth(statement: Sequence[Token], wanted: int = 0) -> Iterator[Token]:
    depth = 0
    for token in statement:
        depth += _nesting(token)
        if depth == wanted:
            yield token


def _nesting(token: Token) -> int:
    if token.kind is not Kind.SYMBOL:
        return 0
    return (token.value in b"([{") - (token.value in b")]}")


def _format_clause(statement: Sequence[Token]) -> int | None:
    """The place of the last FORMAT that is a clause of the statement itself."""
    depth = 0
    found = None
    for place, token in enumerate(statement[:-1]):
        depth += _nesting(token)
        if depth or token.word != "FORMAT" or not place:
            continue
        named, before = statement[place + 1], statement[place - 1]
        if not named.word or before.word in _BEFORE_AN_EXPRESSION:
            continue
        if before.kind is Kind.SYMBOL and before.value not in (b")", b"]", b"}", b"*"):
            continue
        follows = statement[place + 2].word if place + 2 < len(statement) else ""
        if place + 2 == len(statement) or follows in ("SETTINGS", "INTO"):
            found = place
    return found


def _insert(text: bytes, first: Token, source: Iterator[Token]) -> Statement:
    """Reads an INSERT: its target and columns, its settings, then VALUES or FORMAT (its data follow) or a query."""
    seen = [first]
    target_end = first.end
    depth = 0
    settings_start: int | None = None
    for token in source:
        previous, before = seen[-1], depth
        seen.append(token)
        depth += _nesting(token)
        if before or depth or token.kind is not Kind.WORD:
            if settings_start is None:
                target_end = token.end
            if token.is_symbol(b";") and not depth:
                return _insert_without_rows(text, seen, source, target_end, settings_start)
            continue
        named_by_target = previous.word in ("INTO", "TABLE", "FUNCTION", "INSERT") or previous.is_symbol(b".")
        if token.word in ("INTO", "TABLE", "FUNCTION") or named_by_target:
            target_end = token.end
        elif token.word == "SETTINGS" and settings_start is None:
            settings_start = token.start
        elif token.word == "VALUES":
            return _rows_at(text, seen, token.end, "Values", target_end, settings_start)
        elif token.word == "FORMAT":
            return _formatted_rows(text, seen, source, target_end, settings_start)
        elif token.word in ("SELECT", "WITH", "FROM", "WATCH"):
            return _whole(text, [*seen, *source], {})
        elif settings_start is None:
            target_end = token.end
    return _insert_without_rows(text, seen, source, target_end, settings_start)


def _insert_without_rows(
    text: bytes, seen: list[Token], source: Iterator[Token], target_end: int, settings_start: int | None
) -> Statement:
    """`INSERT INTO t (a)`: its rows are all in the request's body, in the default format."""
    statement = _without_semicolon(text, [*seen, *source])
    return _rows_at(text, statement, len(text), None, min(target_end, statement[-1].end), settings_start)


def _formatted_rows(
    text: bytes, seen: list[Token], source: Iterator[Token], target_end: int, settings_start: int | None
) -> InsertWithData:
    named = next(source, None)
    if named is None or not named.word:
        raise unexpected(text, seen[-1].end)
    start = named.end
    if text[start : start + 1] == b";":
        start += 1
    # The rows begin after the first newline, if there is one after the name, or after the blanks.
    while text[start : start + 1] in (b" ", b"\t", b"\f"):
        start += 1
    for newline in (b"\r", b"\n"):
        if text[start : start + 1] == newline:
            start += 1
    return _rows_at(text, [*seen, named], start, named.name, target_end, settings_start, clause=2)


def _rows_at(
    text: bytes,
    seen: Sequence[Token],
    start: int,
    chosen: str | None,
    target_end: int,
    settings_start: int | None,
    clause: int = 1,
) -> InsertWithData:
    settings = b""
    if settings_start is not None:
        settings_end = seen[-clause - 1].end if chosen else seen[-1].end
        settings = text[settings_start:settings_end]
    return InsertWithData(text[:start].rstrip(), tuple(seen), "INSERT", text[:target_end], settings, chosen, start)
