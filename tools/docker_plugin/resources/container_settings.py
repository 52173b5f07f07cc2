"""How the engine is told of a container's arguments: its configuration, its limits, and its files."""

import io
import tarfile
import time
from typing import Any

import docker
from docker.types import LogConfig

from tools.docker_plugin.arguments import (
    MEBIBYTE,
    ContainerArguments,
    Healthcheck,
    NetworkAttachment,
    Upload,
    as_dict,
    nanoseconds,
)

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o744


def create(client: docker.DockerClient, args: ContainerArguments) -> str:
    """Has the engine create the container, in all its networks; its id. It is not started, and has no uploads yet."""
    api = client.api
    bindings: dict[int | str, list[tuple[str, int | None]]] = {}
    for port in args.ports:
        bindings.setdefault(f"{port.internal}/{port.protocol}", []).append((port.ip, port.external))
    first, *others = args.networks_advanced or (None,)
    host_config = api.create_host_config(
        port_bindings=bindings,
        binds=[f"{mount.volume_name}:{mount.container_path}" for mount in args.volumes],
        # Without a name here, the container would be in the default network beside those that were asked for.
        network_mode=first.name if first else None,
        log_config=LogConfig(type=args.log_driver, config=args.log_opts) if args.log_driver else None,
        tmpfs=args.tmpfs or None,
        **limits(args),
    )
    container_id: str = api.create_container(
        args.image,
        name=args.name,
        hostname=args.hostname,
        command=list(args.command) if args.command is not None else None,
        environment=list(args.envs),
        ports=[(port.internal, port.protocol) for port in args.ports],
        user=args.user,
        labels=as_dict(args.labels),
        stop_timeout=args.stop_timeout,
        healthcheck=_healthcheck(args.healthcheck) if args.healthcheck else None,
        host_config=host_config,
        networking_config=_networking(client, first) if first else None,
        # Else the client would put the proxies of its user's ~/.docker/config.json into the environment.
        use_config_proxy=False,
    )["Id"]
    for network in others:
        assert network is not None
        api.connect_container_to_network(container_id, network.name, aliases=list(network.aliases))
    return container_id


def limits(args: ContainerArguments) -> dict[str, Any]:
    """What can change while the container stands: memory in bytes, and when it is started again."""
    restart = {"Name": args.restart, "MaximumRetryCount": args.max_retry_count or 0}
    settings: dict[str, Any] = {"restart_policy": restart}
    if args.memory:
        settings["mem_limit"] = args.memory * MEBIBYTE
        # Twice the memory is what the engine takes if it is told nothing. It must be told when memory grows.
        swap = 2 * args.memory if args.memory_swap is None else args.memory_swap
        settings["memswap_limit"] = swap * MEBIBYTE if swap > 0 else swap
    return settings


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    return {
        "test": list(check.tests),
        "interval": nanoseconds(check.interval),
        "timeout": nanoseconds(check.timeout),
        "start_period": nanoseconds(check.start_period),
        "retries": check.retries,
    }


def _networking(client: docker.DockerClient, network: NetworkAttachment) -> Any:
    endpoint = client.api.create_endpoint_config(aliases=list(network.aliases))
    return {"EndpointsConfig": {network.name: endpoint}}


def archive(uploads: tuple[Upload, ...]) -> bytes:
    """The files as the engine takes them: a tar that is laid over the container's root, owned by root.

    It holds no directories: the engine makes those that are missing and leaves the others as they are.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for upload in uploads:
            content = upload.content.encode()
            entry = tarfile.TarInfo(upload.file.lstrip("/"))
            entry.size = len(content)
            entry.mode = EXECUTABLE_MODE if upload.executable else FILE_MODE
            entry.mtime = int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
