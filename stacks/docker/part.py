"""What a part is on Docker: an image, what it is told, where its data are, and how to tell that it is ready.

A part says these things of itself and nothing else; network, names, labels, limits and waiting are the same for all
and are declared here. Its data are in a volume whose name is new whenever the volume is: that name is the data's
identity. Files, passwords among them, are put into the container, so `docker inspect` does not show them and the engine
may be another machine's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

_LEAST_RETRIES = 240


@dataclass(frozen=True)
class DockerPart:
    """One container. `port` is what it listens on for whoever drives the stack, if for them; `memory_mb` its limit."""

    name: str
    image: str
    port: int | None
    memory_mb: int
    ready: Sequence[str]
    """A command in the container that succeeds once the system answers."""
    data: str | None = None
    """The folder that must not be lost."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    command: Sequence[str] = ()
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    seconds_to_stop: int = 10
    """How long it may take to stop before it is killed, when the container is removed."""


@dataclass(frozen=True)
class Site:
    """Where a stack's containers stand."""

    stack: str
    token: pulumi.Output[str]
    network: docker.Network
    bind: pulumi.Output[str]
    """The address of the engine's machine at which ports are published."""
    seconds_to_ready: int
    options: pulumi.ResourceOptions
    """Which engine, for all that stands on it."""

    def name(self, part: str) -> pulumi.Output[str]:
        """Of something on the engine, which other stacks share."""
        return pulumi.Output.concat("throughline-", self.stack, "-", self.token, "-", part)

    @property
    def labels(self) -> dict[str, pulumi.Input[str]]:
        """On everything that is the stack's."""
        return {"throughline.stack": self.stack, "throughline.token": self.token}


@dataclass(frozen=True)
class Standing:
    """A part that was declared."""

    container: docker.Container
    volume: docker.Volume | None


def members(part: str, number: int) -> tuple[str, ...]:
    """The names of so many servers of a system: the first has the system's own."""
    return (part, *(f"{part}-{place}" for place in range(2, number + 1)))


def declare(
    part: DockerPart, site: Site, host_port: pulumi.Input[str] | None, after: Sequence[Standing] = ()
) -> Standing:
    """The part's image, volume and container; the container counts as made when it is ready.

    It is started at once, beside what it talks to, unless it has to come `after` that.
    """
    image = docker.RemoteImage(f"{part.name}-image", name=part.image, keep_locally=True, opts=site.options)
    volume = None
    if part.data is not None:
        volume = docker.Volume(
            f"throughline-{site.stack}-{part.name}",
            labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in site.labels.items()],
            opts=site.options,
        )
    labels = {**site.labels, "throughline.part": part.name}
    container = docker.Container(
        part.name,
        name=site.name(part.name),
        image=image.image_id,
        hostname=part.name,
        command=list(part.command) or None,
        envs=[pulumi.Output.concat(key, "=", value) for key, value in part.environment.items()],
        ports=[
            docker.ContainerPortArgs(
                internal=part.port,
                external=pulumi.Output.from_input(host_port).apply(int),
                ip=site.bind,
                protocol="tcp",
            )
        ]
        if part.port is not None and host_port is not None
        else [],
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=site.network.name, aliases=[part.name])],
        volumes=[docker.ContainerVolumeArgs(volume_name=volume.name, container_path=part.data)] if volume else [],
        uploads=[docker.ContainerUploadArgs(file=path, content=content) for path, content in part.files.items()],
        healthcheck=docker.ContainerHealthcheckArgs(
            # Docker has no interval of its own for the start; until it is up, a part is asked often.
            tests=["CMD", *part.ready],
            interval="500ms",
            timeout="5s",
            start_period="0s",
            # Of a standing container only the wait can change, so that is not told by the retries alone.
            retries=max(_LEAST_RETRIES, site.seconds_to_ready * 2),
        ),
        wait=True,
        wait_timeout=site.seconds_to_ready,
        must_run=True,
        restart="unless-stopped",
        memory=part.memory_mb,
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        destroy_grace_seconds=part.seconds_to_stop,
        labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in labels.items()],
        # The name and the port are the stack's: the old one has to go first.
        opts=pulumi.ResourceOptions.merge(
            site.options,
            pulumi.ResourceOptions(delete_before_replace=True, depends_on=[standing.container for standing in after]),
        ),
    )
    return Standing(container, volume)


def listens(port: int) -> list[str]:
    """The readiness of a system that takes connections only once it can answer."""
    return ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]


def answers(port: int, path: str) -> list[str]:
    """The readiness of a system that answers this path of its HTTP interface with 200; asks with bash alone."""
    ask = f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3"
    return ["bash", "-c", f'{ask} && read -r status <&3 && [[ $status == *" 200 "* ]]']
