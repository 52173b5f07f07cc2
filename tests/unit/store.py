"""A ClickHouse of the test's own: the real engine in process; messages go in where the Kafka engine table would be."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chdb import session

from pipeline_lib import sql
from pipeline_lib.model import exact_json, outbox
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS, Assignment, Visitor, buys
from pipeline_lib.model.outbox import OutboxMessage

QUEUE = """
CREATE TABLE events_queue
(
    raw String, _raw_message String, _error String, _topic LowCardinality(String), _partition UInt64, _offset UInt64,
    _key String, _timestamp_ms Nullable(DateTime64(3))
)
ENGINE = Null
"""
AT = datetime(2026, 11, 22, 15, 4, 11, 123456, tzinfo=UTC)

Row = dict[str, Any]


class Store:
    """A database with all objects in it; `offset` counts the messages put."""

    def __init__(self, engine: session.Session, database: str, analyzer: int) -> None:
        self._engine = engine
        self._prelude = (f"SET enable_analyzer = {analyzer}", f"USE {database}")
        self.offset = 0
        engine.query(f"CREATE DATABASE {database}")
        self.clear()
        for name in sql.CLICKHOUSE_ORDER:
            self.run(QUEUE if name == "events_queue" else sql.read("clickhouse", name))

    def clear(self) -> None:
        """Takes all rows away."""
        for statement in self._prelude:
            self.run(statement)
        self.offset = 0
        for table in ("events", "dead_letters", "fences"):
            self.run(f"TRUNCATE TABLE IF EXISTS {table}")

    def run(self, statement: str) -> bytes:
        """A statement's answer."""
        return bytes(self._engine.query(statement, "JSONEachRow").bytes() or b"")

    def put(self, message: str | bytes, *, offset: int | None = None, topic: str = "t") -> None:
        """Delivers a message, as the Kafka engine table would."""
        self.offset += 1
        at = self.offset if offset is None else offset
        text = message.decode("latin-1") if isinstance(message, bytes) else message
        raw = f"unhex('{(message if isinstance(message, bytes) else text.encode()).hex()}')"
        self.run(
            "INSERT INTO events_queue (raw, _topic, _partition, _offset, _key, _timestamp_ms) "
            f"SELECT {raw}, '{topic}', 0, {at}, 'k', toDateTime64('2026-11-22 15:04:12.001', 3, 'UTC')"
        )

    def rows(self, query: str) -> list[Row]:
        """A query's rows; decimals are text, so that none of their digits is lost on the way."""
        lines = self.run(query + " SETTINGS output_format_json_quote_decimals = 1").splitlines()
        return [json.loads(line) for line in lines]


def envelope(message: OutboxMessage, outbox_id: int, **changes: Any) -> str:
    """What Debezium makes of an outbox row."""
    after = {
        "id": outbox_id,
        "aggregate_id": message.aggregate_id,
        "aggregate_type": message.aggregate_type,
        "event_type": message.event_type,
        "payload": exact_json.dumps(message.payload),
        "created_at": "2026-11-22T15:04:11.5Z",
    }
    return json.dumps(
        {
            "before": None,
            "after": {**after, **changes},
            "source": {"lsn": 27340424, "txId": 760, "ts_us": 1795366384273880},
            "op": "c",
            "ts_us": 1795366384302108,
        }
    )


def event_with(text: str, **changes: Any) -> OutboxMessage:
    message = outbox.of_event(buys(Decimal(1), "USD", 1).by(Visitor(), AT))
    return OutboxMessage(
        message.aggregate_type,
        message.aggregate_id,
        message.event_type,
        {**message.payload, "properties": text, **changes},
    )


def journey(visitor: Visitor) -> list[OutboxMessage]:
    assignment = Assignment(7, 1, visitor.user_id, CONTROL, AT)
    events = [act.by(visitor, AT.replace(second=20 + number)) for number, act in enumerate(REFERENCE_ACTS)]
    return [outbox.of_assignment(assignment), *map(outbox.of_event, events)]


GOOD = outbox.of_event(buys(Decimal("39.99"), "USD", 88).by(Visitor(), AT))
