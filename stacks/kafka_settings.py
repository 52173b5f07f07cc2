"""Settings of Kafka and Connect that are the same on every backend: one broker or three, for one team's pipeline.

What a backend adds is where they listen, whom they talk to, and where their data are.
"""

import base64
import uuid
from collections.abc import Mapping


def replication(brokers: int) -> int:
    """On how many brokers everything is kept."""
    return min(3, brokers)


def broker(brokers: int) -> dict[str, object]:
    """A broker's settings, as one of so many; with three, one may be gone and nothing stops or is lost."""
    copies = replication(brokers)
    in_sync = copies // 2 + 1
    return {
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        # One machine: nobody else's rebalance or election is worth waiting for.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        "num.network.threads": 2,
        "num.io.threads": 3,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 1,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        **({"min.insync.replicas": in_sync} if copies > 1 else {}),
    }


_CONVERTER = "org.apache.kafka.connect.json.JsonConverter"


def worker(brokers: int) -> dict[str, object]:
    """A Connect worker's settings on so many brokers; workers of one group share connectors and tasks."""
    copies = replication(brokers)
    return {
        "group.id": "experiments-connect",
        "key.converter": _CONVERTER,
        "key.converter.schemas.enable": "false",
        "value.converter": _CONVERTER,
        "value.converter.schemas.enable": "false",
        "config.storage.topic": "connect_configs",
        "config.storage.replication.factor": copies,
        "offset.storage.topic": "connect_offsets",
        "offset.storage.replication.factor": copies,
        "offset.storage.partitions": 1,
        "status.storage.topic": "connect_statuses",
        "status.storage.replication.factor": copies,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        "plugin.discovery": "service_load",
        "connector.client.config.override.policy": "All",
        # Passwords stay in a file of the worker's; connectors name them as ${file:…:…}.
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        # The tasks of a worker that is gone go to another at once: there is one task, and it is wanted.
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 3000,
        "heartbeat.interval.ms": 500,
        "rebalance.timeout.ms": 10000,
    }


DATABASE_PASSWORD = "database.password"  # noqa: S105  the name of a property
"""The property of the worker's secrets file that connectors name."""

CLICKHOUSE_CONSUMER: Mapping[str, str | int] = {
    # librdkafka's, for tables of the Kafka engine. One machine: a consumer that is gone need not be waited for.
    "session_timeout_ms": 3000,
    "heartbeat_interval_ms": 500,
    "fetch_wait_max_ms": 100,
    "reconnect_backoff_max_ms": 500,
    "topic_metadata_refresh_interval_ms": 2000,  # how soon partitions that are added are consumed
}


def properties(values: Mapping[str, object]) -> str:
    """A Java properties file (backslashes are escapes there)."""
    lines = (f"{key}={str(value).replace(chr(92), chr(92) * 2)}" for key, value in values.items())
    return "\n".join(lines) + "\n"


def cluster_id() -> str:
    """A new UUID as Kafka writes it (org.apache.kafka.common.Uuid): URL-safe base64, no padding, no leading dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return text
