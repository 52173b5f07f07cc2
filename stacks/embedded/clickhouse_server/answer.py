"""The answer to a request: status, headers and body, as ClickHouse sends them.

A result is held back until it is complete, fills the buffer, or has begun a moment ago: so an error in its beginning
is still told by the status. After that it is sent as it comes, and an error is told inside the body, between markers
with the tag that the headers announced (as ClickHouse does since 25.11, which clients look for whatever the version);
then the connection is closed without the body's proper end.

With wait_end_of_query the whole result is held back, in a file if it is large.
"""

import asyncio
import json
import secrets
import string
import tempfile
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import IO, Any

from stacks.embedded.clickhouse_server.compression import Compressor, compressor
from stacks.embedded.clickhouse_server.errors import ClickHouseError
from stacks.embedded.clickhouse_server.execution import Outcome
from stacks.embedded.clickhouse_server.pipe import Pipe

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TAG_CHARACTERS = (string.ascii_lowercase + string.digits).encode()
_WORTH_A_THREAD = 1 << 15
_PIECE = 1 << 18
_LONGEST_HOLD = 0.2
"""Seconds after its first bytes for which a result may be held back: slow rows reach their reader as they come."""


class Reply:
    """Writes one answer. `headers` are those that every answer to the request has."""

    def __init__(self, send: Send, headers: Mapping[str, str], version: str) -> None:
        self._send = send
        self._headers = dict(headers)
        self._version = version
        self._tag = bytes(_TAG_CHARACTERS[byte % len(_TAG_CHARACTERS)] for byte in secrets.token_bytes(16)).decode()

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Adds to what every answer to the request has."""
        self._headers.update(headers)

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """An answer that is known to its end."""
        length = {} if status == 204 else {"content-length": str(len(body))}
        await self._begin(status, {**headers, **length})
        await self._send({"type": "http.response.body", "body": body})

    async def error(self, error: ClickHouseError) -> None:
        """ClickHouse's error, by status, header and text."""
        headers = {"content-type": "text/plain; charset=UTF-8", "x-clickhouse-exception-code": str(error.code)}
        await self.whole(error.status, self._told(error), headers)

    async def nothing(self, outcome: Outcome) -> None:
        """The answer to a statement without a result."""
        await self.whole(
            200, b"", {"content-type": "text/plain; charset=UTF-8", "x-clickhouse-summary": summary(outcome)}
        )

    async def result(
        self,
        pipe: Pipe,
        running: "asyncio.Future[Outcome]",
        headers: Mapping[str, str],
        *,
        compression: str | None,
        hold: int | None,
        folder: Path,
    ) -> None:
        """A result, as it comes out of the pipe; holds back so many bytes, or all of it, partly in `folder`."""
        headers = {**headers, "x-clickhouse-exception-tag": self._tag}
        if compression:
            headers["content-encoding"] = compression
        stream = compressor(compression) if compression else None
        with tempfile.SpooledTemporaryFile(max_size=_PIECE * 4, dir=str(folder)) as held:
            if not await _held_back(held, pipe, hold):
                await self._streamed(held, pipe, running, headers, stream)
                return
            outcome = await running
            if outcome.error is not None:
                await self.error(outcome.error)
                return
            headers["x-clickhouse-summary"] = summary(outcome)
            if held.tell() <= _PIECE:
                held.seek(0)
                body = held.read()
                if stream is not None:
                    body = await _compressed(stream, body) + stream.finish()
                await self.whole(200, body, headers)
                return
            await self._streamed(held, pipe, running, headers, stream)

    async def _streamed(
        self,
        held: IO[bytes],
        pipe: Pipe,
        running: "asyncio.Future[Outcome]",
        headers: Mapping[str, str],
        stream: Compressor | None,
    ) -> None:
        await self._begin(200, {"x-clickhouse-summary": summary(Outcome()), **headers})
        held.seek(0)
        while piece := held.read(_PIECE) or await pipe.read():
            await self._more(piece if stream is None else await _compressed(stream, piece))
        outcome = await running
        if outcome.error is None:
            await self._send({"type": "http.response.body", "body": b"" if stream is None else stream.finish()})
            return
        framed = self._framed(outcome.error)
        await self._more(framed if stream is None else stream.compress(framed) + stream.finish())

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        encoded = [
            (name.encode(), value.encode("latin-1", "replace"))
            for name, value in (self._headers | dict(headers)).items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _more(self, data: bytes) -> None:
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _told(self, error: ClickHouseError) -> bytes:
        return f"{error} (version {self._version})\n".encode(errors="surrogateescape")

    def _framed(self, error: ClickHouseError) -> bytes:
        told, tag = self._told(error), self._tag.encode()
        return b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag, told, len(told), tag)


def summary(outcome: Outcome) -> str:
    """X-ClickHouse-Summary: what was read and written, as far as it is known."""
    counts = outcome.counts
    numbers = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": outcome.written_rows,
        "written_bytes": outcome.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": counts.result_rows,
        "result_bytes": counts.result_bytes,
        "elapsed_ns": int(outcome.elapsed * 1e9),
    }
    return json.dumps({name: str(number) for name, number in numbers.items()})


async def _held_back(held: IO[bytes], pipe: Pipe, most: int | None) -> bool:
    """Reads the pipe into `held`, to its end or until it is time to send what there is; whether it was the end."""
    loop = asyncio.get_running_loop()
    begun: float | None = None
    while most is None or held.tell() < most:
        left = None if begun is None or most is None else begun + _LONGEST_HOLD - loop.time()
        try:
            async with asyncio.timeout(left):
                piece = await pipe.read()
        except TimeoutError:
            return False
        if not piece:
            return True
        begun = begun or loop.time()
        held.write(piece)
    return False


async def _compressed(stream: Compressor, data: bytes) -> bytes:
    """`data` compressed such that a client can read all of it at once: rows reach it as they come."""

    def compress() -> bytes:
        return stream.compress(data) + stream.sync()

    return compress() if len(data) < _WORTH_A_THREAD else await asyncio.to_thread(compress)
