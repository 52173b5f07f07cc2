"""What a stack is given once and keeps for life: ports and passwords.

Ports that the config does not give are free ones below the range that the system hands out to outgoing connections, so
that nobody takes them while a part restarts.
"""

import contextlib
import secrets
import socket
from collections.abc import Mapping
from random import SystemRandom

from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, numbers, texts

LOOPBACK = "127.0.0.1"
PORT_RANGE = range(20_000, 32_000)
PASSWORDS = (
    *("postgres_admin", "postgres_owner", "postgres_replication", "postgres_application"),
    *("clickhouse_admin", "clickhouse_ingestion", "clickhouse_analyst"),
    *("kafka_client", "connect_client"),  # where these two ask for a password
)


def new_passwords() -> dict[str, str]:
    """One for each of `PASSWORDS`."""
    return {name: secrets.token_urlsafe(24) for name in PASSWORDS}


def ports(props: Props, kept: Props, *, probed: bool = True) -> dict[str, str]:
    """A port for each of `port_names`, as text: the one in `asked_ports`, else the one that `kept` was given, else a
    free one. `kept` are the properties of the same resource before, or nothing. Ports of another machine cannot be
    `probed`: there any one is chosen."""
    asked = numbers(props["asked_ports"])
    given = {name: port for name, port in kept.get("ports", {}).items() if name not in kept["asked_ports"]}
    found = {name: asked.get(name) or int(given.get(name, 0)) for name in props["port_names"]}
    for name, port in found.items():
        found[name] = port or _free_port(taken=set(found.values()), probed=probed)
    return texts(found)


def asked(wanted: Mapping[str, int | None]) -> Props:
    """The inputs that `ports` reads, from every port of a stack by its name, None where a free one will do."""
    return {
        "asked_ports": texts({name: port for name, port in wanted.items() if port is not None}),
        "port_names": list(wanted),
    }


def _free_port(taken: set[int], *, probed: bool) -> int:
    for port in SystemRandom().sample(PORT_RANGE, len(PORT_RANGE)):
        if port in taken:
            continue
        if not probed:
            return port
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise UserError(f"No port from {PORT_RANGE.start} to {PORT_RANGE.stop} is free: set the stack's ports by config.")
