"""ClickHouse's lexical rules: where strings, names, comments and statements end in a text.

The rules are those of ClickHouse's Lexer.cpp (25.8): strings end at the first quote that is neither doubled nor
behind a backslash; names stand bare, in backticks or in double quotes; curly quotes ‘…’ “…” do as well and know no
escapes; x'…' and b'…' hold digits only; $tag$…$tag$ is a string; comments run from --, //, "# " or #! to the end of
the line, /* */ may be nested. Texts are bytes, for ClickHouse does not ask for UTF-8 in strings.

Everything that is asked of a client's text is asked of these tokens. What is not a token is an error, and a text with
an error is not run: so this lexer may be stricter than ClickHouse's, but never sees fewer statements than it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from stacks.embedded.clickhouse_server.errors import SYNTAX_ERROR, clickhouse_error


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED_NAME = "name"
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, `text[start:end]`."""

    kind: Kind
    start: int
    end: int
    value: bytes

    @property
    def word(self) -> str:
        """The word in upper case, for keywords; empty if this is none."""
        return self.value.decode("ascii").upper() if self.kind is Kind.WORD else ""

    @property
    def name(self) -> str:
        """The identifier that this is, bare or quoted, as ClickHouse understands it; empty if it is none."""
        if self.kind is Kind.WORD:
            return self.value.decode("ascii")
        if self.kind is not Kind.QUOTED_NAME:
            return ""
        if self.value.startswith(_LEFT_DOUBLE):
            return self.value[3:-3].decode(errors="surrogateescape")
        quote = self.value[:1]
        return _unescape(self.value[1:-1].replace(quote * 2, quote)).decode(errors="surrogateescape")

    def is_symbol(self, symbol: bytes) -> bool:
        """Whether this is that one-character symbol."""
        return self.kind is Kind.SYMBOL and self.value == symbol


_LEFT_DOUBLE = b"\xe2\x80\x9c"
_SKIPPED = re.compile(
    rb"""(?:
      [ \t\n\r\f\v]
    | \xc2[\x85\xa0] | \xe1\xa0\x8e | \xe2\x80[\x80-\x8d\xa8\xa9\xaf] | \xe2\x81[\x9f\xa0] | \xe3\x80\x80 | \xef\xbb\xbf
    | (?: -- | // | \#[ !] ) [^\n]*+
    )++""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    rb"""
      (?P<string>  '(?:[^'\\]++ | \\. | '')*+'
                 | [xX]'[0-9a-fA-F]*+' | [bB]'[01]*+'
                 | \xe2\x80\x98 .*? \xe2\x80\x99
                 | (?P<tag>\$[^$]*+\$) .*? (?P=tag) )
    | (?P<name>    "(?:[^"\\]++ | \\. | "")*+"
                 | `(?:[^`\\]++ | \\. | ``)*+`
                 | \xe2\x80\x9c .*? \xe2\x80\x9d )
    | (?P<broken>  ['"`] | [xXbB]' | \xe2\x80[\x98\x9c] )
    | (?P<number>  [0-9][0-9A-Za-z_]*+ )
    | (?P<word>    [A-Za-z_$][A-Za-z0-9_$]*+ )
    | (?P<symbol>  [()\[\]{},;.+\-*/%=<>!?:|@~^&] | \xe2\x88\x92 )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "string": Kind.STRING,
    "name": Kind.QUOTED_NAME,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "symbol": Kind.SYMBOL,
}
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {bytes([name]): bytes([value]) for name, value in zip(b"bfnrt0ave", b"\b\f\n\r\t\0\a\v\x1b", strict=True)}


def tokens(text: bytes) -> Iterator[Token]:
    """The tokens of `text`, one by one, so that a caller may stop where data begins. Error 62 where there is none."""
    position = 0
    while (position := _skip(text, position)) < len(text):
        match = _TOKEN.match(text, position)
        kind = _KINDS.get(match.lastgroup or "") if match else None
        if match is None or kind is None:
            raise unexpected(text, position, "Unrecognized token: ")
        # The group of the heredoc's tag closes after that of the string it is part of.
        yield Token(kind, position, match.end(), match[0])
        position = match.end()


def nesting(token: Token) -> int:
    """By how much the token changes the depth of brackets: 1, -1 or 0."""
    if token.kind is not Kind.SYMBOL:
        return 0
    return (token.value in b"([{") - (token.value in b")]}")


def unexpected(text: bytes, position: int, why: str = "") -> Exception:
    """ClickHouse's syntax error about what stands at `position`."""
    rest = text[position : position + 100].decode(errors="replace")
    return clickhouse_error(SYNTAX_ERROR, f"{why}Syntax error: failed at position {position + 1} ({rest[:1]}): {rest}.")


def _skip(text: bytes, position: int) -> int:
    """Behind the white space and the comments at `position`."""
    while True:
        if match := _SKIPPED.match(text, position):
            position = match.end()
        if not text.startswith(b"/*", position):
            return position
        position = _end_of_block_comment(text, position)


def _end_of_block_comment(text: bytes, start: int) -> int:
    depth = 0
    position = start
    while edge := _COMMENT_EDGE.search(text, position):
        depth += 1 if edge[0] == b"/*" else -1
        position = edge.end()
        if depth == 0:
            return position
    raise unexpected(text, start, "Multiline comment is not closed: ")


def _unescape(text: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        escaped = match[1]
        if len(escaped) == 3:
            return bytes.fromhex(escaped[1:].decode())
        return _ESCAPED.get(escaped, escaped)

    return _ESCAPE.sub(plain, text) if b"\\" in text else text
