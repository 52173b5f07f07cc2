"""The topic of the outbox."""

from collections.abc import Mapping

import pulumi
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.endpoints import KafkaEndpoint, KafkaSecurity
from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, Provider

TIMEOUT_S = 20


class Topic(Resource, module="pipeline", name="Topic"):
    """A topic; partitions can be added, the number of `replicas` of each stays."""

    def __init__(
        self,
        name: str,
        *,
        bootstrap: pulumi.Input[str],
        security: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        topic: str,
        partitions: int,
        replicas: int,
        within: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {
            "bootstrap": bootstrap,
            "security": security,
            "topic": topic,
            "partitions": str(partitions),
            "replicas": str(replicas),
            "within": within,
        }
        super().__init__(TopicProvider(), name, inputs, opts)


class TopicProvider(Provider):
    """Topics over Kafka's admin protocol."""

    inputs = ("bootstrap", "topic", "partitions", "within")
    replaces = ("topic", "within")

    def create(self, props: Props) -> CreateResult:
        """Creates the topic, or takes over one that stands."""
        wanted = NewTopic(
            props["topic"], num_partitions=int(props["partitions"]), replication_factor=int(props["replicas"])
        )
        admin = _admin(props)  # its answers end with it
        try:
            admin.create_topics([wanted], operation_timeout=TIMEOUT_S)[props["topic"]].result(TIMEOUT_S)
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise UserError(f"Kafka refused the topic {props['topic']}: {refused.args[0].str()}.") from refused
            _grow(props)
        return CreateResult(props["topic"], props)

    def read(self, id_: str, props: Props) -> ReadResult:
        """Gone if the broker does not have it or is not there."""
        try:
            found = _partitions(props)
        except KafkaException:
            found = 0
        return ReadResult(id_, {**props, "partitions": str(found)}) if found else ReadResult("", {})

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Adds partitions."""
        _grow(_news)
        return UpdateResult(_news)

    def delete(self, _id: str, _props: Props) -> None:
        """Deletes the topic if the broker still has it."""
        admin = _admin(_props)
        try:
            admin.delete_topics([_props["topic"]], operation_timeout=5)[_props["topic"]].result(TIMEOUT_S)
        except KafkaException as refused:
            if refused.args[0].code() not in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._TRANSPORT):
                raise UserError(f"Kafka kept the topic {_props['topic']}: {refused.args[0].str()}.") from refused


def _admin(props: Props) -> AdminClient:
    endpoint = KafkaEndpoint(
        bootstrap=props["bootstrap"],
        topic=props["topic"],
        security=KafkaSecurity.model_validate(props["security"]) if props.get("security") else None,
    )
    return AdminClient({**endpoint.client_settings(), "log_level": 0, "socket.timeout.ms": 5000})


def _partitions(props: Props) -> int:
    topics = _admin(props).list_topics(timeout=10).topics
    return len(topics[props["topic"]].partitions) if props["topic"] in topics else 0


def _grow(props: Props) -> None:
    has, wants = _partitions(props), int(props["partitions"])
    if wants < has:
        raise UserError(
            f"The topic {props['topic']} has {has} partitions and the stack's config asks for {wants}: Kafka cannot "
            f"take partitions away. Set `kafka.partitions` to {has} or more, or start anew with `throughline down`."
        )
    if wants > has:
        admin = _admin(props)
        admin.create_partitions([NewPartitions(props["topic"], wants)])[props["topic"]].result(TIMEOUT_S)
