"""ClickHouse's typed rows and dead letters as sightings: those that analysts count, and copies that are only stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline_lib.model import exact_json
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting

HOP = "clickhouse"

Rows = Sequence[Mapping[str, Any]]

ROW_FIELDS = (
    "aggregate_type",
    "outbox_event_type",
    "payload",
    "occurred_at",
    "experiment_id",
    "user_id",
    "session_id",
    "variant_id",
    "variant_key",
    "event_type",
    "properties",
    "page",
    "duration_seconds",
    "value",
    "currency",
    "score",
    "is_exposure",
    "is_click",
    "is_conversion",
)


def sightings_of(stored: Rows, counted: Callable[[], Rows]) -> list[Sighting]:
    """The rows that analysts count, and those that are only stored; the former are read apart, with FINAL, only where a
    row is there twice."""
    doubled = len({row["outbox_id"] for row in stored}) < len(stored)
    final = counted() if doubled else stored
    return [
        *map(sighting_of, final),
        *(replace(sighting_of(row), collapsed=True) for row in _without(stored, final)),
    ]


def sighting_of(row: Mapping[str, Any]) -> Sighting:
    """The sighting of a typed row, or of a dead letter, which has a reason."""
    fields = {name: row[name] for name in ROW_FIELDS if name in row}
    if fields:
        fields["payload"] = exact_json.loads(fields["payload"])
    return Sighting(
        HOP,
        row["aggregate_id"],
        row["outbox_id"],
        TopicPosition(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]),
        row["ingested_at"],
        fields,
        refused=row.get("reason"),
    )


def _without(stored: Rows, counted: Rows) -> list[Mapping[str, Any]]:
    """The stored rows that are not counted, one for one."""
    left = list(stored)
    for row in counted:
        if row in left:  # a row may have come, or gone, between the two questions
            left.remove(row)
    return left
