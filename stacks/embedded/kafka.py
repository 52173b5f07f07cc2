"""Kafka: one process that is broker and controller (KRaft), for one machine."""

from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline_lib.model.endpoints import KafkaEndpoint
from stacks.allocation import LOOPBACK
from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.security import Certificates, jaas, kafka_client
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
        protocol = "SASL_SSL" if self.secured else "PLAINTEXT"
        controller = f"{LOOPBACK}:{self.port('kafka_controller')}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{protocol}://{LOOPBACK}:{self.port()},CONTROLLER://{controller}",
            "advertised.listeners": f"{protocol}://{LOOPBACK}:{self.port()}",
            "listener.security.protocol.map": f"CONTROLLER:{protocol},{protocol}:{protocol}",
            "log.dirs": self.data,
            **broker(1),
            **(self._security() if self.secured else {}),
        }
        return {"server.properties": properties(settings), "log4j2.properties": LOGGING}

    def _security(self) -> dict[str, object]:
        """Every listener, the controller's and the broker's own too, asks for the same password over TLS."""
        certificates = Certificates.of(self.stack_folder)
        return {
            "security.inter.broker.protocol": "SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificates.server,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": certificates.authority,
        }

    def secret_files(self) -> Mapping[str, str]:
        return {"jaas.conf": jaas("KafkaServer", self.secrets["client"], serves=True)} if self.secured else {}

    def command(self) -> Command:
        return java(
            "kafka.Kafka",
            [str(self.folder / "server.properties")],
            heap=self.settings["heap"],
            logging=self.folder / "log4j2.properties",
            directory=self.folder,
            jaas=self.folder / "jaas.conf" if self.secured else None,
        )

    def make_data(self, folder: Path) -> None:
        # What `kafka-storage format` writes (MetaProperties, version 1), without starting a JVM for it.
        settings = {"version": 1, "cluster.id": cluster_id(), "node.id": 1, "directory.id": cluster_id()}
        (folder / "meta.properties").write_text(properties(settings))

    def ready(self) -> bool:
        security = (
            kafka_client(str(Certificates.of(self.stack_folder).authority), self.secrets["client"])
            if self.secured
            else None
        )
        endpoint = KafkaEndpoint.model_validate(
            {"bootstrap": f"{LOOPBACK}:{self.port()}", "topic": "", "security": security}
        )
        try:
            AdminClient({**endpoint.client_settings(), "log_level": 0, "socket.timeout.ms": 2000}).list_topics(
                timeout=2
            )
        except KafkaException:
            return False
        return True
