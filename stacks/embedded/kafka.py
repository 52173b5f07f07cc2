"""Kafka: one process that is broker and controller (KRaft), for one machine."""

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import LOOPBACK, EmbeddedPart, properties
from stacks.embedded.supervision import Command


class Kafka(EmbeddedPart):
    """The stack's only broker."""

    name = "kafka"
    title = "Kafka"
    own_ports = ("kafka", "kafka_controller")

    def version(self) -> str:
        return version_of("kafka_2.13")

    def files(self) -> Mapping[str, str]:
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.port('kafka_controller')}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port()},CONTROLLER://{LOOPBACK}:{self.port('kafka_controller')}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port()}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self.data,
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            # One machine, one broker: nobody else's rebalance or election is worth waiting for.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,
            "num.network.threads": 2,
            "num.io.threads": 3,
            "background.threads": 2,
            "num.recovery.threads.per.data.dir": 1,
            "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        }
        return {"server.properties": properties(settings), "log4j2.properties": LOGGING}

    def command(self) -> Command:
        return java(
            "kafka.Kafka",
            [str(self.folder / "server.properties")],
            heap=self.settings["heap"],
            logging=self.folder / "log4j2.properties",
            directory=self.folder,
        )

    def make_data(self, folder: Path) -> None:
        # What `kafka-storage format` writes (MetaProperties, version 1), without starting a JVM for it.
        settings = {"version": 1, "cluster.id": _kafka_uuid(), "node.id": 1, "directory.id": _kafka_uuid()}
        (folder / "meta.properties").write_text(properties(settings))

    def ready(self) -> bool:
        try:
            AdminClient(
                {"bootstrap.servers": f"{LOOPBACK}:{self.port()}", "log_level": 0, "socket.timeout.ms": 2000}
            ).list_topics(timeout=2)
        except KafkaException:
            return False
        return True


def _kafka_uuid() -> str:
    """A UUID as Kafka writes it (org.apache.kafka.common.Uuid): URL-safe base64, no padding, no leading dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return text
