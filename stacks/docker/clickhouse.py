"""ClickHouse in containers, as the official image takes it: two configuration files, three users by their grants.

    admin      everything
    ingestion  inserts into and reads the pipeline's tables
    analyst    reads the analysts' tables and views, in read-only mode 2: settings may change per query, data may not

The built-in user `default` has no password and is left to connections from within the container. Replicas find each
other through Keeper, a server of its own, and fetch each other's rows under their names in the network.
"""

import hashlib
import xml.etree.ElementTree as Xml
from collections.abc import Iterable, Mapping, Sequence

import pulumi

from pipeline_lib import sql
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
    root = Xml.Element("clickhouse")
    _text(root, "max_server_memory_usage", memory_mb * 2**20)
    _text(root, "listen_host", "0.0.0.0")  # noqa: S104  of the container; the port is published on loopback
    logger = Xml.SubElement(root, "logger")
    _text(logger, "level", "warning")
    _text(logger, "console", 1)
    kafka = Xml.SubElement(root, "kafka")
    for key, value in CLICKHOUSE_CONSUMER.items():
        _text(kafka, key, value)
    if replica is not None:
        _text(root, "interserver_http_host", replica)
        _text(Xml.SubElement(root, "macros"), "replica", replica)
        zookeeper = Xml.SubElement(root, "zookeeper")  # whose protocol Keeper speaks
        node = Xml.SubElement(zookeeper, "node")
        _text(node, "host", keeper.NAME)
        _text(node, "port", keeper.PORT)
        _text(zookeeper, "session_timeout_ms", keeper.SESSION_MS)
    return Xml.tostring(root, encoding="unicode")


def users_configuration(passwords: Mapping[str, str]) -> str:
    """The users' file; it holds no password, only hashes."""
    root = Xml.Element("clickhouse")
    profiles = Xml.SubElement(root, "profiles")
    for user in USERS:
        profile = Xml.SubElement(profiles, user)
        if user == "analyst":
            _text(profile, "readonly", 2)
    users = Xml.SubElement(root, "users")
    default = Xml.SubElement(users, "default")
    _networks(default, ("::1", "127.0.0.1"))
    for user in USERS:
        entry = Xml.SubElement(users, user)
        _text(entry, "password_sha256_hex", hashlib.sha256(passwords[user].encode()).hexdigest())
        _text(entry, "profile", user)
        _text(entry, "quota", "default")
        _networks(entry, ("::/0",))
        grants = Xml.SubElement(entry, "grants")
        for grant in _grants(user):
            _text(grants, "query", f"GRANT {grant}")
    return Xml.tostring(root, encoding="unicode")


def _grants(user: str) -> list[str]:
    if user == "admin":
        return ["ALL ON *.*"]
    rights, tables = ("SELECT, INSERT", sql.CLICKHOUSE_ORDER) if user == "ingestion" else ("SELECT", sql.ANALYST_TABLES)
    return [f"{rights} ON {DATABASE}.{table}" for table in tables]


def _networks(user: Xml.Element, addresses: Iterable[str]) -> None:
    networks = Xml.SubElement(user, "networks", replace="replace")
    for address in addresses:
        _text(networks, "ip", address)


def _text(parent: Xml.Element, tag: str, text: object) -> None:
    Xml.SubElement(parent, tag).text = str(text)
