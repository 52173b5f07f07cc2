"""ClickHouse in containers, as the official image takes it: two configuration files, three users by their grants.

    admin      everything
    ingestion  inserts into and reads the pipeline's tables
    analyst    reads the analysts' tables and views, in read-only mode 2: settings may change per query, data may not

The built-in user `default` has no password and is left to connections from within the container. Replicas find each
other through Keeper, a server of its own, and fetch each other's rows under their names in the network.
"""

import hashlib
from collections.abc import Mapping, Sequence

import pulumi

from pipeline_lib import sql
from stacks.clickhouse_xml import configuration
from stacks.config import megabytes
from stacks.docker import keeper
from stacks.docker.part import DockerPart, answers
from stacks.kafka_settings import CLICKHOUSE_CONSUMER
from stacks.pipeline.names import DATABASE

PORT = 8123
USERS = ("admin", "ingestion", "analyst")


def clickhouse(
    name: str, replicas: Sequence[str], image: str, memory: str, passwords: pulumi.Output[dict[str, str]]
) -> DockerPart:
    """The server `name`, one of `replicas`; `passwords` by user."""
    return DockerPart(
        name=name,
        image=image,
        port=PORT,
        memory_mb=megabytes(memory) + 512,
        data="/var/lib/clickhouse",
        environment={"CLICKHOUSE_SKIP_USER_SETUP": "1"},
        files={
            "/etc/clickhouse-server/config.d/throughline.xml": server_configuration(
                megabytes(memory), replica=name if len(replicas) > 1 else None
            ),
            "/etc/clickhouse-server/users.d/throughline.xml": passwords.apply(users_configuration),
        },
        ready=answers(PORT, "/ping"),
    )


def server_configuration(memory_mb: int, replica: str | None = None) -> str:
    """The server's own file: its memory, its log, its Kafka consumers, and who it is if it is one of several."""
    settings: dict[str, object] = {
        "max_server_memory_usage": memory_mb * 2**20,
        "listen_host": "0.0.0.0",  # noqa: S104  of the container; the port is published on loopback
        "logger": {"level": "warning", "console": 1},
        "kafka": CLICKHOUSE_CONSUMER,
    }
    if replica is not None:
        settings |= {
            "interserver_http_host": replica,
            "macros": {"replica": replica},
            "zookeeper": {  # whose protocol Keeper speaks
                "node": {"host": keeper.NAME, "port": keeper.PORT},
                "session_timeout_ms": keeper.SESSION_MS,
            },
        }
    return configuration(settings)


def users_configuration(passwords: Mapping[str, str]) -> str:
    """The users' file; it holds no password, only hashes."""
    return configuration(
        {
            "profiles": {user: {"readonly": 2} if user == "analyst" else {} for user in USERS},
            "users": {
                "default": {"networks": _networks("::1", "127.0.0.1")},
                **{
                    user: {
                        "password_sha256_hex": hashlib.sha256(passwords[user].encode()).hexdigest(),
                        "profile": user,
                        "quota": "default",
                        "networks": _networks("::/0"),
                        "grants": {"query": [f"GRANT {grant}" for grant in _grants(user)]},
                    }
                    for user in USERS
                },
            },
        }
    )


def _grants(user: str) -> list[str]:
    if user == "admin":
        return ["ALL ON *.*"]
    rights, tables = ("SELECT, INSERT", sql.CLICKHOUSE_ORDER) if user == "ingestion" else ("SELECT", sql.ANALYST_TABLES)
    return [f"{rights} ON {DATABASE}.{table}" for table in tables]


def _networks(*addresses: str) -> dict[str, object]:
    return {"@replace": "replace", "ip": list(addresses)}
