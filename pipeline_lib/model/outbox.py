"""Outbox messages: what a change says to the world, written in the change's own transaction.

The payload is a JSON object; an event's `properties` are nested in it as a JSON *string*, as the reference report has
them. A `Committed` message is one that the harness wrote, with what PostgreSQL said of it: it is what must arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.journey import Assignment, Event
from pipeline_lib.model.position import Lsn

ASSIGNMENT = "assignment"
EVENT = "event"
FENCE = "fence"


@dataclass(frozen=True)
class OutboxMessage:
    """A row of the outbox before it has an id."""

    aggregate_type: str
    aggregate_id: str
    event_type: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Committed:
    """A message that was committed.

    `lsn` is where its transaction's commit record can start at the earliest: the WAL's end after the outbox row was
    written. `committed_at` is when COMMIT was sent and `acknowledged_at` when it was answered, by the writer's clock.
    `writer` names the connection that wrote it: of one writer's messages the order is known, it is that of their ids.

    Of what others wrote the outbox tells neither where in the WAL nor by whom nor when it was acknowledged, and
    `committed_at` is when the row was written, by PostgreSQL's clock.
    """

    message: OutboxMessage
    outbox_id: int
    lsn: Lsn | None
    committed_at: datetime
    acknowledged_at: datetime | None
    writer: str

    @classmethod
    def by_others(cls, message: OutboxMessage, outbox_id: int, created_at: datetime) -> Self:
        """A message that the outbox has, whoever wrote it."""
        return cls(message, outbox_id, None, created_at, None, "")

    @property
    def id(self) -> str:
        """The id of the event or assignment it tells of."""
        return self.message.aggregate_id

    @property
    def user_id(self) -> str:
        """Whom it is about; empty for a fence."""
        return str(self.message.payload.get("user_id", ""))


def of_assignment(assignment: Assignment) -> OutboxMessage:
    """The message that tells of an assignment."""
    return OutboxMessage(
        ASSIGNMENT,
        f"assignment-{assignment.id}",
        "ASSIGNMENT_CREATED",
        {
            "id": assignment.id,
            "experiment_id": assignment.experiment_id,
            "user_id": assignment.user_id,
            "variant_id": assignment.variant.id,
            "variant_key": assignment.variant.key,
            "assigned_at": instant.to_text(assignment.assigned_at),
        },
    )


def of_event(event: Event) -> OutboxMessage:
    """The message that tells of an event."""
    return OutboxMessage(
        EVENT,
        event.id,
        "EVENT_CREATED",
        {
            "id": event.id,
            "experiment_id": event.experiment_id,
            "user_id": event.user_id,
            "event_type": event.event_type,
            "properties": exact_json.dumps(event.properties),
            "session_id": event.session_id,
            "occurred_at": instant.to_text(event.occurred_at),
        },
    )


def of_fence(aggregate_id: str, token: str) -> OutboxMessage:
    """A marker; it goes the way of all messages and is kept out of the analysts' tables."""
    return OutboxMessage(FENCE, aggregate_id, "FENCE", {"token": token})
