"""Kafka: one process that is broker and controller (KRaft), for one machine."""

from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stacks.allocation import LOOPBACK
from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.supervision import Command
from stacks.kafka_settings import broker, cluster_id, properties


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
            **broker(1),
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
        settings = {"version": 1, "cluster.id": cluster_id(), "node.id": 1, "directory.id": cluster_id()}
        (folder / "meta.properties").write_text(properties(settings))

    def ready(self) -> bool:
        try:
            AdminClient(
                {"bootstrap.servers": f"{LOOPBACK}:{self.port()}", "log_level": 0, "socket.timeout.ms": 2000}
            ).list_topics(timeout=2)
        except KafkaException:
            return False
        return True
