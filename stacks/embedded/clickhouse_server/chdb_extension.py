"""chDB's extension module, without the Python package around it.

`import chdb` also imports pandas and pyarrow, for conversions that are of no use here: 1.3 s at the start, and 100 MB.
The extension itself is complete: connections, queries, streams, as `chdb/state/sqlitelike.py` of chdb 4.0.2 uses them.
"""

import functools
import importlib.util
from pathlib import Path
from typing import Any, Protocol

from pipeline_lib.model.errors import UserError

_MODULE = "_chdb"


class Result(Protocol):
    """A result, or a piece of one."""

    def bytes(self) -> bytes | None:
        """In the format that was asked for."""

    def rows_read(self) -> int:
        """Rows in it."""

    def bytes_read(self) -> int:
        """Bytes in it, uncompressed as the engine holds them."""

    def storage_rows_read(self) -> int:
        """Rows that were read for it."""

    def storage_bytes_read(self) -> int:
        """Bytes that were read for it."""


class ChdbConnection(Protocol):
    """A connection; what it raises is RuntimeError, or UnicodeDecodeError for words that are not UTF-8."""

    def query(self, text: "bytes | str", output_format: str, *, params: dict[str, str]) -> Result:
        """Runs a statement to its end."""

    def send_query(self, text: "bytes | str", output_format: str, *, params: dict[str, str]) -> object:
        """Starts a SELECT; a stream."""

    def streaming_fetch_result(self, stream: object) -> Result | None:
        """The stream's next piece; None or one without rows at the end."""

    def streaming_cancel_query(self, stream: object) -> None:
        """Ends a stream before its end."""

    def close(self) -> None:
        """Closes the connection."""


def connect(dsn: str) -> ChdbConnection:
    """A connection to `FOLDER?config-file=FILE`; the first one opens the engine."""
    connection: ChdbConnection = _extension().connect(dsn)
    return connection


@functools.cache
def _extension() -> Any:
    package = importlib.util.find_spec("chdb")
    if package is None or not package.submodule_search_locations:
        raise UserError("ClickHouse's engine, the package chdb, is not installed: run make setup.")
    (file,) = Path(package.submodule_search_locations[0]).glob(f"{_MODULE}.*.so")
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise UserError(f"ClickHouse's engine {file} cannot be loaded by this Python.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
