"""The HTTP interface: what each path answers, and the way of a query through this package.

An ASGI application. Queries run in threads, at most `concurrent_queries` at once; further ones wait their turn in the
order in which they came. When the client of a question goes away, its query is stopped; a command runs to its end, as
in ClickHouse.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stacks.embedded.clickhouse_server import body, external, incoming, refusals, request
from stacks.embedded.clickhouse_server.answer import Reply, Send
from stacks.embedded.clickhouse_server.body import ClientGoneError, Form, Receive, Upload
from stacks.embedded.clickhouse_server.compression import chosen
from stacks.embedded.clickhouse_server.config import Config
from stacks.embedded.clickhouse_server.engine import Engine
from stacks.embedded.clickhouse_server.errors import (
    QUERY_WAS_CANCELLED,
    UNKNOWN_FORMAT,
    ClickHouseError,
    clickhouse_error,
)
from stacks.embedded.clickhouse_server.execution import Execution, Outcome, Work
from stacks.embedded.clickhouse_server.pipe import Pipe
from stacks.embedded.clickhouse_server.query_log import QueryLog
from stacks.embedded.clickhouse_server.sessions import Sessions
from stacks.embedded.clickhouse_server.statement import Question, Statement

Scope = MutableMapping[str, Any]

_FOUND_OUT_AGAIN_AFTER = 0.1
"""Seconds after which a query that is to stop is told so again: the engine finds none that it is still parsing."""
_NO_HANDLE = """There is no handle {path}

Use / or /ping for health checks.
Or /replicas_status for more sophisticated health checks.

Send queries from your program with POST method or GET /?query=...
"""


class Endpoint:
    """ClickHouse's HTTP interface over an engine."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._sessions = Sessions(engine.connect, config.database)
        self._query_log = QueryLog(engine)
        self._threads = ThreadPoolExecutor(config.concurrent_queries, thread_name_prefix="query")
        self._turns = asyncio.Semaphore(config.concurrent_queries)
        self._formats = {name.lower(): name for name in engine.content_types}
        self._host = socket.gethostname()
        self._stopping = False
        self._running: dict[int, tuple[Execution, asyncio.Future[Outcome]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        fields = request.fields_of(scope["query_string"])
        always = {"x-clickhouse-server-display-name": self._host, "x-clickhouse-timezone": self._engine.time_zone}
        reply = Reply(send, always, self._engine.version)
        plain = {"content-type": "text/plain; charset=UTF-8"}
        if path in ("/ping", "/replicas_status") and method in ("GET", "HEAD"):
            await reply.whole(200, b"Ok.\n", plain)
        elif path != "/":
            await reply.whole(404, _NO_HANDLE.format(path=path).encode(), plain)
        elif method not in ("GET", "HEAD", "POST"):
            await reply.whole(501, b"", plain)
        elif method != "POST" and "query" not in fields:
            await reply.whole(200, b"Ok.\n", plain)
        else:
            await self._query(method, headers, fields, receive, reply)

    async def stop(self) -> None:
        """Stops all statements, and those that wait their turn; their clients are told that they were cancelled."""
        self._stopping = True
        await asyncio.gather(*(_stop(execution, running) for execution, running in self._running.values()))

    async def _query(
        self, method: str, headers: dict[str, str], fields: dict[str, str], receive: Receive, reply: Reply
    ) -> None:
        form = Form()
        data: Upload | None = None
        try:
            user = request.authenticated(self._config.users, headers, fields)
            form = await self._form(headers, receive)
            fields = {**fields, **form.fields}
            tables = external.external_tables(form.files, fields)
            asked = request.read(user, method, headers, external.without_descriptions(form.files, fields))
            reply.add_headers({"x-clickhouse-query-id": asked.query_id})
            pieces = body.pieces(receive, headers.get("content-encoding", "")) if not _is_form(headers) else _none()
            statement, data = await incoming.read_statement(
                asked.query, pieces, self._formats.values(), self._engine.uploads
            )
            refusals.check(statement, user)
            await self._run(Work(asked, statement, data, tables), headers, receive, reply)
        except ClickHouseError as error:
            await reply.error(error)
        except ClientGoneError:
            return
        finally:
            for upload in (data, *form.files.values()):
                if upload is not None:
                    upload.close()

    async def _form(self, headers: dict[str, str], receive: Receive) -> Form:
        if not _is_form(headers):
            return Form()
        pieces = body.pieces(receive, headers.get("content-encoding", ""))
        return await body.read_form(pieces, headers["content-type"], self._engine.uploads)

    async def _run(self, work: Work, headers: dict[str, str], receive: Receive, reply: Reply) -> None:
        result_headers = self._result_headers(work)
        loop = asyncio.get_running_loop()
        async with self._turns:
            if self._stopping:
                raise clickhouse_error(QUERY_WAS_CANCELLED, "Query was cancelled: the server is stopping.")
            if _reads_query_log(work.statement):
                await loop.run_in_executor(self._threads, self._query_log.write)
            pipe = Pipe()
            execution = Execution(self._engine, self._sessions, work, pipe)
            running = loop.run_in_executor(self._threads, self._logged, execution, headers.get("user-agent", ""))
            watching = asyncio.create_task(_stop_when_gone(receive, execution, running))
            self._running[id(execution)] = execution, running
            try:
                await self._answer(work, headers, result_headers, pipe, running, reply)
            finally:
                watching.cancel()
                await _end(execution, running, pipe)
                del self._running[id(execution)]
            # The client has its answer: the rest is for the next one.
            await loop.run_in_executor(self._threads, self._afterwards, work)

    def _logged(self, execution: Execution, user_agent: str) -> Outcome:
        """Runs the statement and takes note of it, before its client can ask for the note."""
        outcome = execution.run()
        self._query_log.add(execution.work, outcome, user_agent)
        return outcome

    def _afterwards(self, work: Work) -> None:
        self._engine.make_ready(work.request.user)
        self._query_log.write_if_due()

    async def _answer(
        self,
        work: Work,
        headers: dict[str, str],
        result_headers: dict[str, str] | None,
        pipe: Pipe,
        running: "asyncio.Future[Outcome]",
        reply: Reply,
    ) -> None:
        if result_headers is not None:
            asked = work.request
            await reply.result(
                pipe,
                running,
                result_headers,
                compression=chosen(headers.get("accept-encoding", "")) if asked.compress_result else None,
                hold=None if asked.wait_for_end else asked.result_buffer,
                folder=self._engine.uploads,
            )
            return
        outcome = await running
        if outcome.error is None:
            await reply.nothing(outcome)
        else:
            await reply.error(outcome.error)

    def _result_headers(self, work: Work) -> dict[str, str] | None:
        """What the headers say of the result; None if there is none. ClickHouse's error 73 for an unknown format."""
        if work.output_format is None:
            return None
        name = self._formats.get(work.output_format.lower())
        if name is None:
            raise clickhouse_error(UNKNOWN_FORMAT, f"Unknown format {work.output_format}.")
        return {"x-clickhouse-format": name, "content-type": self._engine.content_types[name]}


def _is_form(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


def _reads_query_log(statement: Statement) -> bool:
    names = {token.name.lower() for token in statement.tokens}
    return "query_log" in names or (statement.verb == "SYSTEM" and "logs" in names)


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""


async def _stop_when_gone(receive: Receive, execution: Execution, running: "asyncio.Future[Outcome]") -> None:
    """Stops a question when its client has closed the connection; what it has written is still read out of the pipe."""
    if not isinstance(execution.work.statement, Question):
        return
    while (await receive())["type"] != "http.disconnect":
        continue
    await _stop(execution, running)


async def _end(execution: Execution, running: "asyncio.Future[Outcome]", pipe: Pipe) -> None:
    """Closes the pipe once the statement has ended, which it is made to if its answer could not be given."""
    if not running.done():
        stopping = asyncio.create_task(_stop(execution, running))
        while await pipe.read():
            continue
        await stopping
    pipe.close_reader()


async def _stop(execution: Execution, running: "asyncio.Future[Outcome]") -> None:
    while not running.done():
        await asyncio.to_thread(execution.cancel)
        await asyncio.wait({running}, timeout=_FOUND_OUT_AGAIN_AFTER)
