"""Kafka Connect: one distributed worker with the Debezium PostgreSQL connector on its class path."""

from collections.abc import Mapping
from http import HTTPStatus

import urllib3

from stacks.allocation import LOOPBACK
from stacks.embedded.jars import version_of
from stacks.embedded.jvm import LOGGING, java
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.security import CLIENT, Certificates, answers, jaas, java_client
from stacks.embedded.supervision import Command
from stacks.kafka_settings import DATABASE_PASSWORD, properties, worker

SECRETS_FILE = "secrets.properties"
_KEYSTORE_PASSWORD = "keystore.password"  # noqa: S105  the name of a property
_BASIC_AUTH = "org.apache.kafka.connect.rest.basic.auth.extension"


class Connect(EmbeddedPart):
    """The stack's only worker. What it must not lose is in Kafka, so it follows Kafka's identity (`settings`)."""

    name = "connect"
    title = "Kafka Connect"
    own_ports = ("connect",)

    def version(self) -> str:
        return version_of("connect-runtime")

    def files(self) -> Mapping[str, str]:
        settings = {
            **worker(1),
            "bootstrap.servers": f"{LOOPBACK}:{self.port('kafka')}",
            "listeners": self.url,
            "rest.advertised.host.name": LOOPBACK,
            "config.providers.file.param.allowed.paths": self.folder / SECRETS_FILE,
            **(self._security() if self.secured else {}),
            # The user's own; Debezium and Connect's are on the class path.
            **({"plugin.path": self.settings["plugins"]} if "plugins" in self.settings else {}),
        }
        return {
            "worker.properties": f"# of the Kafka {self.settings['kafka']}\n{properties(settings)}",
            "log4j2.properties": LOGGING,
        }

    @property
    def url(self) -> str:
        """Of the REST API."""
        return f"http{'s' if self.secured else ''}://{LOOPBACK}:{self.port()}"

    def _security(self) -> dict[str, object]:
        """The worker and the clients of its connectors log in to Kafka; whoever asks the worker logs in to it."""
        clients = [java_client(self.stack_folder, prefix) for prefix in ("", "producer.", "consumer.", "admin.")]
        return {
            **{key: value for client in clients for key, value in client.items()},
            "rest.extension.classes": f"{_BASIC_AUTH}.BasicAuthSecurityRestExtension",
            "listeners.https.ssl.keystore.type": "PKCS12",  # the REST server's library reads no PEM
            "listeners.https.ssl.keystore.location": Certificates.of(self.stack_folder).keystore,
            "listeners.https.ssl.keystore.password": f"${{file:{self.folder / SECRETS_FILE}:{_KEYSTORE_PASSWORD}}}",
            "listeners.https.ssl.key.password": f"${{file:{self.folder / SECRETS_FILE}:{_KEYSTORE_PASSWORD}}}",
        }

    def secret_files(self) -> Mapping[str, str]:
        database = {DATABASE_PASSWORD: self.secrets["replication"]}
        if not self.secured:
            return {SECRETS_FILE: properties(database)}
        users = self.folder / "users.properties"
        return {
            SECRETS_FILE: properties({**database, _KEYSTORE_PASSWORD: self.secrets["connect_client"]}),
            users.name: properties({CLIENT: self.secrets["connect_client"]}),
            "jaas.conf": jaas("KafkaClient", self.secrets["kafka_client"])
            + f'KafkaConnect {{\n  {_BASIC_AUTH}.PropertyFileLoginModule required file="{users}";\n}};\n',
        }

    def command(self) -> Command:
        return java(
            "org.apache.kafka.connect.cli.ConnectDistributed",
            [str(self.folder / "worker.properties")],
            heap=self.settings["heap"],
            logging=self.folder / "log4j2.properties",
            directory=self.folder,
            jaas=self.folder / "jaas.conf" if self.secured else None,
        )

    def ready(self) -> bool:
        authority = Certificates.of(self.stack_folder).authority if self.secured else None
        user = f"{CLIENT}:{self.secrets['connect_client']}" if self.secured else None
        try:
            # /connectors is answered once the worker has read its topics and joined its group; / already before.
            return answers(f"{self.url}/connectors", authority, urllib3.make_headers(basic_auth=user)) == HTTPStatus.OK
        except urllib3.exceptions.HTTPError:
            return False
