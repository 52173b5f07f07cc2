"""The engine: chDB in this process, and connections to it.

A connection runs one statement at a time; several run side by side. The engine lives as long as one connection does,
so `Engine` keeps one for itself. Statements run in the thread that calls; the engine tells running queries apart by
that thread.

Known traps of chDB 4.0.2, all kept inside this module: a failed statement stays in the engine's list of processes, and
what it had written is prepended to the connection's next answer, until another one has run; a connection with an
unfinished stream answers the next statement with nothing (streams are always read out or cancelled); with Null as the
default format, SHOW writes nothing to any file either.
"""

import fcntl
import os
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.model.errors import UserError
from stacks.clickhouse_xml import configuration
from stacks.embedded.clickhouse_server import chdb_extension, rights
from stacks.embedded.clickhouse_server.chdb_extension import Result
from stacks.embedded.clickhouse_server.config import Config, UserName
from stacks.embedded.clickhouse_server.errors import ClickHouseError, from_engine

_ENGINE_ERRORS = (RuntimeError, UnicodeDecodeError)


@dataclass(frozen=True)
class Counts:
    """What a statement read and gave, in rows and bytes."""

    read_rows: int = 0
    read_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


class Connection:
    """One of the engine's connections; not for two threads at once. Errors are `ClickHouseError`s."""

    def __init__(self, dsn: str) -> None:
        try:
            self._chdb = chdb_extension.connect(dsn)
        except _ENGINE_ERRORS as error:
            raise from_engine(error) from None

    def run(self, text: bytes | str, parameters: Mapping[str, str] | None = None) -> Counts:
        """Runs a statement whose result, if it has one, goes where the statement says."""
        result = self._query(text, "TabSeparated", parameters)
        return Counts(result.storage_rows_read(), result.storage_bytes_read(), result.rows_read(), result.bytes_read())

    def ask(self, text: bytes | str, parameters: Mapping[str, str] | None = None) -> list[list[str]]:
        """The rows of a small result, as text."""
        answer = self._query(text, "TabSeparatedRaw", parameters).bytes() or b""
        return [line.split("\t") for line in answer.decode(errors="surrogateescape").splitlines()]

    def native(self, text: bytes, parameters: Mapping[str, str]) -> bytes:
        """A small result in the Native format."""
        return self._query(text, "Native", parameters).bytes() or b""

    def native_blocks(self, text: bytes, parameters: Mapping[str, str]) -> Iterator[tuple[bytes, int]]:
        """A SELECT's result, block by block as it is computed: a block in the Native format, and its number of rows."""
        try:
            stream = self._chdb.send_query(text, "Native", params=dict(parameters))
            try:
                while (block := self._chdb.streaming_fetch_result(stream)) is not None and block.rows_read():
                    yield block.bytes() or b"", block.rows_read()
            except GeneratorExit:
                self._chdb.streaming_cancel_query(stream)
                raise
        except _ENGINE_ERRORS as error:
            raise self._failed(error) from None

    def _query(self, text: bytes | str, output_format: str, parameters: Mapping[str, str] | None) -> Result:
        try:
            return self._chdb.query(text, output_format, params=dict(parameters or {}))
        except _ENGINE_ERRORS as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> ClickHouseError:
        """What the engine said; another statement makes it let go of the failed one and of its output."""
        self._chdb.query("SELECT 1", "TabSeparated", params={})
        return from_engine(error)

    def close(self) -> None:
        """Gives the connection back; its temporary tables are gone."""
        self._chdb.close()


class Engine:
    """The one engine of this process."""

    def __init__(self, config: Config) -> None:
        """Opens the data folder; UserError if it is in use or cannot be used."""
        self._config = config
        self._lock = _claim(config.path)
        settings = _write_configuration(config)
        self._dsn = f"{config.path / 'engine'}?config-file={settings}"
        try:
            self._own = Connection(self._dsn)
        except ClickHouseError as error:
            raise UserError(f"ClickHouse cannot use the data folder {config.path}: {error}") from None
        self._own_lock = threading.Lock()
        self._ready: dict[UserName, queue.SimpleQueue[Connection]] = {
            user: queue.SimpleQueue() for user in config.users
        }
        self.run(f"CREATE DATABASE IF NOT EXISTS {config.database}")
        self.version = self.ask("SELECT version()")[0][0]
        self.time_zone = self.ask("SELECT serverTimezone()")[0][0]
        formats = self.ask("SELECT name, content_type FROM system.formats WHERE is_output")
        self.content_types = dict(formats)

    @property
    def uploads(self) -> Path:
        """A folder for the data of INSERTs on their way in."""
        return self._config.path / "uploads"

    def run(self, text: str) -> Counts:
        """Runs one of our own statements, as nobody in particular."""
        with self._own_lock:
            return self._own.run(text)

    def ask(self, text: str) -> list[list[str]]:
        """The rows of one of our own questions."""
        with self._own_lock:
            return self._own.ask(text)

    @contextmanager
    def connection(self, user: UserName) -> Iterator[Connection]:
        """A new connection with the user's rights and nothing else; nobody uses it again."""
        try:
            connection = self._ready[user].get_nowait()
        except queue.Empty:
            connection = self.connect(user)
        try:
            yield connection
        finally:
            connection.close()

    def connect(self, user: UserName) -> Connection:
        """The same for whoever closes it himself."""
        connection = Connection(self._dsn)
        connection.run(rights.session_setup(self._config, user))
        return connection

    def make_ready(self, user: UserName) -> None:
        """Makes the user's next connection in advance: that takes as long as a short query."""
        if self._ready[user].empty():
            self._ready[user].put(self.connect(user))

    def cancel(self, thread: int) -> None:
        """Asks the query that this thread (by its native id) is in to stop; none is no error."""
        queries = f"SELECT query_id FROM system.processes WHERE has(thread_ids, {thread:d})"  # noqa: S608 - a number
        self.run(f"KILL QUERY WHERE query_id IN ({queries}) ASYNC")

    def close(self) -> None:
        """Closes the engine once all connections are closed."""
        for ready in self._ready.values():
            while not ready.empty():
                ready.get().close()
        self._own.close()


def _claim(folder: Path) -> int:
    """Takes the data folder for this process: an open, locked descriptor that goes with the process."""
    try:
        for part in (folder, folder / "uploads", folder / "configuration"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"ClickHouse cannot use the data folder {folder}: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"The data folder {folder} is in use by another ClickHouse; stop that one first.") from None
    return lock


def _write_configuration(config: Config) -> Path:
    """The engine's two configuration files; the path of the main one."""
    folder = config.path / "configuration"
    users = folder / "users.xml"
    main: dict[str, Any] = {
        "users_config": str(users),
        "max_server_memory_usage": config.max_memory_bytes,
        "mark_cache_size": config.max_memory_bytes // 20,
        "remote_url_allow_hosts": {"host": "localhost.invalid"},
        "kafka": config.kafka,
        # Merged parts are not synced: what they were merged from stays until the system has written them to disk (30 s
        # on Linux). chDB's own value is 0, and taking files away while they are being written also slows INSERTs down.
        "merge_tree": {"old_parts_lifetime": 60},
    }
    files = {
        users: rights.users_configuration(config),
        folder / "config.xml": configuration(main),
    }
    for file, text in files.items():
        file.touch(mode=0o600)
        file.write_text(text)
    return folder / "config.xml"
