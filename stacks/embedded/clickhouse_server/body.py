"""A request's body: read from the client piece by piece, decompressed, and put where it is needed.

The data of an INSERT goes to a file without a name, which is gone with its descriptor; so it is never all in memory,
and an INSERT begins only when its data are complete. A query's text has to be in memory. A form (multipart) brings
fields, and files for temporary tables, which go to files without a name as well.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from stacks.embedded.clickhouse_server.compression import Decompressor
from stacks.embedded.clickhouse_server.errors import BAD_ARGUMENTS, clickhouse_error

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGoneError(Exception):
    """The client has closed the connection before the end of its request."""


class Upload:
    """Data on their way into the engine, in a file without a name."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()

    def write(self, data: bytes) -> None:
        """Adds `data` at the end."""
        self._file.write(data)

    def ready(self) -> str:
        """A path under which the engine can read all that was written, from the beginning."""
        self._file.flush()
        return f"/dev/fd/{self._file.fileno()}"

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def close(self) -> None:
        """Deletes the data."""
        self._file.close()


@dataclass
class Form:
    """A form's fields, and its files by name."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)


async def pieces(receive: Receive, encoding: str) -> AsyncIterator[bytes]:
    """The body as the client meant it; `encoding` is its Content-Encoding. ClientGoneError if it is not all there."""
    plain = encoding in ("", "identity")
    decompressor = None if plain else Decompressor(encoding)
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        more = event.get("more_body", False)
        data: bytes = event.get("body", b"")
        if decompressor is not None:
            data = decompressor.feed(data)
        if data:
            yield data
    if decompressor is not None:
        decompressor.finish()


async def read_form(body: AsyncIterator[bytes], content_type: str, folder: Path) -> Form:
    """The form in `body`; ClickHouse's error 36 if it is none."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise clickhouse_error(BAD_ARGUMENTS, "A multipart form needs a boundary in its Content-Type.")
    form = Form()
    parser = _FormParser(form, folder, boundary)
    try:
        async for piece in body:
            parser.feed(piece)
    except BaseException:
        parser.discard()
        raise
    return form


class _FormParser:
    """Puts the pieces that the multipart parser tells of together again."""

    def __init__(self, form: Form, folder: Path, boundary: bytes) -> None:
        self._form = form
        self._folder = folder
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._name = ""
        self._value = bytearray()
        self._upload: Upload | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise clickhouse_error(BAD_ARGUMENTS, f"The multipart form cannot be read: {error}.") from None

    def discard(self) -> None:
        for upload in self._form.files.values():
            upload.close()
        if self._upload is not None:
            self._upload.close()

    def _begin(self) -> None:
        self._disposition = b""
        self._value = bytearray()
        self._upload = None

    def _header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="surrogateescape")
        if not self._name:
            raise clickhouse_error(BAD_ARGUMENTS, "A part of the multipart form has no name.")
        if b"filename" in options and self._name != "query":
            self._upload = Upload(self._folder)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._upload is not None:
            self._upload.write(data[start:end])
        else:
            self._value += data[start:end]

    def _end(self) -> None:
        if self._upload is not None:
            self._form.files[self._name] = self._upload
            self._upload = None
        else:
            self._form.fields[self._name] = self._value.decode(errors="surrogateescape")
