"""Kafka in containers: each a broker and controller (KRaft), as the official image takes it.

A broker listens twice: for the stack's other containers under its name in the network, and for the engine's host on
the port that is published, which is what clients there are told to connect to. The controllers know each other from the
start (static voters), which is why their number cannot change later.
"""

from collections.abc import Sequence

import pulumi

from stacks.allocation import LOOPBACK
from stacks.config import megabytes
from stacks.docker.part import DockerPart, listens
from stacks.kafka_settings import broker, properties

INNER_PORT = 29092
_OUTER_PORT = 9092
_CONTROLLER_PORT = 9093
_DATA = "/var/lib/kafka/data"


def kafka(
    name: str,
    brokers: Sequence[str],
    image: str,
    heap: str,
    outer: tuple[pulumi.Output[str], pulumi.Output[str]],
    cluster_id: pulumi.Output[str],
) -> DockerPart:
    """The broker `name`, one of `brokers`; clients beyond the network reach it by `outer`, a host and a port."""
    return DockerPart(
        name=name,
        image=image,
        port=_OUTER_PORT,
        memory_mb=megabytes(heap) + 512,
        data=_DATA,
        environment={"CLUSTER_ID": cluster_id, "KAFKA_HEAP_OPTS": f"-Xms{heap} -Xmx{heap}"},
        files={"/mnt/shared/config/server.properties": _server_properties(name, brokers, outer)},
        ready=listens(INNER_PORT),
    )


def _server_properties(
    name: str, brokers: Sequence[str], outer: tuple[pulumi.Output[str], pulumi.Output[str]]
) -> pulumi.Output[str]:
    alone = len(brokers) == 1
    hosts = [LOOPBACK] if alone else brokers
    voters = ",".join(f"{number}@{host}:{_CONTROLLER_PORT}" for number, host in enumerate(hosts, 1))
    controller = f"{LOOPBACK if alone else '0.0.0.0'}:{_CONTROLLER_PORT}"  # noqa: S104  of the container
    return pulumi.Output.all(*outer).apply(
        lambda reached: properties(
            {
                "process.roles": "broker,controller",
                "node.id": brokers.index(name) + 1,
                "controller.quorum.voters": voters,
                "controller.listener.names": "CONTROLLER",
                "inter.broker.listener.name": "INNER",
                "listeners": f"INNER://0.0.0.0:{INNER_PORT},OUTER://0.0.0.0:{_OUTER_PORT},CONTROLLER://{controller}",
                "advertised.listeners": f"INNER://{name}:{INNER_PORT},OUTER://{':'.join(reached)}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INNER:PLAINTEXT,OUTER:PLAINTEXT",
                "log.dirs": _DATA,
                **broker(len(brokers)),
            }
        )
    )
