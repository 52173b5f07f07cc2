"""What an inspection tells of a container: the outputs that are no inputs, and the inputs that no longer hold.

Only what can change in a standing container can have drifted: that it runs, its limits, its networks, its name.
"""

from typing import Any

import docker
from docker.errors import NotFound

from tools.docker_plugin.arguments import MEBIBYTE, ContainerArguments
from tools.docker_plugin.values import UNKNOWN, Props, mapped

Inspected = dict[str, Any]
"""The engine's answer to an inspection."""

COMPUTED = ("bridge", "exitCode", "hostname", "networkDatas", "ports")


def runs(found: Inspected) -> bool:
    """Whether the container runs; a paused one does not. One that the engine is starting again does."""
    return bool(found["State"]["Running"]) and not found["State"]["Paused"]


def facts(found: Inspected, args: ContainerArguments) -> Props:
    """The outputs, by the official plugin's names."""
    return {
        "bridge": found["NetworkSettings"].get("Bridge", ""),
        "exitCode": None if found["State"]["Running"] else found["State"]["ExitCode"],
        "hostname": found["Config"]["Hostname"],
        "networkDatas": [_network_data(name, of) for name, of in sorted(found["NetworkSettings"]["Networks"].items())],
        "ports": _ports(found, args),
    }


def _network_data(name: str, endpoint: dict[str, Any]) -> Props:
    return {
        "networkName": name,
        "ipAddress": endpoint["IPAddress"],
        "ipPrefixLength": endpoint["IPPrefixLen"],
        "gateway": endpoint["Gateway"],
        "globalIpv6Address": endpoint["GlobalIPv6Address"],
        "globalIpv6PrefixLength": endpoint["GlobalIPv6PrefixLen"],
        "ipv6Gateway": endpoint["IPv6Gateway"],
        "macAddress": endpoint["MacAddress"],
    }


def _ports(found: Inspected, args: ContainerArguments) -> list[Props]:
    """The published ports in the arguments' order, each with the external one that it really has, if it runs."""
    published = found["NetworkSettings"].get("Ports") or {}
    return [
        {
            "internal": port.internal,
            "external": port.external or _external(published.get(f"{port.internal}/{port.protocol}"), port.ip),
            "ip": port.ip,
            "protocol": port.protocol,
        }
        for port in args.ports
    ]


def _external(bindings: list[dict[str, str]] | None, ip: str) -> int:
    """0 for a port that is not published, since its container does not run."""
    return next((int(binding["HostPort"]) for binding in bindings or [] if binding["HostIp"] == ip), 0)


def foreseen(old: Props | None, new: Props, known: Props) -> Props:
    """What a preview knows of the outputs: a start decides them anew, apart from a host name and ports if given."""
    if old is not None and (old.get("mustRun") or not new.get("mustRun")):
        return known
    ports = mapped(lambda port: {"external": UNKNOWN, **port}, new.get("ports", []))
    return {**dict.fromkeys(COMPUTED, UNKNOWN), "hostname": new.get("hostname", UNKNOWN), "ports": ports}


def drift(client: docker.DockerClient, found: Inspected, args: ContainerArguments) -> Props:
    """The inputs that no longer hold, with what holds now."""
    changed: Props = {}
    if args.must_run and not runs(found):
        changed["mustRun"] = False
    host = found["HostConfig"]
    restart = host["RestartPolicy"]["Name"] or "no"
    retries = host["RestartPolicy"]["MaximumRetryCount"]
    if restart != args.restart:
        changed["restart"] = restart
    if retries != (args.max_retry_count or 0):
        changed["maxRetryCount"] = retries or None
    memory = host["Memory"] // MEBIBYTE
    if memory != (args.memory or 0):
        changed["memory"] = memory or None
    swap = host["MemorySwap"] // MEBIBYTE
    # An engine that cannot limit swap says -1 whatever it was told.
    if args.memory_swap is not None and swap != args.memory_swap and host["MemorySwap"] > 0:
        changed["memorySwap"] = swap
    name = found["Name"].removeprefix("/")
    if name != args.name:
        changed["name"] = name
    attached = [network for network in args.networks_advanced if _is_attached(client, found, network.name)]
    if len(attached) != len(args.networks_advanced):
        changed["networksAdvanced"] = [network.model_dump(mode="json", by_alias=True) for network in attached]
    return changed


def _is_attached(client: docker.DockerClient, found: Inspected, network: str) -> bool:
    """Whether the container is in a network; a stopped one may name one that has been removed since."""
    endpoint = found["NetworkSettings"]["Networks"].get(network)
    if endpoint is None or runs(found):
        return endpoint is not None
    try:
        client.networks.get(endpoint["NetworkID"] or network)
    except NotFound:
        return False
    return True
