"""Kafka: the outbox's topic, read by one tail, and the offsets that consumer groups have committed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from pipeline_lib.hops.protocol import Obstacle, Readiness
from pipeline_lib.hops.replay import Record, replay
from pipeline_lib.hops.tail import TIMEOUT_S, Keeps, Tail, TopicMessage, keep_all, position_of, reader
from pipeline_lib.model import exact_json
from pipeline_lib.model.endpoints import KafkaEndpoint
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting

_PASSING = (
    *(KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE),
    *(KafkaError._WAIT_COORD, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR),
    *(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.LEADER_NOT_AVAILABLE),
)

LEAVING_S = 30
"""How long the members of a group may take to leave it."""


class Kafka:
    """The third hop; its tail runs until `close`."""

    name = "kafka"

    def __init__(self, endpoint: KafkaEndpoint, keeps: Keeps = keep_all) -> None:
        self._endpoint = endpoint
        self._readers: dict[str, Consumer] = {}
        self._topic = endpoint.topic
        self._admin = AdminClient({**endpoint.client_settings(), "log_level": 0})
        self.tail = Tail(endpoint, keeps=keeps)

    def ready(self) -> Readiness:
        """Ready when every partition has a leader."""
        partitions = self._admin.list_topics(self._topic, timeout=TIMEOUT_S).topics[self._topic].partitions
        leaderless = [number for number, partition in partitions.items() if partition.leader < 0]
        return Readiness(not leaderless, f"{len(partitions)} partitions, {len(leaderless)} without a leader")

    def may_pass(self, error: BaseException) -> bool:
        """A broker that is not there just now, or an election."""
        return isinstance(error, KafkaException) and (error.args[0].retriable() or error.args[0].code() in _PASSING)

    def obstacle(self) -> Obstacle | None:
        """A topic that is not there."""
        known = self._admin.list_topics(self._topic, timeout=TIMEOUT_S).topics[self._topic]
        if known.error is not None and known.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return Obstacle(self.name, "gone", f"there is no topic {self._topic}")
        return None

    def position(self) -> tuple[TopicPosition, ...]:
        """Where the tail is in each partition: the end, as far as it has been seen."""
        return self.tail.position()

    def committed_by(self, group: str) -> tuple[TopicPosition, ...]:
        """The offset that a consumer group will read next in each partition; raises KafkaException.

        A partition that the group has committed nothing of is not among them.
        """
        partitions = [TopicPartition(self._topic, number) for number in range(self.tail.partitions)]
        offsets = self._reader_of(group).committed(partitions, timeout=TIMEOUT_S)
        errors = [offset.error for offset in offsets if offset.error is not None]
        if errors:
            raise KafkaException(errors[0])
        return tuple(
            TopicPosition(offset.topic, offset.partition, offset.offset) for offset in offsets if offset.offset >= 0
        )

    def _reader_of(self, group: str) -> Consumer:
        """A consumer by the group's name, which does not join it.

        The admin client could be asked without one, but the library (librdkafka 2.16) ends the process with a
        segmentation fault when the group's coordinator has moved: it looks for the consumer that is not there.
        """
        if group not in self._readers:
            self._readers[group] = reader(self._endpoint, group)
        return self._readers[group]

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The messages of these and about these users, by partition and offset."""
        found = self.tail.find([*(message.id for message in committed), *users])
        return [sighting_of(message) for message in found]

    def settings(self) -> Mapping[str, str]:
        """The topic's settings, the broker's defaults among them; raises KafkaException."""
        topic = ConfigResource(ResourceType.TOPIC, self._topic)
        entries = self._admin.describe_configs([topic])[topic].result(TIMEOUT_S)
        return {name: entry.value for name, entry in entries.items()}

    def replay(self, start: Mapping[int, int] | None = None) -> Iterator[Record]:
        """What a second consumer sees that begins at the beginning, or at an offset of each of some partitions."""
        return replay(self._endpoint, start)

    def send(self, key: bytes | None, value: bytes | None, partition: int = 0) -> TopicPosition:
        """A message straight into the topic, as nobody but a test does; where it is. Raises KafkaException."""
        placed: list[TopicPosition] = []
        failed: list[KafkaError] = []

        def tell(error: KafkaError | None, message: Any) -> None:
            placed.append(position_of(message)) if error is None else failed.append(error)

        producer = Producer({**self._endpoint.client_settings(), "linger.ms": 0, "log_level": 0})
        producer.produce(self._topic, value, key, partition=partition, on_delivery=tell)
        producer.flush(TIMEOUT_S)
        if not placed:
            raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))
        return placed[0]

    def create_topic(self, name: str) -> None:
        """Another topic, of one partition, that takes messages as large as the pipeline's; raises KafkaException."""
        largest = {"max.message.bytes": self.settings()["max.message.bytes"]}
        topic = NewTopic(name, 1, config=largest)
        self._admin.create_topics([topic], operation_timeout=TIMEOUT_S)[name].result(LEAVING_S)

    def drop_topic(self, name: str) -> None:
        """Deletes a topic; raises KafkaException."""
        self._admin.delete_topics([name], operation_timeout=TIMEOUT_S)[name].result(LEAVING_S)

    def tail_of(self, topic: str) -> Tail:
        """A tail of another topic, to be closed by who asks for it; raises UserError.

        A topic that was just created may be unknown to its leader for a moment.
        """
        passing, patience = retry_if_exception_type(UserError), stop_after_delay(LEAVING_S)
        looks = Retrying(retry=passing, wait=wait_fixed(0.1), stop=patience, reraise=True)
        return looks(Tail, self._endpoint.model_copy(update={"topic": topic}))

    def forget_group(self, group: str) -> None:
        """Deletes a consumer group, once its last member has left; none of that name is no error."""

        def deleted() -> bool:
            (answer,) = self._admin.delete_consumer_groups([group], request_timeout=TIMEOUT_S).values()
            error = answer.exception(TIMEOUT_S)
            return error is None or error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND

        looks = Retrying(
            retry=retry_if_result(lambda done: not done), wait=wait_fixed(0.1), stop=stop_after_delay(LEAVING_S)
        )
        looks(deleted)

    def kept(self) -> Mapping[str, str]:
        """The topics, with their partitions, and the consumer groups; raises KafkaException."""
        topics = self._admin.list_topics(timeout=TIMEOUT_S).topics
        groups = self._admin.list_consumer_groups(request_timeout=TIMEOUT_S).result().valid
        return {
            **{f"topic {name}": f"{len(topic.partitions)} partitions" for name, topic in topics.items()},
            **{f"consumer group {group.group_id}": "" for group in groups},
        }

    def evidence(self) -> Mapping[str, Any]:
        """Where the tail began and is, and what it could not read."""
        return {
            "start": [str(at) for at in self.tail.start],
            "position": [str(at) for at in self.position()],
            "forgotten": self.tail.forgotten,
            "unreadable": [
                {"position": str(message.position), "fault": message.fault, "value": repr(message.value)[:2000]}
                for message in self.tail.unreadable()
            ],
        }

    def close(self) -> None:
        """Stops the tail, and whoever has asked for groups' offsets."""
        self.tail.close()
        for asked in self._readers.values():
            asked.close()


def sighting_of(message: TopicMessage) -> Sighting:
    """The sighting of an envelope in the topic."""
    envelope = message.envelope
    assert envelope is not None, "only an envelope tells which row it is"
    return Sighting(
        Kafka.name,
        envelope.aggregate_id,
        envelope.outbox_id,
        message.position,
        message.received_at,
        fields_of(message),
    )


def fields_of(message: TopicMessage) -> Mapping[str, Any]:
    """What a message of the topic can be held to."""
    envelope = message.envelope
    assert envelope is not None, "only an envelope has fields"
    try:
        payload = envelope.payload
    except ValueError:
        payload = envelope.row["payload"]
    return {
        "aggregate_type": envelope.row["aggregate_type"],
        "message type": envelope.row["event_type"],
        "payload": payload,
        "key": _json_or_none(message.key),
        "op": envelope.op,
        "before": envelope.before,
    }


def _json_or_none(key: bytes | None) -> Any:
    try:
        return exact_json.loads(key) if key is not None else None
    except ValueError:
        return repr(key)
