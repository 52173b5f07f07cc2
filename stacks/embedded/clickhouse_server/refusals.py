"""What no client may say, whatever its rights: doors to the host that the engine leaves open, and ways out of one's
role.

The engine's grants keep the restricted users from tables, sources and DDL. What they do not cover, because chDB is
meant to run inside its user's own process, is refused here, on tokens, wherever in the statement it stands:

- INTO OUTFILE and FROM INFILE write and read files with no grant asked. (ClickHouse's server refuses both as well.)
- The function `file()` reads any file, DESCRIBE of a table function reads its source, `python()` reads this process's
  objects; a function can also be named to APPLY without brackets.
- SET ROLE gives whoever asks any role, for all of them are `default`'s.
- KILL stops anybody's queries, for the same reason, and SYSTEM is not always denied: both are left to admin.
- `DROP … SYNC` and `KILL … SYNC` never return in this engine; `input()` reads nothing, silently.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from stacks.embedded.clickhouse_server.config import UserName
from stacks.embedded.clickhouse_server.errors import (
    ACCESS_DENIED,
    INTO_OUTFILE_NOT_ALLOWED,
    NOT_IMPLEMENTED,
    SET_NON_GRANTED_ROLE,
    UNKNOWN_TYPE_OF_QUERY,
    ClickHouseError,
    clickhouse_error,
)
from stacks.embedded.clickhouse_server.lexer import Kind, Token
from stacks.embedded.clickhouse_server.statement import Statement

_FILES = frozenset(
    {"file", "filecluster", "python", "executable", "sqlite", "catboostevaluate", "deltalakelocal", "iceberglocal"}
)
_OTHER_SOURCES = frozenset(
    [
        "url",
        "urlcluster",
        "s3",
        "s3cluster",
        "gcs",
        "oss",
        "cosn",
        "hdfs",
        "hdfscluster",
        "azureblobstorage",
        "azureblobstoragecluster",
        "remote",
        "remotesecure",
        "cluster",
        "clusterallreplicas",
        "postgresql",
        "mysql",
        "mongodb",
        "redis",
        "jdbc",
        "odbc",
        "ytsaurus",
        "deltalake",
        "deltalakes3",
        "deltalakeazure",
        "deltalakecluster",
        "hudi",
        "hudicluster",
        "iceberg",
        "icebergs3",
        "icebergazure",
        "iceberghdfs",
        "icebergcluster",
        "icebergs3cluster",
        "icebergazurecluster",
        "iceberghdfscluster",
        "dictionary",
        "arrowflight",
        "format",
    ]
)
_GROUPS_OF_SOURCES = {"admin": _FILES, "ingestion": _FILES | _OTHER_SOURCES, "analyst": _FILES | _OTHER_SOURCES}
# `format` is a table function to read with, and an everyday function of strings.
_ALSO_ORDINARY_FUNCTIONS = frozenset({"format"})
_BEFORE_A_TABLE = frozenset({"FROM", "JOIN", "TABLE", "DESC", "DESCRIBE", "FUNCTION"})
_KEEPS_WAITING = frozenset({"DROP", "DETACH", "UNDROP", "TRUNCATE", "KILL", "CREATE", "REPLACE"})


def check_input_format(name: str) -> None:
    """Raises error 48 for a format that the engine cannot be given data in.

    Each ORC file that is read makes the engine count some 20 MB more than it uses, until it takes itself for full and
    refuses everything, and at times it dies of one.
    """
    if name.lower() == "orc":
        raise clickhouse_error(NOT_IMPLEMENTED, "Data in ORC are not safe to read for this engine (chDB 4.0.2).")


def check(statement: Statement, user: UserName) -> None:
    """Raises ClickHouse's own error, where it has one, if the statement is one that `user` may not run here."""
    for error in _found(statement, user):
        raise error


def _found(statement: Statement, user: UserName) -> Iterator[ClickHouseError]:
    tokens = statement.tokens
    if statement.verb in ("KILL", "SYSTEM") and user != "admin":
        yield _denied(user, f"{' '.join(token.word for token in tokens[:2])} ON *.*")
    if statement.verb in _KEEPS_WAITING and _says_sync(tokens):
        told = f"{statement.verb} … SYNC does not return in this engine (chDB 4.0.2): leave SYNC out."
        yield clickhouse_error(NOT_IMPLEMENTED, told)
    for place, token in enumerate(tokens):
        following = tokens[place + 1 : place + 3]
        if token.word == "SET" and _names_role(following):
            yield clickhouse_error(SET_NON_GRANTED_ROLE, f"{user} has its role for good: SET ROLE is not allowed.")
        if following and following[0].kind is Kind.STRING:
            if token.word == "OUTFILE":
                yield clickhouse_error(INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed.")
            if token.word == "INFILE":
                yield clickhouse_error(UNKNOWN_TYPE_OF_QUERY, "Query has infile and was send directly to server.")
        if token.name:
            yield from _reached(tokens, place, user)


def _reached(tokens: Sequence[Token], place: int, user: UserName) -> Iterator[ClickHouseError]:
    """Errors about the function that is called, or given to APPLY, at `place`."""
    name = tokens[place].name.lower()
    before = [token.word or token.value.decode(errors="replace") for token in tokens[max(place - 2, 0) : place]]
    called = place + 1 < len(tokens) and tokens[place + 1].is_symbol(b"(")
    applied = before[-1:] == ["APPLY"] or before == ["APPLY", "("]
    if not called and not applied:
        return
    if name == "input":
        yield clickhouse_error(NOT_IMPLEMENTED, "The table function input() is not supported by this engine.")
    if name in _GROUPS_OF_SOURCES[user] and not (
        name in _ALSO_ORDINARY_FUNCTIONS and not _BEFORE_A_TABLE.intersection(before[-1:])
    ):
        yield _denied(user, f"READ ON {tokens[place].name.upper()}")


def _says_sync(tokens: Sequence[Token]) -> bool:
    words = [token.word for token in tokens[-2:]]
    return (
        words[-1:] == ["SYNC"]
        or words == ["NO", "DELAY"]
        or any(token.word == "SYNC" and later.word in ("FORMAT", "SETTINGS") for token, later in pairwise(tokens))
    )


def _names_role(following: Sequence[Token]) -> bool:
    """Whether what follows SET is ROLE … or DEFAULT ROLE, and not a column or setting of that name (`SET role = 1`)."""
    words = [token.word for token in following]
    if words[:1] == ["ROLE"]:
        return len(following) < 2 or not following[1].is_symbol(b"=")
    return words == ["DEFAULT", "ROLE"]


def _denied(user: UserName, grant: str) -> ClickHouseError:
    told = f"{user}: Not enough privileges. To execute this query, it's necessary to have the grant {grant}."
    return clickhouse_error(ACCESS_DENIED, told)
