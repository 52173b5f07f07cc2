"""The audit: every message of the topic between two positions, put into ClickHouse as it is.

The reader is assigned its partitions and commits nothing, so it leaves no consumer group. It reads while the pipeline
works, and learns only at the end how far it has to read.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline_lib.hops.tail import position_of, reader
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.verify.budget import seconds
from pipeline_lib.verify.bulk.rowbinary import int32, int64, nullable_string
from pipeline_lib.verify.bulk.scratch import TOPIC_COLUMNS, Scratch

BATCH = 2000
GIVE_UP_S = 20
"""How long nothing may come while there is more to read."""


def consumer_of(endpoint: KafkaEndpoint) -> Consumer:
    """A consumer that tells where a partition ends, too."""
    settings = {"enable.partition.eof": True, "fetch.message.max.bytes": 2 * 2**20}
    return reader(endpoint, "throughline-audit", settings)


class Audit:
    """The reading, from `start` on, in a thread of its own until `finish`."""

    def __init__(self, endpoint: KafkaEndpoint, start: Sequence[TopicPosition], scratch: Scratch) -> None:
        self._next = {at.partition: at for at in start}
        self._scratch = scratch
        self._ends: dict[int, int] | None = None
        self._stop = False
        self._error: BaseException | None = None
        self._consumer = consumer_of(endpoint)
        self._assign()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def finish(self, ends: Iterable[TopicPosition]) -> None:
        """Returns when all before `ends` (for each partition the first not to be read) is in ClickHouse; raises what
        the reading failed with."""
        self._ends = {at.partition: at.offset for at in ends}
        self._thread.join()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Ends the reading wherever it is."""
        self._stop = True
        self._thread.join()
        self._consumer.close()

    def _assign(self) -> None:
        self._consumer.assign([TopicPartition(at.topic, at.partition, at.offset) for at in self._next.values()])

    def _run(self) -> None:
        try:
            self._scratch.load("topic", TOPIC_COLUMNS, "RowBinary", self._rows())
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            self._error = error

    def _rows(self) -> Iterator[bytes]:
        """The messages' rows up to the ends, once these are known.

        A partition also ends where its last offset belongs to no message. What was taken for its end before the ends
        were known may be none any more, so that is asked again.
        """
        asked_again, ended, came = False, set[int](), time.monotonic()
        while not self._stop:
            if self._ends is not None and not asked_again:
                self._assign()
                asked_again = True
            messages = self._consumer.consume(BATCH, 0.2)
            if messages or self._ends is None:
                came = time.monotonic()
            elif time.monotonic() - came > seconds(GIVE_UP_S).seconds:
                raise UserError(
                    f"Kafka has given nothing for {GIVE_UP_S} s, and the topic is not read to its end. See "
                    "`throughline status`; `throughline up` mends a stack."
                )
            for message in messages:
                error = message.error()
                if error is None:
                    at = position_of(message)
                    if self._ends is None or at.offset < self._ends[at.partition]:
                        yield row_of(message)
                    self._next[at.partition] = TopicPosition(at.topic, at.partition, at.offset + 1)
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                    if asked_again:
                        ended.add(position_of(message).partition)
                elif error is not None and not error.retriable():
                    raise KafkaException(error)
            if self._ends is not None and all(
                partition in ended or at.offset >= self._ends[partition] for partition, at in self._next.items()
            ):
                return


def row_of(message: Any) -> bytes:
    """A message of the Kafka library as a row of the audit."""
    _, produced_ms = message.timestamp()
    numbers = int32(message.partition()) + int64(message.offset()) + int64(produced_ms)
    return numbers + nullable_string(message.key()) + nullable_string(message.value())


def messages_between(
    endpoint: KafkaEndpoint, start: Sequence[TopicPosition], wanted: Callable[[Any], bool]
) -> Iterator[Any]:
    """The wanted messages from `start` to where each partition ends now."""
    with closing(consumer_of(endpoint)) as consumer:
        consumer.assign([TopicPartition(at.topic, at.partition, at.offset) for at in start])
        open_ = {at.partition for at in start}
        while open_:
            for message in consumer.consume(BATCH, 0.2):
                error = message.error()
                if error is None:
                    if wanted(message):
                        yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_.discard(message.partition())
                elif not error.retriable():
                    raise KafkaException(error)
