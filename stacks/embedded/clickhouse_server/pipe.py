"""A pipe between the engine and a client: whoever writes waits for whoever reads.

The engine's thread writes at one end, blocking. The event loop reads the other when there is something, and no sooner
than it has got rid of what it read before; so a result is never in memory by more than the pipe holds.
"""

import asyncio
import fcntl
import os
from contextlib import suppress

_CAPACITY = 1 << 20
_CHUNK = 1 << 18


class Pipe:
    """Both ends; the writer's is a path that the engine opens, and a descriptor."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        # Unprivileged processes share a limit for the size of pipes; the default, 64 KiB, does as well.
        with suppress(OSError):
            fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, _CAPACITY)

    @property
    def path(self) -> str:
        """A path that opens the writer's end."""
        return f"/dev/fd/{self.writer}"

    def write(self, data: bytes) -> None:
        """Writes all of `data`, waiting for room."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.writer, rest) :]

    def close_writer(self) -> None:
        """Lets the reader know that there is no more."""
        os.close(self.writer)

    async def read(self) -> bytes:
        """What there is, waiting for it; nothing at the end."""
        await self._readable()
        return os.read(self._reader, _CHUNK)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        loop.add_reader(self._reader, _wake, waiting)
        try:
            await waiting
        finally:
            loop.remove_reader(self._reader)

    def close_reader(self) -> None:
        """Closes the reader's end; only once the writer's is closed, for the engine hangs on a pipe nobody reads."""
        os.close(self._reader)


def _wake(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
