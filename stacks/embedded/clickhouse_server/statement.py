"""One statement of ClickHouse's SQL, taken apart as far as the HTTP interface has to know it.

A request's text is one of three things:

- a question (SELECT, SHOW, DESCRIBE, …): it has a result, in the format of its FORMAT clause or else the request's;
- an INSERT with data: a head, a format, and bytes that are nobody's SQL (`INSERT INTO t VALUES (1), (2)`);
- any other command, without a result.

`parsing` makes them of a text.
"""

from dataclasses import dataclass

from stacks.embedded.clickhouse_server.lexer import Token


@dataclass(frozen=True)
class Statement:
    """A statement without its data and without the semicolon at its end."""

    text: bytes
    tokens: tuple[Token, ...]
    verb: str
    """Its first keyword, in upper case; a WITH is looked through to what it is for."""


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
        result = b"INTO OUTFILE '%s' TRUNCATE FORMAT %s" % (path.encode(), output_format.encode())
        return b"\n".join((self.body, result, self.tail))


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
        rows = b"FROM INFILE '%s' COMPRESSION 'none'" % path.encode()
        return b"\n".join((self.target, rows, self.settings, b"FORMAT " + (self.format or default_format).encode()))
