"""Experiments whose truth is known: users with what they did, as rows of the events table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from pipeline_lib.hops.clickhouse import Client

ASSIGNED = datetime(2026, 11, 1, tzinfo=UTC)
_COLUMNS = ("outbox_id", "aggregate_type", "aggregate_id", "outbox_event_type", "recorded_at", "payload")
_COLUMNS += ("occurred_at", "experiment_id", "user_id", "session_id", "variant_id", "variant_key", "event_type")
_COLUMNS += ("properties", "page", "duration_seconds", "value", "currency", "score", "lsn", "transaction_id")
_COLUMNS += ("kafka_topic", "kafka_partition", "kafka_offset", "committed_at", "captured_at", "produced_at")
_COLUMNS += ("ingested_at",)
_ids = count(1)


@dataclass(frozen=True)
class Act:
    """One thing that a user did, so many seconds after ASSIGNED."""

    event_type: str
    after_s: float = 1.0
    value: Decimal | None = None
    currency: str = ""
    page: str = ""
    duration_seconds: Decimal | None = None


@dataclass(frozen=True)
class User:
    """`variant` is empty for one who was never assigned."""

    id: str
    variant: str
    acts: Sequence[Act] = field(default_factory=tuple)


def buys(value: str, currency: str = "USD", after_s: float = 1.0) -> Act:
    return Act("conversion", after_s, Decimal(value), currency)


def put(admin: Client, experiment_id: int, users: Sequence[User], times: int = 1) -> None:
    """The rows that the pipeline would have made of them, delivered so many times."""
    rows = []
    for user in users:
        if user.variant:
            rows.append(_row(experiment_id, user, None))
        rows += [_row(experiment_id, user, act) for act in user.acts]
    for _ in range(times):
        admin.driver.insert("events", rows, column_names=_COLUMNS)


def _row(experiment_id: int, user: User, act: Act | None) -> list[object]:
    id_ = next(_ids)
    at = ASSIGNED + timedelta(seconds=act.after_s if act else 0)
    return [
        *(id_, "event" if act else "assignment", f"id-{id_}", "X", at, "{}"),
        *(at, experiment_id, user.id, "session", None if act else 1, "" if act else user.variant),
        *(act.event_type if act else "", "", act.page if act else "", act.duration_seconds if act else None),
        *(act.value if act else None, act.currency if act else "", None, id_, id_, "t", 0, id_, at, at, at, at),
    ]
