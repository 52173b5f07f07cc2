"""What each hop must show of a committed message: the fields of its sighting, told from the message alone.

It says in Python what `sql/clickhouse/judge_messages.sql` says in SQL; that the two agree is what is verified.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.outbox import ASSIGNMENT, OutboxMessage


def fields_at(hop: str, message: OutboxMessage) -> Mapping[str, Any]:
    """The fields that a sighting of `message` at `hop` must have, each exactly so."""
    row = {
        "aggregate_type": message.aggregate_type,
        "message type": message.event_type,
        "payload": message.payload,
    }
    match hop:
        case "postgres":
            return {**row, "announced apart": False}
        case "connect" | "kafka":
            return {**row, "key": {"aggregate_id": message.aggregate_id}, "op": "c", "before": None}
        case "clickhouse":
            return _typed_row(message)
    return {}


def time_of(message: OutboxMessage) -> datetime | None:
    """When what it tells of happened, as it says itself; None if it does not say."""
    told = message.payload.get("assigned_at" if message.aggregate_type == ASSIGNMENT else "occurred_at")
    return instant.from_text(told) if told is not None else None


def _typed_row(message: OutboxMessage) -> Mapping[str, Any]:
    payload = message.payload
    properties = payload.get("properties") or ""
    details = exact_json.loads(properties or "{}")
    event_type = payload.get("event_type", "")
    return {
        "aggregate_type": message.aggregate_type,
        "outbox_event_type": message.event_type,
        "payload": payload,
        "occurred_at": time_of(message),
        "experiment_id": payload["experiment_id"],
        "user_id": payload["user_id"],
        "session_id": payload.get("session_id", ""),
        "variant_id": payload.get("variant_id"),
        "variant_key": payload.get("variant_key", ""),
        "event_type": event_type,
        "properties": properties,
        "page": details.get("page") or "",
        "duration_seconds": _decimal(details.get("duration_seconds")),
        "value": _decimal(details.get("value")),
        "currency": details.get("currency") or "",
        "score": _decimal(details.get("score")),
        "is_exposure": event_type == "exposure",
        "is_click": event_type == "click",
        "is_conversion": event_type == "conversion",
    }


def _decimal(number: Any) -> Decimal | None:
    return None if number is None else Decimal(number)
