"""One background reader of a topic, which keeps what came since it began and wakes those who wait for more.

It is assigned its partitions and commits nothing, so no consumer group is left behind. It begins at the end offsets
that stand when it is made: whoever makes it before the first write misses nothing. It keeps the last `limit` messages
of those that it is to keep; what it had to forget, it counts.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.envelope import Envelope, NotAnEnvelope
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import Lsn, TopicPosition

LIMIT = 100_000
TIMEOUT_S = 5

Keeps = Callable[[bytes | None], bool]
"""Which messages a tail keeps, by their values; of the others it knows only that they have come."""


def keep_all(_: bytes | None) -> bool:
    """Every message."""
    return True


@dataclass(frozen=True, eq=False)
class TopicMessage:
    """A message of the topic.

    `envelope` is None if it is not one, and `fault` says why; `user_id` is whom it is about, empty if it does not say.
    """

    position: TopicPosition
    key: bytes | None
    value: bytes | None
    received_at: datetime
    envelope: Envelope | None
    user_id: str
    fault: str

    @property
    def subjects(self) -> set[str]:
        """What it can be found by."""
        return {self.envelope.aggregate_id, self.user_id} - {""} if self.envelope else set()


class Tail:
    """The reader; it runs from when it is made until `close`."""

    def __init__(self, endpoint: KafkaEndpoint, limit: int = LIMIT, keeps: Keeps = keep_all) -> None:
        topic, troubles = endpoint.topic, list[KafkaError]()
        self._consumer = reader(
            endpoint, "throughline-tail", {"error_cb": troubles.append, "reconnect.backoff.max.ms": 500}
        )
        try:
            self.start = end_offsets(self._consumer, endpoint.bootstrap, topic)
        except KafkaException as error:
            self._consumer.poll(0)  # lets the library tell of its troubles
            raise UserError(
                f"Kafka at {endpoint.bootstrap} does not answer: {reason_of(error, troubles)}. See `throughline "
                "status`; `throughline up` mends a stack."
            ) from None
        self._consumer.assign([TopicPartition(at.topic, at.partition, at.offset) for at in self.start])
        self._next = {at.partition: at for at in self.start}
        self._messages: deque[TopicMessage] = deque()
        self._by_subject: defaultdict[str, list[TopicMessage]] = defaultdict(list)
        self._limit = limit
        self._keeps = keeps
        self._changed = threading.Condition()
        self._arrivals = 0
        self._last_lsn: Lsn | None = None
        self._stop = False
        self._error: KafkaError | None = None
        self.forgotten = 0
        self._thread = threading.Thread(target=self._read, name=f"tail of {topic}", daemon=True)
        self._thread.start()

    @property
    def partitions(self) -> int:
        """How many partitions the topic has."""
        return len(self.start)

    def position(self) -> tuple[TopicPosition, ...]:
        """The offset that each partition is to be read from next."""
        with self._changed:
            return tuple(self._next[partition] for partition in sorted(self._next))

    def last_lsn(self) -> tuple[Lsn, ...]:
        """The highest LSN among the changes that have come; none before the first."""
        return (self._last_lsn,) if self._last_lsn is not None else ()

    def find(self, subjects: Iterable[str]) -> list[TopicMessage]:
        """The messages of these aggregates or about these users, in the order of the topic; raises KafkaException."""
        with self._changed:
            if self._error is not None:
                raise KafkaException(self._error)
            found = {message for subject in subjects for message in self._by_subject.get(subject, ())}
        return sorted(found, key=lambda message: message.position)

    def unreadable(self) -> list[TopicMessage]:
        """The messages that are no envelope."""
        with self._changed:
            return [message for message in self._messages if message.envelope is None]

    def sleeper(self) -> Callable[[float], None]:
        """A sleep that ends early when something has come since its last call, or since it was made."""
        seen = self._arrivals

        def sleep(seconds: float) -> None:
            nonlocal seen
            with self._changed:
                self._changed.wait_for(lambda: self._arrivals != seen, seconds)
                seen = self._arrivals

        return sleep

    def close(self) -> None:
        """Ends the reading."""
        self._stop = True
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop:
            polled = self._consumer.poll(0.1)
            if polled is None:
                continue
            error = polled.error()
            with self._changed:
                if error is None and self._keeps(polled.value()):
                    self._keep(_message(polled))
                elif error is None:
                    self._pass(position_of(polled))
                elif not error.retriable():
                    self._error = error
                self._arrivals += 1
                self._changed.notify_all()

    def _pass(self, at: TopicPosition) -> None:
        self._next[at.partition] = TopicPosition(at.topic, at.partition, at.offset + 1)

    def _keep(self, message: TopicMessage) -> None:
        self._pass(message.position)
        if message.envelope is not None:
            self._last_lsn = max([message.envelope.lsn, *self.last_lsn()])
        self._messages.append(message)
        for subject in message.subjects:
            self._by_subject[subject].append(message)
        if len(self._messages) > self._limit:
            oldest = self._messages.popleft()
            for subject in oldest.subjects:
                self._by_subject[subject].remove(oldest)
                if not self._by_subject[subject]:
                    del self._by_subject[subject]
            self.forgotten += 1


def reader(endpoint: KafkaEndpoint, name: str, settings: Mapping[str, Any] | None = None) -> Consumer:
    """A consumer that is to be assigned its partitions, so it joins no group, and commits nothing.

    The library wants the name of a group all the same. One that is behind holds no more than 4 MiB ahead.
    """
    return Consumer(
        {
            **endpoint.client_settings(),
            "group.id": name,
            "enable.auto.commit": False,
            "queued.max.messages.kbytes": 4096,
            # How long it does not fetch once that is full; the library's own second is what reading would wait for.
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 100,
            "log_level": 0,
            **(settings or {}),
        }
    )


def end_offsets(consumer: Consumer, bootstrap: str, topic: str) -> tuple[TopicPosition, ...]:
    """Where each partition of the topic ends now; raises KafkaException, and UserError if there is no such topic."""
    known = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
    if known.error is not None:
        raise UserError(f"Kafka at {bootstrap} has no topic {topic}: {known.error.str()}. `throughline up` makes it.")
    return tuple(
        TopicPosition(topic, partition, consumer.get_watermark_offsets(TopicPartition(topic, partition))[1])
        for partition in sorted(known.partitions)
    )


def reason_of(error: KafkaException, troubles: Iterable[KafkaError]) -> str:
    """Why a client could not connect: the last of the troubles that the library has told of that says more than that
    no broker is there, else the error itself."""
    told: list[str] = [trouble.str() for trouble in troubles if trouble.code() != KafkaError._ALL_BROKERS_DOWN]
    return told[-1] if told else str(error.args[0].str())


def position_of(polled: Any) -> TopicPosition:
    """Where a message that the Kafka library gave is."""
    return TopicPosition(polled.topic(), polled.partition(), polled.offset())


def _message(polled: Any) -> TopicMessage:
    return read_message(position_of(polled), polled.key(), polled.value(), instant.now())


def read_message(position: TopicPosition, key: bytes | None, value: bytes | None, at: datetime) -> TopicMessage:
    """The message that these bytes are."""
    envelope, fault = None, ""
    try:
        envelope = Envelope.parse(value or b"")
    except NotAnEnvelope as error:
        fault = str(error)
    return TopicMessage(position, key, value, at, envelope, _user_of(envelope), fault)


def _user_of(envelope: Envelope | None) -> str:
    try:
        payload = envelope.payload if envelope else None
    except ValueError:
        return ""
    return str(payload.get("user_id", "")) if isinstance(payload, dict) else ""
