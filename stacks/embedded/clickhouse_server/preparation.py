"""A connection made ready for a request: the user's, in the right database, with the request's settings and tables.

A request without a session gets a new connection, and that is all there is to clean up. In a session, what the
request set for itself is taken back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from stacks.embedded.clickhouse_server.engine import Connection, Engine
from stacks.embedded.clickhouse_server.errors import UNKNOWN_SETTING, ClickHouseError, clickhouse_error
from stacks.embedded.clickhouse_server.external import ExternalTable, quoted
from stacks.embedded.clickhouse_server.request import Request, encoded
from stacks.embedded.clickhouse_server.sessions import Session, Sessions

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Prepared:
    """A connection for one statement."""

    connection: Connection
    session: Session | None
    is_like_new: bool
    """Whether a new connection with the request's settings would know the same tables and settings."""


@contextmanager
def prepared(
    engine: Engine, sessions: Sessions, request: Request, tables: Sequence[ExternalTable]
) -> Iterator[Prepared]:
    """The connection, for the time of one statement."""
    with ExitStack() as afterwards:
        if request.session is None:
            connection = afterwards.enter_context(fresh(engine, request))
            session = None
        else:
            wish = request.session
            session = afterwards.enter_context(
                sessions.entered(request.user, wish.id, wish.timeout, must_exist=wish.must_exist, close=wish.close)
            )
            connection = session.connection
            afterwards.enter_context(_lent(session, request))
        for table in tables:
            table.create(connection, request.user)
            if session is not None:
                afterwards.callback(table.drop, connection)
        yield Prepared(connection, session, not tables and not (session and session.has_state))


@contextmanager
def fresh(engine: Engine, request: Request) -> Iterator[Connection]:
    """A new connection with the request's database and settings."""
    with engine.connection(request.user) as connection:
        if request.database:
            connection.run(_use(request.database))
        if request.settings:
            connection.run(_set(request.settings))
        if request.read_only and not request.by_get:
            connection.run(f"SET readonly = {request.read_only}")
        yield connection


@contextmanager
def _lent(session: Session, request: Request) -> Iterator[None]:
    """The session with the request's database and settings, which are taken back afterwards.

    `readonly` is not among them: once set it could not be taken back, so it is enforced by the statement's verb alone.
    """
    connection = session.connection
    before = _current(connection, session, request.settings)
    database = request.database
    try:
        if database and database != session.database:
            connection.run(_use(database))
        if request.settings:
            connection.run(_set(request.settings))
        yield
    finally:
        try:
            if database and database != session.database:
                connection.run(_use(session.database))
            if before:
                connection.run(_set(before))
        except ClickHouseError:
            # A session in an unknown state would be worse than none.
            session.broken = True


def _current(connection: Connection, session: Session, names: Mapping[str, str]) -> dict[str, str]:
    """The session's own values of these settings, those of them that exist."""
    if not names:
        return {}
    if session.settings is None:
        rows = connection.ask("SELECT name, hex(value) FROM system.settings")
        session.settings = {name: bytes.fromhex(value).decode(errors="surrogateescape") for name, value in rows}
    known = session.settings
    return {name: known[name] for name in names if name in known}


def _use(database: str) -> bytes:
    return f"USE {quoted(database)}".encode(errors="surrogateescape")


def _set(settings: Mapping[str, str]) -> bytes:
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise clickhouse_error(UNKNOWN_SETTING, f"Unknown setting '{name}'.")
    return b"SET " + b", ".join(b"%s = %s" % (name.encode(), _literal(value)) for name, value in settings.items())


def _literal(value: str) -> bytes:
    return b"'" + encoded(value).replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"
