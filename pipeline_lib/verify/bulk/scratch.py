"""The database of one verification: its tables are in `sql/clickhouse/verify/`, and it is dropped at the end. Its name
holds the machine and process that made it, so that the next verification drops that of a process that was killed. What
goes in passes through, so that no load is in memory here as a whole.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil

from pipeline_lib import sql
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.endpoints import ClickHouseEndpoint

PREFIX = "throughline_verify_"
TABLES = ("asked", "committed", "outbox", "topic", "ways", "reordered", "suspects")
BLOCK_BYTES = 2 * 2**20

OUTBOX_COLUMNS = (
    *("outbox_id", "aggregate_id", "aggregate_type", "event_type", "payload", "created_us", "announced_apart"),
    *("told_at", "experiment_id", "user", "session", "variant_id", "variant", "body_type", "properties", "page"),
    *("duration_seconds", "value", "currency", "score"),
)
"""What `sql/postgres/verify/outbox.sql` gives, in its order."""
COMMITTED_COLUMNS = (
    *("outbox_id", "aggregate_id", "aggregate_type", "event_type", "payload"),
    *("lsn", "committed_us", "acknowledged_us", "writer"),
)
TOPIC_COLUMNS = ("partition", "offset", "produced_ms", "key", "value")


class Scratch:
    """The tables of a verification, and the pipeline's database beside them."""

    def __init__(self, client: Client, pipeline: str) -> None:
        self.client = client
        self._pipeline = pipeline

    def run(self, name: str, **parameters: object) -> None:
        """A statement of `sql/clickhouse/verify/`."""
        self.client.run(statement(name, self._pipeline), parameters)

    def rows(self, name: str, *, final: bool = False, **parameters: object) -> list[dict[str, Any]]:
        """A question of `sql/clickhouse/verify/`; `final` where it has rows of the pipeline collapsed."""
        return self.client.rows(statement(name, self._pipeline, final=final), **parameters)

    def load(self, table: str, columns: Sequence[str], format_: str, rows: Iterable[bytes]) -> None:
        """Inserts `rows`, each a whole row or several in the format, some megabytes at a time.

        A request is not left open for rows to come: they may take longer than a server waits for them. While one block
        is being inserted the next is filled.
        """
        with ThreadPoolExecutor(1) as beside:
            underway: Future[None] | None = None
            for block in _blocks(rows):
                if underway is not None:
                    underway.result()
                underway = beside.submit(self.client.insert, table, columns, format_, block)
            if underway is not None:
                underway.result()


def _blocks(rows: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for row in rows:
        block += row
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def statement(name: str, pipeline: str, *, final: bool = False) -> str:
    """A statement's text with the name of the pipeline's database in it, and a page's ids where it says `:page`."""
    text, page = (sql.read("clickhouse", f"verify/{part}") for part in (name, "page"))
    return sql.render(text.replace(":page", page), "clickhouse", {"pipeline": pipeline, "final": str(int(final))})


@contextmanager
def open_scratch(endpoint: ClickHouseEndpoint) -> Iterator[Scratch]:
    """A database of its own; raises UserError if ClickHouse is not there."""
    ours = f"{PREFIX}{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]}_"
    name = f"{ours}{os.getpid()}_{secrets.token_hex(4)}"
    database = sql.identifier(name)
    admin = Client(endpoint, "admin")
    try:
        for left in _of_dead_processes(admin, ours):
            admin.run(f"DROP DATABASE IF EXISTS {sql.identifier(left)}")
        admin.run(f"CREATE DATABASE {database}")
        try:
            client = Client(endpoint, "admin", database=name)
            try:
                for table in TABLES:
                    client.run(sql.read("clickhouse", f"verify/{table}"))
                yield Scratch(client, endpoint.database)
            finally:
                client.close()
        finally:
            admin.run(f"DROP DATABASE {database}")
    finally:
        admin.close()


def _of_dead_processes(admin: Client, ours: str) -> list[str]:
    """The databases that verifications on this machine have left."""
    rows = admin.rows("SELECT name FROM system.databases WHERE startsWith(name, {ours:String})", ours=ours)
    return [row["name"] for row in rows if not psutil.pid_exists(int(row["name"].removeprefix(ours).partition("_")[0]))]
