"""The database of one verification: its tables are in `sql/clickhouse/verify/`, its name holds a token, and it is
dropped at the end whatever happens. What goes in passes through, so that no load is in memory here as a whole.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline_lib import sql
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.endpoints import ClickHouseEndpoint

PREFIX = "throughline_verify_"
TABLES = ("asked", "committed", "outbox", "topic", "ways", "reordered", "suspects")
BLOCK_BYTES = 4 * 2**20

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

        A request is not left open for rows to come: they may take longer than a server waits for them.
        """
        block = bytearray()
        for row in rows:
            block += row
            if len(block) >= BLOCK_BYTES:
                self.client.insert(table, columns, format_, bytes(block))
                block.clear()
        if block:
            self.client.insert(table, columns, format_, bytes(block))


def statement(name: str, pipeline: str, *, final: bool = False) -> str:
    """The text of a statement with the name of the pipeline's database in it."""
    values = {"pipeline": pipeline, "final": str(int(final))}
    return sql.render(sql.read("clickhouse", f"verify/{name}"), "clickhouse", values)


@contextmanager
def open_scratch(endpoint: ClickHouseEndpoint) -> Iterator[Scratch]:
    """A database of its own; raises UserError if ClickHouse is not there."""
    name = f"{PREFIX}{secrets.token_hex(8)}"
    database = sql.identifier(name)
    admin = Client(endpoint, "admin")
    try:
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
