"""Compression of bodies, both ways, as HTTP names it: gzip, deflate, zstd, lz4 (frames), br.

Each codec is a library's own streaming object behind two functions. A body may consist of several frames one after
the other, and has to end where a frame ends: a body that was cut off is an error, never a short INSERT.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

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
_ERRORS = (zlib.error, zstandard.ZstdError, brotli.error, RuntimeError, EOFError, ValueError)


class Compressor(Protocol):
    """Compresses a stream."""

    def compress(self, data: bytes) -> bytes:
        """What is ready of the stream so far."""

    def flush(self) -> bytes:
        """The rest of it."""


def chosen(accept_encoding: str) -> str | None:
    """The best method that a client accepts, if it accepts one."""
    accepted = {part.partition(";")[0].strip().lower() for part in accept_encoding.split(",")}
    return next((method for method in PREFERRED if method in accepted), None)


def compressor(method: str) -> Compressor:
    """A stream of one of `PREFERRED`."""
    stream: Compressor = _COMPRESSORS[method]()
    return stream


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


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=_BROTLI_QUALITY)

    def compress(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data))

    def flush(self) -> bytes:
        return bytes(self._stream.finish())


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor()
        self._header = self._stream.begin()

    def compress(self, data: bytes) -> bytes:
        header, self._header = self._header, b""
        return bytes(header + self._stream.compress(data))

    def flush(self) -> bytes:
        header, self._header = self._header, b""
        return bytes(header + self._stream.flush())


# 16 + window: with a gzip header; plain: with zlib's, which is what HTTP calls deflate.
_GZIP, _DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
_FRAMES: dict[str, Callable[[], _Frame]] = {
    "gzip": lambda: _zlib_frame(_GZIP),
    "deflate": lambda: _zlib_frame(_DEFLATE),
    "zstd": _zstd_frame,
    "lz4": _lz4_frame,
    "br": _brotli_frame,
}
_COMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.compressobj(level=3, wbits=_GZIP),
    "deflate": lambda: zlib.compressobj(level=3, wbits=_DEFLATE),
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "lz4": _Lz4,
    "br": _Brotli,
}
