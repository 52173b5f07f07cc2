"""The head of an INSERT: its target, its columns and its settings, up to where its rows begin.

    [WITH …] INSERT [INTO] [TABLE | FUNCTION] target [(columns)] [SETTINGS name = value, …]
        VALUES rows…
        FORMAT name rows…
        (nothing: the rows are in the body)
        SELECT … | WITH … | FROM INFILE …

The last line is not for this module: it has no rows of its own. What the rows are is nobody's business here, so reading
stops where they begin.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from stacks.embedded.clickhouse_server.lexer import Kind, Token, nesting, unexpected
from stacks.embedded.clickhouse_server.statement import InsertWithData

_BEFORE_A_NAME = frozenset({"INSERT", "INTO", "TABLE", "FUNCTION"})
_QUERIES = frozenset({"SELECT", "WITH", "FROM", "WATCH"})
_BLANKS = (b" ", b"\t", b"\f")


@dataclass
class _Head:
    """What has been read so far."""

    text: bytes
    tokens: list[Token]
    target_end: int
    settings_start: int | None = None

    def rows(self, start: int, chosen: str | None, clause: int) -> InsertWithData:
        """The INSERT, its rows beginning at `start`, behind a clause of so many tokens."""
        head = self.tokens[: len(self.tokens) - clause]
        settings = b"" if self.settings_start is None else self.text[self.settings_start : head[-1].end]
        target = self.text[: self.target_end]
        return InsertWithData(self.text[:start].rstrip(), tuple(self.tokens), "INSERT", target, settings, chosen, start)


def read_insert(text: bytes, begin: list[Token], source: Iterator[Token]) -> InsertWithData | list[Token]:
    """The INSERT with data that `text` begins with, or, if it has no rows of its own, the tokens up to its query.

    `begin` are the tokens up to INSERT or INTO; `source` gives those behind, and is left where reading stopped.
    """
    head = _Head(text, begin, begin[-1].end)
    depth = 0
    for token in source:
        before, inside = head.tokens[-1], depth > 0
        depth += nesting(token)
        head.tokens.append(token)
        if token.is_symbol(b";") and not depth:
            rest = list(source)
            ends_here = all(later.is_symbol(b";") for later in rest)
            return head.rows(len(text), None, 1) if ends_here else [*head.tokens, *rest]
        is_clause = not inside and token.word and before.word not in _BEFORE_A_NAME and not before.is_symbol(b".")
        if is_clause and token.word in _QUERIES:
            return head.tokens
        if is_clause and token.word == "VALUES":
            return head.rows(token.end, "Values", 1)
        if is_clause and token.word == "FORMAT":
            return _formatted(head, source)
        if is_clause and token.word == "SETTINGS" and head.settings_start is None:
            head.settings_start = token.start
        elif head.settings_start is None:
            head.target_end = token.end
    return head.rows(len(text), None, 0)


def _formatted(head: _Head, source: Iterator[Token]) -> InsertWithData:
    """Behind FORMAT: its name, and the rows after the first newline, if one follows the name, or after the blanks."""
    named = next(source, None)
    if named is None or named.kind is not Kind.WORD:
        raise unexpected(head.text, head.tokens[-1].end)
    head.tokens.append(named)
    start = named.end
    if head.text[start : start + 1] == b";":
        start += 1
    while head.text[start : start + 1] in _BLANKS:
        start += 1
    for newline in (b"\r", b"\n"):
        if head.text[start : start + 1] == newline:
            start += 1
    return head.rows(start, named.name, 2)
