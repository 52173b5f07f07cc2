"""Debezium's change event envelope, as JSON without a schema.

https://debezium.io/documentation/reference/connectors/postgresql.html#postgresql-events: `before` and `after` are the
row's two states, `source` tells the LSN, the transaction and, in `ts_us`, the time of its commit; `op` is c for an
insert, r for a row read by a snapshot; the envelope's own `ts_us` is when the connector processed the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.position import Lsn


class NotAnEnvelope(ValueError):  # noqa: N818  (it says what the bytes are not)
    """The bytes are not an envelope of an outbox row; the text says why."""


@dataclass(frozen=True)
class Envelope:
    """A change of the outbox table. `payload` is the text that was published."""

    op: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    source: Mapping[str, Any]
    captured_at: datetime

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """The envelope in a Kafka message's value; raises NotAnEnvelope."""
        try:
            fields = exact_json.loads(value)
        except ValueError as error:
            raise NotAnEnvelope(f"not JSON: {error}") from None
        try:
            envelope = cls(
                op=_typed(fields["op"], str),
                before=_typed(fields["before"], dict, type(None)),
                after=_typed(fields["after"], dict, type(None)),
                source=_typed(fields["source"], dict),
                captured_at=instant.from_microseconds(_typed(fields["ts_us"], int)),
            )
            _typed(envelope.source["lsn"], int), _typed(envelope.source["ts_us"], int)
            for name, type_ in _OUTBOX.items():
                _typed(envelope.row[name], type_)
        except (KeyError, TypeError, OverflowError) as error:
            raise NotAnEnvelope(f"no envelope of an outbox row: {type(error).__name__} {error}") from None
        return envelope

    @property
    def row(self) -> Mapping[str, Any]:
        """The outbox row after the change, or before it if it was deleted."""
        return self.after or self.before or {}

    @property
    def lsn(self) -> Lsn:
        """Where the change is in the WAL."""
        return Lsn(self.source["lsn"])

    @property
    def committed_at(self) -> datetime:
        """When PostgreSQL committed it."""
        return instant.from_microseconds(self.source["ts_us"])

    @property
    def outbox_id(self) -> int:
        """The outbox row's id."""
        return int(self.row["id"])

    @property
    def aggregate_id(self) -> str:
        """What the message tells of; also its key."""
        return str(self.row["aggregate_id"])

    @property
    def payload(self) -> Any:
        """The payload's value; raises ValueError if it is not JSON."""
        return exact_json.loads(self.row["payload"])


_OUTBOX: Mapping[str, type] = {
    "id": int,
    "aggregate_id": str,
    "aggregate_type": str,
    "event_type": str,
    "payload": str,
}


def _typed(value: Any, *types: type) -> Any:
    if not isinstance(value, types) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not {' or '.join(type_.__name__ for type_ in types)}")
    return value
