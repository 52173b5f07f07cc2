"""A second consumer of the topic: all that it holds, from its beginning, each record as Kafka keeps it.

It joins no group and commits nothing, so that nothing of it stays.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline_lib.hops.tail import TIMEOUT_S, end_offsets, position_of, reader
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.position import TopicPosition


@dataclass(frozen=True)
class Record:
    """A record of the topic."""

    position: TopicPosition
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, Any]


def replay(endpoint: KafkaEndpoint, start: Mapping[int, int] | None = None) -> Iterator[Record]:
    """Every record from the beginning to what is the end now, partition by partition; raises KafkaException.

    With `start`, only the partitions that it names, each from that offset on.
    """
    with closing(reader(endpoint, "throughline-replay")) as consumer:
        for end in end_offsets(consumer, endpoint.bootstrap, endpoint.topic):
            partition = TopicPartition(end.topic, end.partition)
            beginning, _ = consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S)
            first = beginning if start is None else start.get(end.partition, end.offset)
            consumer.assign([TopicPartition(end.topic, end.partition, first)])
            yield from _until(consumer, end, first)


def _until(consumer: Consumer, end: TopicPosition, next_: int) -> Iterator[Record]:
    while next_ < end.offset:
        message = consumer.poll(TIMEOUT_S)
        if message is None:
            raise TimeoutError(f"nothing has come of {end.topic}-{end.partition} from {next_} on for {TIMEOUT_S} s")
        if message.error() is not None:
            raise KafkaException(message.error())
        position = position_of(message)
        next_ = position.offset + 1
        yield Record(position, message.key(), message.value(), dict(message.headers() or ()))
