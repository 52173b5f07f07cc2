"""Where the topic has what was written since a moment, and which moment an LSN is.

The envelopes of a partition stand there in the order of the WAL, so the first one of an LSN is found by bisection.
"""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline_lib.hops.tail import TIMEOUT_S
from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.envelope import Envelope, NotAnEnvelope
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import Lsn, TopicPosition
from pipeline_lib.verify.bulk.audit import consumer_of

MARGIN = timedelta(minutes=1)
"""How far the clocks of PostgreSQL and of Connect, which dates the topic's messages, may be apart."""


def positions_since(
    endpoint: KafkaEndpoint, topic: Sequence[TopicPosition], moment: datetime | None
) -> tuple[TopicPosition, ...]:
    """For each partition of `topic` where it has what was written at that moment or later, or where it begins now."""
    with closing(consumer_of(endpoint)) as consumer:
        return tuple(TopicPosition(at.topic, at.partition, _since(consumer, at, moment)) for at in topic)


def refuse_forgotten(endpoint: KafkaEndpoint, start: Sequence[TopicPosition]) -> None:
    """Raises UserError if the retention has removed messages that may have stood at `start`."""
    with closing(consumer_of(endpoint)) as consumer:
        for at in start:
            low, high = _watermarks(consumer, at)
            if at.offset == low > 0:
                first = _message_at(consumer, at, low, high)
                told = instant.from_microseconds(first.timestamp()[1] * 1000) if first is not None else instant.now()
                since = instant.to_text(told + 2 * MARGIN)
                raise UserError(
                    f"The topic {at.topic} does not hold all that was asked about: what was before offset {low} of "
                    f"partition {at.partition} has been removed. Ask for less: --since {since}."
                )


def _watermarks(consumer: Consumer, at: TopicPosition) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(TopicPartition(at.topic, at.partition), timeout=TIMEOUT_S)
    return low, high


def _since(consumer: Consumer, at: TopicPosition, moment: datetime | None) -> int:
    low, high = _watermarks(consumer, at)
    if moment is None:
        return low
    asked = TopicPartition(at.topic, at.partition, int((moment - MARGIN).timestamp() * 1000))
    (answer,) = consumer.offsets_for_times([asked], timeout=TIMEOUT_S)
    return int(answer.offset) if answer.offset >= 0 else high


def written_at(endpoint: KafkaEndpoint, topic: Sequence[TopicPosition], lsn: Lsn) -> datetime | None:
    """When the first outbox row of that LSN or a later one was written; None if the topic has none yet."""
    with closing(consumer_of(endpoint)) as consumer:
        found = [_at_lsn(consumer, at, lsn) for at in topic]
    return min((moment for moment in found if moment is not None), default=None)


def _at_lsn(consumer: Consumer, at: TopicPosition, lsn: Lsn) -> datetime | None:
    low, high = _watermarks(consumer, at)

    def lsn_at(offset: int) -> Lsn:
        envelope = _envelope_at(consumer, at, offset, high)
        return envelope.lsn if envelope is not None else Lsn(2**64 - 1)

    envelope = _envelope_at(consumer, at, low + bisect_left(range(low, high), lsn, key=lsn_at), high)
    return instant.from_text(envelope.row["created_at"]) if envelope is not None else None


def _envelope_at(consumer: Consumer, at: TopicPosition, offset: int, high: int) -> Envelope | None:
    """The first envelope at the offset or behind it."""
    for candidate in range(offset, high):
        message = _message_at(consumer, at, candidate, high)
        if message is None:
            return None
        try:
            return Envelope.parse(message.value() or b"")
        except NotAnEnvelope:
            continue
    return None


def _message_at(consumer: Consumer, at: TopicPosition, offset: int, high: int) -> Any:
    """The first message at the offset or behind it; None if there is none."""
    if offset >= high:
        return None
    consumer.assign([TopicPartition(at.topic, at.partition, offset)])
    while True:
        message = consumer.poll(TIMEOUT_S)
        error = message.error() if message is not None else KafkaError(KafkaError._TIMED_OUT)
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:
            return None
        if message is None or not error.retriable():
            raise KafkaException(error)
