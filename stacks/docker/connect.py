"""Kafka Connect with Debezium in a container, as Debezium's image takes it: the worker's properties by environment."""

import pulumi

from stacks.config import megabytes
from stacks.docker.part import DockerPart, answers
from stacks.kafka_settings import DATABASE_PASSWORD, WORKER, properties

SECRETS_FILE = "/etc/throughline/secrets.properties"
PORT = 8083
# What the image has variables of its own for, and sets to defaults of its own if they are not given.
_OWN = (
    *("group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic"),
    *("key.converter", "value.converter", "offset.flush.interval.ms"),
)


def connect(image: str, heap: str, bootstrap: pulumi.Input[str], password: pulumi.Output[str]) -> DockerPart:
    """The stack's only worker; `password` is what the connector logs in to PostgreSQL with."""
    settings = {**WORKER, "config.providers.file.param.allowed.paths": SECRETS_FILE}
    return DockerPart(
        name="connect",
        image=image,
        port=PORT,
        memory_mb=megabytes(heap) + 512,
        environment={
            "BOOTSTRAP_SERVERS": bootstrap,
            "HEAP_OPTS": f"-Xms{heap} -Xmx{heap}",
            **{_variable(key): str(value) for key, value in settings.items()},
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
