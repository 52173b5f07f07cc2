"""External data: tables that come with a request, for the time of the request.

A table has a name, a format and a structure (`id UInt64, name String`) or just types (`UInt64,String`, columns _1,
_2, …). This endpoint makes a temporary table of it and fills it. The structure becomes part of a statement, so it may
hold names and types only: no default expressions, which the engine would evaluate, and nothing that ends the list of
columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stacks.embedded.clickhouse_server import rights
from stacks.embedded.clickhouse_server.body import Upload
from stacks.embedded.clickhouse_server.config import UserName
from stacks.embedded.clickhouse_server.engine import Connection
from stacks.embedded.clickhouse_server.errors import BAD_ARGUMENTS, clickhouse_error
from stacks.embedded.clickhouse_server.lexer import Kind, Token, tokens
from stacks.embedded.clickhouse_server.refusals import check_input_format

_NOT_IN_A_TYPE = frozenset(
    {"DEFAULT", "MATERIALIZED", "EPHEMERAL", "ALIAS", "CODEC", "TTL", "CONSTRAINT", "INDEX", "PROJECTION", "SETTINGS"}
)
_SYMBOLS = frozenset({b"(", b")", b",", b"=", b"-", b"."})
_PROPERTIES = ("format", "structure", "types")


@dataclass(frozen=True)
class ExternalTable:
    """One of a request's tables."""

    name: str
    format: str
    columns: str
    """What stands between the brackets of CREATE TABLE."""
    data: Upload

    def create(self, connection: Connection, user: UserName) -> None:
        """Makes and fills the table."""
        name = quoted(self.name)
        also = rights.role_of(user, rights.EXTERNAL_DATA_ROLE)
        created = f"CREATE TEMPORARY TABLE {name} ({self.columns}) ENGINE = Memory"
        connection.run(also)
        try:
            connection.run(created.encode(errors="surrogateescape"))
        finally:
            connection.run(rights.role_of(user))
        if self.data.size:
            source = f"FROM INFILE '{self.data.ready()}' COMPRESSION 'none'"
            constants_only = "SETTINGS input_format_values_interpret_expressions = 0" if user == "admin" else ""
            filled = f"INSERT INTO {name} {source} {constants_only} FORMAT {self.format}"
            connection.run(filled.encode(errors="surrogateescape"))

    def drop(self, connection: Connection) -> None:
        """Takes it away from a connection that goes on."""
        connection.run(f"DROP TEMPORARY TABLE IF EXISTS {quoted(self.name)}".encode(errors="surrogateescape"))


def external_tables(files: Mapping[str, Upload], fields: Mapping[str, str]) -> tuple[ExternalTable, ...]:
    """The request's tables; ClickHouse's error 36 for one that is not described well enough."""
    return tuple(_table(name, upload, fields) for name, upload in files.items())


def without_descriptions(files: Mapping[str, Upload], fields: Mapping[str, str]) -> dict[str, str]:
    """The fields that do not describe a table."""
    descriptions = {f"{name}_{what}" for name in files for what in _PROPERTIES}
    return {name: value for name, value in fields.items() if name not in descriptions}


def quoted(name: str) -> str:
    """`name` as a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _table(name: str, upload: Upload, fields: Mapping[str, str]) -> ExternalTable:
    wanted = fields.get(f"{name}_format") or "TabSeparated"
    if not wanted.isascii() or not wanted.isalnum():
        raise clickhouse_error(BAD_ARGUMENTS, f"The external table {name} has no format {wanted!r}.")
    check_input_format(wanted)
    if structure := fields.get(f"{name}_structure"):
        return ExternalTable(name, wanted, _checked(name, structure), upload)
    types = fields.get(f"{name}_types")
    if not types:
        raise clickhouse_error(
            BAD_ARGUMENTS, f"Neither structure nor types have been provided for external table {name}."
        )
    columns = ", ".join(f"_{place} {one}" for place, one in enumerate(_split(_checked(name, types)), 1))
    return ExternalTable(name, wanted, columns, upload)


def _checked(name: str, structure: str) -> str:
    depth = 0
    for token in tokens(structure.encode(errors="surrogateescape")):
        depth += token.is_symbol(b"(") - token.is_symbol(b")")
        if depth < 0 or not _belongs_to_a_type(token):
            told = f"The structure of external table {name} may hold names and types of columns only, found"
            raise clickhouse_error(BAD_ARGUMENTS, f"{told} {token.value.decode(errors='replace')!r}.")
    if depth:
        raise clickhouse_error(
            BAD_ARGUMENTS, f"The structure of external table {name} has brackets that are not closed."
        )
    return structure + "\n"


def _belongs_to_a_type(token: Token) -> bool:
    if token.kind is Kind.SYMBOL:
        return token.value in _SYMBOLS
    return token.word not in _NOT_IN_A_TYPE


def _split(types: str) -> Sequence[str]:
    """The types in a list of them, at its own commas only."""
    text = types.encode(errors="surrogateescape")
    parts, start, depth = [], 0, 0
    for token in tokens(text):
        depth += token.is_symbol(b"(") - token.is_symbol(b")")
        if token.is_symbol(b",") and not depth:
            parts.append(text[start : token.start])
            start = token.end
    return [part.decode(errors="surrogateescape") for part in (*parts, text[start:])]
