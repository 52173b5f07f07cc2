"""Kafka Connect with Debezium in containers, as Debezium's image takes it: the worker's properties by environment."""

from collections.abc import Sequence

import pulumi

from stacks.config import megabytes
from stacks.docker.kafka import INNER_PORT
from stacks.docker.part import DockerPart, answers
from stacks.kafka_settings import DATABASE_PASSWORD, properties, worker

SECRETS_FILE = "/etc/throughline/secrets.properties"
PORT = 8083
# What the image has variables of its own for, and sets to defaults of its own if they are not given.
_OWN = (
    *("group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic"),
    *("key.converter", "value.converter", "offset.flush.interval.ms"),
)


def connect(
    name: str, workers: Sequence[str], brokers: Sequence[str], image: str, heap: str, password: pulumi.Output[str]
) -> DockerPart:
    """The worker `name`, one of `workers`; `password` is what the connector logs in to PostgreSQL with."""
    settings = {**worker(len(brokers)), "config.providers.file.param.allowed.paths": SECRETS_FILE}
    return DockerPart(
        name=name,
        image=image,
        port=PORT,
        memory_mb=megabytes(heap) + 512,
        environment={
            "BOOTSTRAP_SERVERS": ",".join(f"{broker}:{INNER_PORT}" for broker in brokers),
            "HEAP_OPTS": f"-Xms{heap} -Xmx{heap}",
            **{_variable(key): str(value) for key, value in settings.items()},
            # Where the others find it: a worker passes on what only the group's leader may do.
            **({"ADVERTISED_HOST_NAME": name} if len(workers) > 1 else {}),
        },
        files={SECRETS_FILE: password.apply(lambda known: properties({DATABASE_PASSWORD: known}))},
        # It takes two. When the whole stack goes Kafka does so first, and it would wait for that in vain.
        seconds_to_stop=5,
        # Answered once the worker has read its topics and joined its group; the port is open long before.
        ready=answers(PORT, "/connectors"),
    )


def _variable(key: str) -> str:
    name = key.replace(".", "_").upper()
    return name if key in _OWN else f"CONNECT_{name}"
