"""The arguments of each resource that this plugin knows, with the official plugin's names, meanings and defaults.

Pulumi's wire has them in camelCase, which are the fields' aliases. A field without a default is required. One thing
is stricter than in the official plugin: a port's `ip` must be given, since its default there is every address of the
machine.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
MEBIBYTE = 1024 * 1024


def nanoseconds(duration: str) -> int:
    """A duration as Go writes it ("500ms", "1m30s"), in nanoseconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", duration)
    return round(sum(float(number) * NANOSECONDS[unit] for number, unit in parts))


def _duration(text: str) -> str:
    if not DURATION.fullmatch(text):
        raise ValueError('must be a duration such as "500ms", "10s" or "1m30s"')
    return text


def _absolute(path: str) -> str:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError("must be the absolute path of a file in the container")
    return path


def _assignment(text: str) -> str:
    if "=" not in text[1:]:
        raise ValueError("must be written NAME=VALUE")
    return text


Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")]
Duration = Annotated[str, AfterValidator(_duration)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


class Arguments(BaseModel):
    """Arguments, or a group of them; an unknown one is an error, and no error shows a value, which may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True)


class Label(Arguments):
    """Metadata of an object of the engine."""

    label: str
    value: str


Labels = tuple[Label, ...]


def as_dict(labels: Labels) -> dict[str, str]:
    """Labels as the engine has them."""
    return {label.label: label.value for label in labels}


class NetworkArguments(Arguments):
    """A network in which containers know each other by name."""

    name: Name
    driver: str = "bridge"
    labels: Labels = ()


class VolumeArguments(Arguments):
    """A named volume, with the engine's default driver."""

    name: Name
    labels: Labels = ()


class RemoteImageArguments(Arguments):
    """An image that is there or else pulled; `keep_locally`: it is not removed with the resource."""

    name: Annotated[str, Field(min_length=1)]
    keep_locally: bool = False


class Port(Arguments):
    """A port of the container, published at `ip` of the engine's machine; without `external` at a free one."""

    internal: PortNumber
    ip: str
    external: PortNumber | None = None
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"


class NetworkAttachment(Arguments):
    """A network that the container is in, and further names under which it is known there."""

    name: str
    aliases: tuple[str, ...] = ()


class VolumeMount(Arguments):
    """A named volume and where it is mounted."""

    volume_name: str
    container_path: str


class Upload(Arguments):
    """A file that is put into the container before it starts: root's, readable by all, 0644 or 0744."""

    file: Annotated[str, AfterValidator(_absolute)]
    content: str
    executable: bool = False


class Healthcheck(Arguments):
    """The engine's health check; a duration of 0 and 0 retries are the engine's defaults."""

    tests: tuple[str, ...]
    interval: Duration = "0s"
    timeout: Duration = "0s"
    start_period: Duration = "0s"
    retries: Annotated[int, Field(ge=0)] = 0


class ContainerArguments(Arguments):
    """A container. Memory is in MB of 1024 × 1024 bytes, `memory_swap` counts memory and swap, -1 sets no limit to it.

    Times are in seconds. With `wait`, creating it lasts until it is healthy, at most `wait_timeout`. With `must_run`, a
    stopped one is started again. `destroy_grace_seconds` is how long it may take to stop before it is killed.
    """

    name: Name
    image: str
    hostname: str | None = None
    command: tuple[str, ...] | None = None
    envs: tuple[Annotated[str, AfterValidator(_assignment)], ...] = ()
    ports: tuple[Port, ...] = ()
    networks_advanced: tuple[NetworkAttachment, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    uploads: tuple[Upload, ...] = ()
    healthcheck: Healthcheck | None = None
    wait: bool = False
    wait_timeout: Annotated[int, Field(ge=1)] = 60
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    max_retry_count: Annotated[int, Field(ge=0)] | None = None
    memory: Annotated[int, Field(ge=6)] | None = None
    memory_swap: Annotated[int, Field(ge=-1)] | None = None
    labels: Labels = ()
    must_run: bool = True
    stop_timeout: Annotated[int, Field(ge=0)] | None = None
    destroy_grace_seconds: Annotated[int, Field(ge=0)] | None = None
    user: str | None = None
    log_driver: str | None = None
    log_opts: dict[str, str] = Field(default_factory=dict)
    tmpfs: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> "ContainerArguments":
        if self.max_retry_count and self.restart != "on-failure":
            raise ValueError('maxRetryCount goes with restart "on-failure" alone')
        if self.memory_swap is not None and self.memory is None:
            raise ValueError("memorySwap needs memory beside it")
        if self.log_opts and self.log_driver is None:
            raise ValueError("logOpts needs logDriver beside it")
        if self.memory and self.memory_swap is not None and -1 < self.memory_swap < self.memory:
            raise ValueError("memorySwap counts memory and swap together, so it cannot be less than memory")
        return self
