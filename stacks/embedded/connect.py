"""Kafka Connect: one distributed worker with the Debezium PostgreSQL connector on its class path."""

from collections.abc import Mapping
from http import HTTPStatus

import urllib3

from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import LOOPBACK, EmbeddedPart, properties
from stacks.embedded.supervision import Command

SECRETS_FILE = "secrets.properties"


class Connect(EmbeddedPart):
    """The stack's only worker. What it must not lose is in Kafka, so it follows Kafka's identity (`settings`)."""

    name = "connect"
    title = "Kafka Connect"
    own_ports = ("connect",)

    def version(self) -> str:
        return version_of("connect-runtime")

    def files(self) -> Mapping[str, str]:
        converter = "org.apache.kafka.connect.json.JsonConverter"
        settings = {
            "bootstrap.servers": f"{LOOPBACK}:{self.port('kafka')}",
            "group.id": "experiments-connect",
            "key.converter": converter,
            "key.converter.schemas.enable": "false",
            "value.converter": converter,
            "value.converter.schemas.enable": "false",
            "config.storage.topic": "connect_configs",
            "config.storage.replication.factor": 1,
            "offset.storage.topic": "connect_offsets",
            "offset.storage.replication.factor": 1,
            "offset.storage.partitions": 1,
            "status.storage.topic": "connect_statuses",
            "status.storage.replication.factor": 1,
            "status.storage.partitions": 1,
            "offset.flush.interval.ms": 1000,
            "listeners": f"http://{LOOPBACK}:{self.port()}",
            "rest.advertised.host.name": LOOPBACK,
            "plugin.discovery": "service_load",
            "connector.client.config.override.policy": "All",
            # Passwords stay in a file of the worker's; connectors name them as ${file:…:…}.
            "config.providers": "file",
            "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
            "config.providers.file.param.allowed.paths": self.folder / SECRETS_FILE,
            # One worker: no other is worth waiting for.
            "scheduled.rebalance.max.delay.ms": 0,
            "session.timeout.ms": 3000,
            "heartbeat.interval.ms": 500,
            "rebalance.timeout.ms": 10000,
        }
        return {
            "worker.properties": f"# of the Kafka {self.settings['kafka']}\n{properties(settings)}",
            "log4j2.properties": LOGGING,
        }

    def secret_files(self) -> Mapping[str, str]:
        return {SECRETS_FILE: properties({"database.password": self.secrets["replication"]})}

    def command(self) -> Command:
        return java(
            "org.apache.kafka.connect.cli.ConnectDistributed",
            [str(self.folder / "worker.properties")],
            heap=self.settings["heap"],
            logging=self.folder / "log4j2.properties",
            directory=self.folder,
        )

    def ready(self) -> bool:
        try:
            # /connectors is answered once the worker has read its topics and joined its group; / already before.
            answer = urllib3.request("GET", f"http://{LOOPBACK}:{self.port()}/connectors", timeout=5, retries=False)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == HTTPStatus.OK
