"""Kafka Connect: one distributed worker with the Debezium PostgreSQL connector on its class path."""

from collections.abc import Mapping
from http import HTTPStatus

import urllib3

from stacks.allocation import LOOPBACK
from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.supervision import Command
from stacks.kafka_settings import DATABASE_PASSWORD, WORKER, properties

SECRETS_FILE = "secrets.properties"


class Connect(EmbeddedPart):
    """The stack's only worker. What it must not lose is in Kafka, so it follows Kafka's identity (`settings`)."""

    name = "connect"
    title = "Kafka Connect"
    own_ports = ("connect",)

    def version(self) -> str:
        return version_of("connect-runtime")

    def files(self) -> Mapping[str, str]:
        settings = {
            **WORKER,
            "bootstrap.servers": f"{LOOPBACK}:{self.port('kafka')}",
            "listeners": f"http://{LOOPBACK}:{self.port()}",
            "rest.advertised.host.name": LOOPBACK,
            "config.providers.file.param.allowed.paths": self.folder / SECRETS_FILE,
            # The user's own; Debezium and Connect's are on the class path.
            **({"plugin.path": self.settings["plugins"]} if "plugins" in self.settings else {}),
        }
        return {
            "worker.properties": f"# of the Kafka {self.settings['kafka']}\n{properties(settings)}",
            "log4j2.properties": LOGGING,
        }

    def secret_files(self) -> Mapping[str, str]:
        return {SECRETS_FILE: properties({DATABASE_PASSWORD: self.secrets["replication"]})}

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
