"""One event's way after the fact: its outbox row, its change in the topic, its row in ClickHouse or its dead letter.

Nothing is waited for and nothing is written. The topic is read from a little before the outbox row was written, or from
its beginning where there is no such row, so an event that ClickHouse never got is found there all the same. The times
are those that the systems themselves noted: the row's, the commit's and the connector's in the envelope, the record's
in the topic, and ClickHouse's own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.kafka import Kafka
from pipeline_lib.hops.protocol import Obstacle, ask
from pipeline_lib.hops.tail import TopicMessage, position_of, read_message
from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.verify.bulk import moments
from pipeline_lib.verify.bulk.audit import messages_between
from pipeline_lib.verify.ledger import HOPS


@dataclass(frozen=True)
class Leg:
    """What happened to the event at a hop, and when; `told` is where it was and as what."""

    hop: str
    what: str
    at: datetime
    told: str


@dataclass(frozen=True)
class Trace:
    """The way of an event as far as it went. `stopped` is the hop that it did not come out of, and `why` in words."""

    id: str
    outbox_id: int | None
    legs: tuple[Leg, ...]
    arrived: bool
    stopped: str | None
    why: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: times as ISO 8601, and each leg's latency in milliseconds since the one before."""
        legs = [
            {**asdict(leg), "at": instant.to_text(leg.at), "ms": milliseconds}
            for leg, milliseconds in zip(self.legs, self.latencies_ms(), strict=True)
        ]
        return {**asdict(self), "legs": legs, "notes": list(self.notes)}

    def latencies_ms(self) -> list[float]:
        """Of each leg since the one before; of the first 0."""
        before = [*self.legs[:1], *self.legs[:-1]]
        return [(leg.at - last.at) / timedelta(milliseconds=1) for leg, last in zip(self.legs, before, strict=True)]


def trace(endpoint: KafkaEndpoint, chain: Chain, id_: str) -> Trace:
    """The event's or assignment's way; raises UserError if no system knows the id."""
    rows = chain.postgres.outbox_rows(id_)
    row = rows[-1] if rows else None
    messages = list(_in_topic(endpoint, chain.kafka, id_, row["created_at"] if row else None))
    message = messages[0] if messages else None
    stored, letters = chain.clickhouse.rows_of(id_, [one.position for one in messages])
    if not (row or message or stored or letters):
        raise UserError(
            f"No system knows '{id_}': it is not in the outbox, in the topic or in ClickHouse. An id is an event's, "
            "such as e2e_event_cdc895ed, or an assignment's, such as assignment-7; what was rolled back leaves none."
        )
    legs = tuple(_legs(row, message, stored, letters))
    notes = tuple(_notes(rows, messages, stored))
    outbox_id = row["id"] if row else message.envelope.outbox_id if message and message.envelope else None
    found = Trace(id_, outbox_id, legs, arrived=bool(stored), stopped=None, why="", notes=notes)
    if stored:
        return found
    if letters:
        return replace(
            found, stopped="clickhouse", why=f"ClickHouse put it among the dead letters: {letters[-1]['reason']}"
        )
    stopped = "clickhouse" if message else "connect"
    return replace(found, stopped=stopped, why=_why(chain, stopped, message))


def _in_topic(endpoint: KafkaEndpoint, kafka: Kafka, id_: str, written: datetime | None) -> Iterator[TopicMessage]:
    """The messages of the aggregate; those that only speak of it are passed over."""
    start = moments.positions_since(endpoint, kafka.tail.start, written)
    name = id_.encode()
    for polled in messages_between(endpoint, start, lambda one: name in (one.value() or b"")):
        _, produced_ms = polled.timestamp()
        at = instant.from_microseconds(produced_ms * 1000)
        message = read_message(position_of(polled), polled.key(), polled.value(), at)
        if message.envelope is not None and message.envelope.aggregate_id == id_:
            yield message


def _legs(
    row: dict[str, Any] | None,
    message: TopicMessage | None,
    stored: Sequence[dict[str, Any]],
    letters: Sequence[dict[str, Any]],
) -> Iterator[Leg]:
    if row:
        yield Leg("postgres", "written", row["created_at"], f"outbox row {row['id']}")
    if message and message.envelope:
        envelope = message.envelope
        yield Leg("postgres", "committed", envelope.committed_at, f"LSN {envelope.lsn}")
        yield Leg("connect", "captured", envelope.captured_at, f"op {envelope.op}")
        yield Leg("kafka", "in the topic", message.received_at, str(message.position))
    if stored:
        part = f"part {stored[0]['part']}"
        # Its place in the topic is told above, if that is where it came from.
        told = part if message and message.position == _position(stored[0]) else f"{_position(stored[0])}, {part}"
        yield Leg("clickhouse", "ingested", stored[0]["ingested_at"], told)
    elif letters:
        yield Leg("clickhouse", "refused", letters[0]["ingested_at"], f"{_position(letters[0])}, dead letter")


def _position(row: dict[str, Any]) -> TopicPosition:
    return TopicPosition(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"])


def _notes(rows: Sequence[Any], messages: Sequence[TopicMessage], stored: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "the outbox does not have it (any more)"
    if len(rows) > 1:
        yield f"the outbox has {len(rows)} rows of it; this is the last one's way"
    if not messages and stored:
        yield "the topic does not have it (any more)"
    if len(messages) > 1:
        yield f"the topic has it {len(messages)} times: at {', '.join(str(one.position) for one in messages)}"
    if len(stored) > 1:
        yield f"ClickHouse stores it {len(stored)} times; a copy of the same key is collapsed into one"


def _why(chain: Chain, stopped: str, message: TopicMessage | None) -> str:
    """The words of the first hop that has something in the way, else how far the hop is where it stopped."""
    for hop in chain.hops[: HOPS.index(stopped) + 1]:
        words = ask(hop, lambda: _words_of(hop.obstacle()), lambda _: "it does not answer")  # noqa: B023  asked at once
        if words:
            return f"{hop.name}: {words}"
    if message is None:
        ready = chain.connect.ready()
        return f"the connector has not published it ({ready.words})"
    consumed = {at.partition: at.offset for at in chain.clickhouse.position()}
    at = message.position
    if consumed.get(at.partition, 0) > at.offset:
        return f"ClickHouse has consumed {at} and has no row of it, nor a dead letter"
    return f"ClickHouse has not consumed {at} yet ({chain.clickhouse.ready().words})"


def _words_of(obstacle: Obstacle | None) -> str:
    return obstacle.words if obstacle else ""
