"""Runs one request's statement in the engine, its result into a pipe.

Runs in a thread of its own, which the pipe makes wait for the client; `cancel` may be called from elsewhere at any
time.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from stacks.embedded.clickhouse_server import native
from stacks.embedded.clickhouse_server.body import Upload
from stacks.embedded.clickhouse_server.engine import Connection, Counts, Engine
from stacks.embedded.clickhouse_server.errors import (
    NOT_IMPLEMENTED,
    QUERY_WAS_CANCELLED,
    READONLY,
    ClickHouseError,
    clickhouse_error,
)
from stacks.embedded.clickhouse_server.external import ExternalTable
from stacks.embedded.clickhouse_server.pipe import Pipe
from stacks.embedded.clickhouse_server.preparation import Prepared, fresh, prepared
from stacks.embedded.clickhouse_server.refusals import check_input_format
from stacks.embedded.clickhouse_server.request import Request
from stacks.embedded.clickhouse_server.sessions import Session, Sessions
from stacks.embedded.clickhouse_server.statement import InsertWithData, Question, Statement

_READS_ONLY = frozenset({"SELECT", "FROM", "SHOW", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "CHECK", "SET", "USE"})


@dataclass(frozen=True)
class Work:
    """What is to be run: a request with its statement, its data and its tables."""

    request: Request
    statement: Statement
    data: Upload | None = None
    external_tables: Sequence[ExternalTable] = ()

    @property
    def output_format(self) -> str | None:
        """The result's format; None if there is no result."""
        if not isinstance(self.statement, Question):
            return None
        return self.statement.format or self.request.default_format


@dataclass(frozen=True)
class Outcome:
    """How it went."""

    counts: Counts = field(default_factory=Counts)
    written_rows: int = 0
    written_bytes: int = 0
    elapsed: float = 0.0
    """Seconds."""
    error: ClickHouseError | None = None


@dataclass
class Execution:
    """One run of a `Work`."""

    engine: Engine
    sessions: Sessions
    work: Work
    pipe: Pipe
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: int | None = None
    _cancelled: bool = False

    def run(self) -> Outcome:
        """Runs it, and closes the pipe's writing end whatever happens; ClickHouse's errors are part of the outcome."""
        begin = time.perf_counter()
        try:
            outcome = self._run()
        except ClickHouseError as error:
            outcome = Outcome(error=error)
        finally:
            self.pipe.close_writer()
        return replace(outcome, elapsed=time.perf_counter() - begin)

    def cancel(self) -> None:
        """Stops the statement if it is running, and keeps it from starting otherwise.

        The engine does not find a query that it is still parsing, so whoever waits for the end calls this again.
        """
        with self._lock:
            self._cancelled = True
            if self._thread is not None:
                self.engine.cancel(self._thread)

    def _run(self) -> Outcome:
        request, statement = self.work.request, self.work.statement
        if request.read_only and not _reads_only(statement):
            raise _read_only_error(request)
        with prepared(self.engine, self.sessions, request, self.work.external_tables) as ready:
            if isinstance(statement, Question):
                outcome = self._answer(ready, statement)
            elif isinstance(statement, InsertWithData):
                outcome = self._insert(ready.connection, statement)
            else:
                with self._interruptible():
                    outcome = Outcome(ready.connection.run(statement.text, request.parameters))
            if ready.session is not None:
                _remember(ready.session, statement)
        return outcome

    def _insert(self, connection: Connection, statement: InsertWithData) -> Outcome:
        request, data = self.work.request, self.work.data
        default = request.default_format if request.default_format != "TabSeparated" else "Values"
        check_input_format(statement.format or default)
        if request.protocol_version and (statement.format or default).lower() == "native":
            raise clickhouse_error(NOT_IMPLEMENTED, "Native blocks with client_protocol_version cannot be inserted.")
        path = data.ready() if data is not None else "/dev/null"
        with self._interruptible():
            counts = connection.run(statement.reading(path, default), request.parameters)
        return Outcome(written_rows=counts.result_rows, written_bytes=counts.result_bytes)

    def _answer(self, ready: Prepared, statement: Question) -> Outcome:
        request = self.work.request
        wanted = self.work.output_format or ""
        if wanted.lower() == "native" and request.protocol_version >= native.BLOCK_INFO_SINCE:
            return self._native(ready, statement)
        with self._interruptible():
            return Outcome(ready.connection.run(statement.into(self.pipe.path, wanted), request.parameters))

    def _native(self, ready: Prepared, statement: Question) -> Outcome:
        """The Native format for a client that has named its protocol version, block by block."""
        request, connection = self.work.request, ready.connection
        types = None if ready.is_like_new else _types(connection, statement, request.parameters)
        writer = native.BlockWriter(request.protocol_version, lambda: types or self._types_elsewhere(statement))
        rows = size = 0
        with self._interruptible():
            for block, block_rows in _blocks(connection, statement, request.parameters):
                data = writer.rewritten(block)
                self.pipe.write(data)
                rows += block_rows
                size += len(data)
        return Outcome(Counts(rows, size, rows, size))

    def _types_elsewhere(self, statement: Question) -> Mapping[str, str]:
        """The types of a result whose connection is still busy with it."""
        with fresh(self.engine, self.work.request) as connection:
            return _types(connection, statement, self.work.request.parameters)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """While the client's own statement runs, the engine finds it by this thread."""
        with self._lock:
            if self._cancelled:
                raise clickhouse_error(QUERY_WAS_CANCELLED, "Query was cancelled.")
            self._thread = threading.get_native_id()
        try:
            yield
        finally:
            with self._lock:
                self._thread = None


def _blocks(connection: Connection, statement: Question, parameters: Mapping[str, str]) -> Iterator[tuple[bytes, int]]:
    text = b"%s %s" % (statement.body, statement.tail)
    if statement.verb in ("SELECT", "FROM"):
        yield from connection.native_blocks(text, parameters)
        return
    # The engine streams nothing but SELECT; what SHOW and the like give is small.
    for block in native.split(connection.native(text, parameters)):
        yield block, native.rows_of(block)


def _types(connection: Connection, statement: Question, parameters: Mapping[str, str]) -> dict[str, str]:
    """The full types of a SELECT's columns by name; nothing for other statements, which have none that need it."""
    if statement.verb not in ("SELECT", "FROM"):
        return {}
    described = connection.ask(b"DESCRIBE TABLE (%s\n)" % statement.body, parameters)
    return {row[0]: row[1] for row in described}


def _reads_only(statement: Statement) -> bool:
    words = [token.word for token in statement.tokens[:2]]
    return statement.verb in _READS_ONLY or words == ["CREATE", "TEMPORARY"]


def _read_only_error(request: Request) -> ClickHouseError:
    told = "Cannot execute query in readonly mode."
    if request.by_get:
        told += " For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries."
    return clickhouse_error(READONLY, told)


def _remember(session: Session, statement: Statement) -> None:
    """Keeps note of what a statement has changed in its session."""
    if statement.verb == "SET":
        session.settings = None
    if statement.verb == "USE":
        session.database = session.connection.ask("SELECT currentDatabase()")[0][0]
    if statement.verb in ("SET", "CREATE"):
        session.has_state = True
