"""Compression of bodies, both ways, as HTTP names it: gzip, deflate, zstd, lz4 (frames), br.

Each codec is a library's own streaming object behind two functions. A body may consist of several frames one after
the other, and has to end where a frame ends: a body that was cut off is an error, never a short INSERT.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import brotli
import lz4.frame
import zstandard

from stacks.embedded.clickhouse_server.errors import (
    CANNOT_DECOMPRESS,
    NOT_IMPLEMENTED,
    ClickHouseError,
    clickhouse_error,
)

# The order in which ClickHouse picks from Accept-Encoding.
PREFERRED = ("zstd", "lz4", "br", "gzip", "deflate")

_BROTLI_QUALITY = 4
_BROTLI_WINDOW_BITS = 18
"""Python's decoder of br keeps up to a window's worth of its output to itself; if the answer then breaks off with an
error, a client that takes at most 1 MiB at once (urllib3) loses what is more than that, and the error with it."""
_ERRORS = (zlib.error, zstandard.ZstdError, brotli.error, RuntimeError, EOFError, ValueError)


class Compressor(Protocol):
    """Compresses a stream."""

    def compress(self, data: bytes) -> bytes:
        """What is ready of the stream so far."""

    def sync(self) -> bytes:
        """All that was given so far and is not ready yet: a client can read it then."""

    def finish(self) -> bytes:
        """The rest, and the stream's end."""


def chosen(accept_encoding: str) -> str | None:
    """The best method that a client accepts, if it accepts one."""
    accepted = {part.partition(";")[0].strip().lower() for part in accept_encoding.split(",")}
    return next((method for method in PREFERRED if method in accepted), None)


def compressor(method: str) -> Compressor:
    """A stream of one of `PREFERRED`."""
    return _COMPRESSORS[method]()


class Decompressor:
    """Takes a compressed body in pieces and gives it back plain; ClickHouse's error 271 if it is broken or cut off."""

    def __init__(self, method: str) -> None:
        """`method` is a Content-Encoding; error 48 for an unknown one."""
        if method not in _FRAMES:
            raise clickhouse_error(
                NOT_IMPLEMENTED, f"Unknown compression method '{method}'. Known: {', '.join(PREFERRED)}."
            )
        self._method = method
        self._open = _FRAMES[method]
        self._frame = self._open()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """What `data` adds to the plain body."""
        plain = bytearray()
        try:
            while data:
                if self._frame.ended():
                    self._frame = self._open()
                self._begun = True
                plain += self._frame.feed(data)
                data = self._frame.unused() if self._frame.ended() else b""
        except _ERRORS as error:
            raise self._broken(str(error)) from None
        return bytes(plain)

    def finish(self) -> None:
        """To be called at the end of the body."""
        if self._begun and not self._frame.ended():
            raise self._broken("unexpected end of the data")

    def _broken(self, why: str) -> ClickHouseError:
        return clickhouse_error(CANNOT_DECOMPRESS, f"Cannot decompress the request's body as {self._method}: {why}.")


@dataclass(frozen=True)
class _Frame:
    """One frame of a compressed body: the three questions, put to the library's object in its own words."""

    feed: Callable[[bytes], bytes]
    ended: Callable[[], bool]
    unused: Callable[[], bytes]


def _zlib_frame(window: int) -> _Frame:
    stream = zlib.decompressobj(window)
    return _Frame(stream.decompress, lambda: stream.eof, lambda: stream.unused_data)


def _zstd_frame() -> _Frame:
    stream = zstandard.ZstdDecompressor().decompressobj()
    return _Frame(stream.decompress, lambda: stream.eof, lambda: stream.unused_data)


def _lz4_frame() -> _Frame:
    stream = lz4.frame.LZ4FrameDecompressor()
    return _Frame(stream.decompress, lambda: stream.eof, lambda: stream.unused_data or b"")


def _brotli_frame() -> _Frame:
    stream = brotli.Decompressor()
    return _Frame(stream.process, stream.is_finished, lambda: b"")


class _Zlib:
    def __init__(self, window: int) -> None:
        self._stream = zlib.compressobj(level=3, wbits=window)
        self.compress = self._stream.compress

    def sync(self) -> bytes:
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()
        self.compress = self._stream.compress

    def sync(self) -> bytes:
        return self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=_BROTLI_QUALITY, lgwin=_BROTLI_WINDOW_BITS)

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data))

    def sync(self) -> bytes:
        return bytes(self._stream.flush())

    def finish(self) -> bytes:
        return bytes(self._stream.finish())


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._header = self._stream.begin()

    def compress(self, data: bytes) -> bytes:
        return bytes(self.sync() + self._stream.compress(data))

    def sync(self) -> bytes:
        header, self._header = self._header, b""
        return bytes(header)

    def finish(self) -> bytes:
        return bytes(self.sync() + self._stream.flush())


# 16 + window: with a gzip header; plain: with zlib's, which is what HTTP calls deflate.
_GZIP, _DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_FRAMES: dict[str, Callable[[], _Frame]] = {
    "gzip": lambda: _zlib_frame(_GZIP),
    "deflate": lambda: _zlib_frame(_DEFLATE),
    "zstd": _zstd_frame,
    "lz4": _lz4_frame,
    "br": _brotli_frame,
}
_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(_DEFLATE),
    "zstd": _Zstd,
    "lz4": _Lz4,
    "br": _Brotli,
}
