"""Kafka in a container: one broker and controller (KRaft), as the official image takes it.

It listens twice: for the stack's other containers under its name in the network, and for the engine's host on the port
that is published, which is what clients there are told to connect to.
"""

from collections.abc import Sequence

import pulumi

from stacks.allocation import LOOPBACK
from stacks.config import megabytes
from stacks.docker.part import DockerPart, listens
from stacks.kafka_settings import SINGLE_BROKER, properties

INNER_PORT = 29092
_OUTER_PORT = 9092
_CONTROLLER_PORT = 9093
_DATA = "/var/lib/kafka/data"


def kafka(
    image: str, heap: str, host: pulumi.Output[str], host_port: pulumi.Output[str], cluster_id: pulumi.Output[str]
) -> DockerPart:
    """The stack's only broker."""
    return DockerPart(
        name="kafka",
        image=image,
        port=_OUTER_PORT,
        memory_mb=megabytes(heap) + 512,
        data=_DATA,
        environment={"CLUSTER_ID": cluster_id, "KAFKA_HEAP_OPTS": f"-Xms{heap} -Xmx{heap}"},
        files={"/mnt/shared/config/server.properties": pulumi.Output.all(host, host_port).apply(_server_properties)},
        ready=listens(INNER_PORT),
    )


def _server_properties(outer: Sequence[str]) -> str:
    return properties(
        {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{_CONTROLLER_PORT}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INNER",
            "listeners": f"INNER://0.0.0.0:{INNER_PORT},OUTER://0.0.0.0:{_OUTER_PORT},"
            f"CONTROLLER://{LOOPBACK}:{_CONTROLLER_PORT}",
            "advertised.listeners": f"INNER://kafka:{INNER_PORT},OUTER://{':'.join(outer)}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INNER:PLAINTEXT,OUTER:PLAINTEXT",
            "log.dirs": _DATA,
            **SINGLE_BROKER,
        }
    )
