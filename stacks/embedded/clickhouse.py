"""ClickHouse: the engine of the `chdb` wheel behind our HTTP endpoint (`clickhouse_server/`)."""

import json
import sys
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version

import urllib3

from pipeline_lib import sql
from pipeline_lib.model.endpoints import KafkaEndpoint, KafkaSecurity
from stacks.allocation import LOOPBACK
from stacks.config import megabytes
from stacks.embedded.clickhouse_server.config import password_hash
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.security import Certificates, answers, kafka_client
from stacks.embedded.supervision import Command
from stacks.kafka_settings import CLICKHOUSE_CONSUMER
from stacks.pipeline.names import DATABASE

USERS = ("admin", "ingestion", "analyst")


class ClickHouse(EmbeddedPart):
    """The stack's only ClickHouse server."""

    name = "clickhouse"
    title = "ClickHouse"
    own_ports = ("clickhouse",)

    def version(self) -> str:
        return f"chdb {version('chdb')}"

    def secret_files(self) -> Mapping[str, str]:
        settings = {
            "path": str(self.data),
            "port": self.port(),
            "max_memory_bytes": megabytes(self.settings["memory"]) * 2**20,
            "database": DATABASE,
            "users": {user: password_hash(self.secrets[user]) for user in USERS},
            "ingestion_tables": sql.CLICKHOUSE_ORDER,
            "analyst_tables": sql.ANALYST_TABLES,
            "kafka": {**CLICKHOUSE_CONSUMER, **(self._kafka_login() if self.secured else {})},
        }
        if self.secured:
            settings["certificate"] = str(Certificates.of(self.stack_folder).server)
        return {"server.json": json.dumps(settings, indent=2)}

    def _kafka_login(self) -> dict[str, str]:
        """librdkafka's settings; here and not in a table's, where SHOW CREATE TABLE would show them."""
        security = KafkaSecurity.model_validate(
            kafka_client(str(Certificates.of(self.stack_folder).authority), self.secrets["client"])
        )
        settings = KafkaEndpoint(bootstrap="", topic="", security=security).client_settings()
        return {key.replace(".", "_"): value for key, value in settings.items() if value}

    def command(self) -> Command:
        return Command(
            argv=(
                sys.executable,
                "-m",
                "stacks.embedded.clickhouse_server",
                "--config",
                str(self.folder / "server.json"),
            ),
            directory=self.folder,
            environment={"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        )

    def ready(self) -> bool:
        authority = Certificates.of(self.stack_folder).authority if self.secured else None
        url = f"http{'s' if self.secured else ''}://{LOOPBACK}:{self.port()}/ping"
        try:
            return answers(url, authority) == HTTPStatus.OK
        except urllib3.exceptions.HTTPError:
            return False
