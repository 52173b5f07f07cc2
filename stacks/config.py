"""A stack's config: typed, with every key and its valid values in one place.

In Pulumi the keys live in the project's namespace and are one object a part: `pulumi config set --path kafka.heap 1g`
is `throughline:kafka: {heap: 1g}`. A key that is not listed here is refused, with those that are.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from pipeline_lib.model.errors import UserError
from stacks.status import PARTS

PROJECT = "throughline"
ENGINE_KEYS = ("docker_host", "docker_cert_path", "docker_ssh_opts", "docker_bind", "ready_seconds")
"""The keys that say something of the Docker engine alone."""

Port = Annotated[int, Field(ge=1024, le=65535, description="a port from 1024 to 65535; without it a free one is taken")]
Heap = Annotated[str, Field(pattern=r"^[1-9][0-9]*[mg]$", description="a JVM heap such as 512m or 2g")]
Image = Annotated[str, Field(min_length=1, description="a container image by name, tag and, if you like, digest")]
DockerHost = Annotated[
    str,
    Field(
        pattern=r"^(unix:///.+|(tcp|ssh)://[^/].*)$",
        description="the URL of a Docker engine: unix:///…, tcp://host:port or ssh://user@host",
    ),
]
CertPath = Annotated[
    str,
    Field(pattern=r"^[~/]", description="the absolute path of a folder with ca.pem, cert.pem and key.pem"),
]
Bind = Annotated[
    IPvAnyAddress,
    Field(description="the IP address of the Docker engine's machine at which ports are published"),
]
Milliseconds = Annotated[int, Field(ge=1, le=600_000, description="milliseconds, from 1 to 600000")]
# Of two brokers none could be spared: a majority of two is both.
Brokers = Annotated[Literal[1, 3], BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)]


# Pulumi makes a number of a whole number in a nested value, whatever it is to mean.
_Version = BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)


Text = Annotated[str, Field(min_length=1, description="a text that is not empty")]
Secret = Annotated[SecretStr, _Version, Field(description="a password, as `pulumi config set --secret` keeps it")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=False)


class PostgresConfig(_Section):
    """PostgreSQL."""

    version: Annotated[Literal["18", "17"], _Version] = Field(default="18", description="18 or, with docker, 17")
    port: Port | None = None
    image: Image | None = None
    host: Text | None = None
    user: Text | None = None
    password: Secret | None = None
    ssl_mode: Literal["disable", "require", "verify-ca", "verify-full"] | None = Field(
        default=None, description="disable, require, verify-ca or verify-full"
    )
    ssl_root_cert: Text | None = None
    owner_user: Text | None = None
    owner_password: Secret | None = None
    application_user: Text | None = None
    application_password: Secret | None = None


class KafkaConfig(_Section):
    """The Kafka broker (and, in the same process, its controller)."""

    version: Literal["4.3.1", "3.9.1"] = Field(default="4.3.1", description="4.3.1 or, with docker, 3.9.1")
    port: Port | None = None
    image: Image | None = None
    controller_port: Port | None = None
    heap: Heap = "512m"
    brokers: Brokers = Field(default=1, description="1 or 3 (of two, neither could be spared)")
    partitions: int | None = Field(
        default=None, ge=1, le=1000, description="partitions of the topic, from 1 to 1000; they can only grow"
    )
    bootstrap: Text | None = None
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = Field(
        default=None, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    user: Text | None = None
    password: Secret | None = None
    ca_file: Text | None = None


class ConnectConfig(_Section):
    """The Connect worker and the Debezium connector on it."""

    debezium: Literal["3.7.0.Final"] = Field(default="3.7.0.Final", description="3.7.0.Final")
    port: Port | None = None
    image: Image | None = None
    plugins: str | None = Field(default=None, description="a folder, by its absolute path")
    heap: Heap = "768m"
    workers: int = Field(default=1, ge=1, le=4, description="workers, from 1 to 4")
    poll_interval_ms: Milliseconds = 5
    heartbeat_interval_ms: Milliseconds = 5000
    url: Text | None = None
    user: Text | None = None
    password: Secret | None = None
    ca_file: Text | None = None


class ClickHouseConfig(_Section):
    """ClickHouse and its Kafka engine table."""

    version: Literal["25.8", "24.10"] = Field(default="25.8", description="25.8 or, with docker, 24.10")
    port: Port | None = None
    image: Image | None = None
    memory: Heap = Field(default="3g", description="a memory limit such as 512m or 3g")
    replicas: int = Field(default=1, ge=1, le=3, description="replicas, from 1 to 3")
    flush_interval_ms: Milliseconds = 1
    poll_timeout_ms: Milliseconds = 200
    poll_max_batch_size: int = Field(default=1, ge=1, le=1_000_000, description="messages a poll, from 1 to 1000000")
    url: Text | None = None
    user: Text | None = None
    password: Secret | None = None
    analyst_user: Text | None = None
    analyst_password: Secret | None = None
    ca_file: Text | None = None


class StackConfig(_Section):
    """All that can be set for a stack."""

    backend: Literal["embedded", "docker", "external"] = Field(
        default="embedded", description="embedded, docker or external"
    )
    security: Literal["none", "tls"] = Field(default="none", description="none or, with embedded, tls")
    pipeline: bool | None = Field(
        default=None, description="true or false: whether the pipeline is put on the systems (with external: false)"
    )
    docker_host: DockerHost | None = None
    docker_cert_path: CertPath | None = None
    docker_ssh_opts: str | None = Field(
        default=None, description="options of the command `ssh` for an ssh:// dockerHost, such as -F FILE"
    )
    docker_bind: Bind | None = None
    ready_seconds: int = Field(
        default=120, ge=1, le=3600, description="seconds, from 1 to 3600, that a container may take to become healthy"
    )
    required_disk_mb: int = Field(default=1024, ge=0, description="MiB that must be free before anything is written")
    postgres: PostgresConfig = PostgresConfig()
    kafka: KafkaConfig = KafkaConfig()
    connect: ConnectConfig = ConnectConfig()
    clickhouse: ClickHouseConfig = ClickHouseConfig()

    @property
    def partitions(self) -> int:
        """Of the topic: what the config says, else enough for every broker and every replica to have one."""
        return self.kafka.partitions or max(self.kafka.brokers, self.clickhouse.replicas)

    @property
    def puts_pipeline(self) -> bool:
        """Whether the pipeline is put on the systems; on systems that are not ours only if that is asked for."""
        return self.backend != "external" if self.pipeline is None else self.pipeline

    def asked_ports(self) -> dict[str, int | None]:
        """Every port of a stack by its name, None where a free one will do."""
        return {
            "postgres": self.postgres.port,
            "kafka": self.kafka.port,
            "kafka_controller": self.kafka.controller_port,
            "connect": self.connect.port,
            "clickhouse": self.clickhouse.port,
        }


def parse(values: Mapping[str, str]) -> StackConfig:
    """The stack's config from Pulumi's flat map of `namespace:key` to text (JSON where it is an object).

    Keys of other namespaces are Pulumi's or a provider's and none of ours. Raises UserError.
    """
    ours = {key.removeprefix(f"{PROJECT}:"): text for key, text in values.items() if key.startswith(f"{PROJECT}:")}
    try:
        config = StackConfig.model_validate({key: _decoded(text) for key, text in ours.items()})
    except ValidationError as invalid:
        raise UserError(_refusal(invalid)) from None
    taken = [port for port in config.asked_ports().values() if port is not None]
    if len(taken) != len(set(taken)):
        raise UserError(
            f"The stack's config gives one port to two parts ({sorted(taken)}): give each a port of its own."
        )
    _require_available(config)
    _require_meant_for(config)
    _require_engine(config)
    _require_compatible(config)
    _require_plugins(config)
    return config


_NUMBERS = {"kafka.brokers": "one broker", "connect.workers": "one worker", "clickhouse.replicas": "no replicas"}


def _require_available(config: StackConfig) -> None:
    """The embedded parts come from packages, one version of each, from no image, and there is one of each."""
    if config.backend != "embedded":
        return
    default = StackConfig()
    versions = ("postgres.version", "kafka.version", "clickhouse.version")
    for key in (*versions, *(f"{part}.image" for part in PARTS), *_NUMBERS):
        part, name = key.split(".")
        chosen, only = (getattr(getattr(of, part), name) for of in (config, default))
        if chosen != only:
            has = f"has {part} {only} alone" if key in versions else f"has {_NUMBERS.get(key, 'no images')}"
            raise UserError(
                f"The stack's config sets '{key}' to '{chosen}', but the embedded backend {has}. Take it away with "
                f"`pulumi config rm --path {key}`, or choose the other backend with `pulumi config set backend docker`."
            )


_EXTERNAL = {
    "postgres": {"host", "user", "password", "ssl_mode", "ssl_root_cert"}
    | {"owner_user", "owner_password", "application_user", "application_password"},
    "kafka": {"bootstrap", "security_protocol", "sasl_mechanism", "user", "password", "ca_file"},
    "connect": {"url", "user", "password", "ca_file"},
    "clickhouse": {"url", "user", "password", "analyst_user", "analyst_password", "ca_file"},
}
"""What tells of a system that is not ours, by its section."""
_OWN = {"version", "image", "heap", "memory", "debezium", "controller_port"}
"""What tells how a part of ours is made."""


def _require_meant_for(config: StackConfig) -> None:
    """Nothing is set that the backend would not look at."""
    external = config.backend == "external"
    unused = []
    for part in PARTS:
        chosen: set[str] = getattr(config, part).model_fields_set
        of_no_use = chosen & _OWN | (chosen & {"port"} if part != "postgres" else set())
        if config.puts_pipeline:  # which makes these roles itself
            of_no_use |= chosen & {"owner_user", "owner_password", "application_user", "application_password"}
        unused += [f"{part}.{_key(name)}" for name in sorted(of_no_use if external else chosen & _EXTERNAL[part])]
    if external and "required_disk_mb" in config.model_fields_set:
        unused.append("requiredDiskMb")
    if config.security != "none" and config.backend != "embedded":
        unused.append("security")
    if unused:
        away = " and ".join(f"`pulumi config rm --path {key}`" for key in unused)
        raise UserError(
            f"The stack's config sets {', '.join(unused)}, of which the {config.backend} backend makes nothing. Take "
            f"it away with {away}, or choose another backend with `pulumi config set backend NAME`."
        )


def _require_engine(config: StackConfig) -> None:
    """What tells of a Docker engine goes with one; one that answers anybody would leave its machine open."""
    given = [_key(name) for name in ENGINE_KEYS if name in config.model_fields_set]
    if given and config.backend != "docker":
        raise UserError(
            f"The stack's config sets '{given[0]}', but the {config.backend} backend has no Docker engine. Take it "
            f"away with `pulumi config rm {given[0]}`, or choose the backend with `pulumi config set backend docker`."
        )
    if config.backend == "docker" and "required_disk_mb" in config.model_fields_set:
        raise UserError(
            "The stack's config sets 'requiredDiskMb', but a Docker engine does not tell how much of its disk is free; "
            "it says so when it is full. Take the key away with `pulumi config rm requiredDiskMb`."
        )
    if config.docker_host and config.docker_host.startswith("tcp://") and not config.docker_cert_path:
        raise UserError(
            f"The stack's config names the Docker engine {config.docker_host} without certificates: whoever reaches "
            "such a port is root on its machine. Have the engine listen with TLS and name the folder of ca.pem, "
            "cert.pem and key.pem with `pulumi config set dockerCertPath FOLDER`, or reach it by ssh://."
        )


def _require_compatible(config: StackConfig) -> None:
    if config.clickhouse.version == "24.10" and config.kafka.version.startswith("4."):
        raise UserError(
            f"ClickHouse 24.10 cannot consume from Kafka {config.kafka.version}: its Kafka client speaks versions of "
            "the protocol that brokers from 4.0 on no longer know, and reports 'Required feature not supported by "
            "broker'. Set kafka.version to 3.9.1, or clickhouse.version to 25.8."
        )


def _require_plugins(config: StackConfig) -> None:
    folder = config.connect.plugins
    if folder is None:
        return
    if config.backend != "embedded":
        raise UserError(
            f"The stack's config sets 'connect.plugins' to '{folder}', but on Docker a worker has the plugins of its "
            "image: name an image that has yours with `connect.image`, and take the folder away with "
            "`pulumi config rm --path connect.plugins`."
        )
    if not (Path(folder).is_absolute() and Path(folder).is_dir()):
        raise UserError(
            f"The stack's config sets 'connect.plugins' to '{folder}', which is no folder by its absolute path. Make "
            "it, with a jar or a folder of jars for each plugin of Connect's, or correct it with "
            "`pulumi config set --path connect.plugins FOLDER`."
        )


def with_settings(values: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Pulumi's flat map as it is after `pulumi config set --path` of each setting (`kafka.heap` to its value)."""
    merged = dict(values)
    for path, value in settings.items():
        head, _, rest = path.partition(".")
        key = f"{PROJECT}:{head}"
        inner = _decoded(merged.get(key, "{}"))
        merged[key] = json.dumps({**(inner if isinstance(inner, dict) else {}), rest: value}) if rest else value
    return merged


def _decoded(text: str) -> Any:
    """Objects come as JSON; anything else is the text itself."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _refusal(invalid: ValidationError) -> str:
    sentences = []
    for error in invalid.errors(include_url=False):
        *path, last = [str(step) for step in error["loc"]]
        section = _section(path)
        key = ".".join([*path, last])
        if error["type"] == "extra_forbidden":
            known = ", ".join(_key(name) for name in section.model_fields)
            sentences.append(f"The stack's config has an unknown key '{key}': {_where(path)} takes {known}.")
        else:
            sentences.append(
                f"The stack's config has a bad value for '{key}': {_shown(key, error['input'])} was given, "
                f"{_valid_values(section, last)} is wanted."
            )
    example = ".".join(str(step) for step in invalid.errors(include_url=False)[0]["loc"])
    return (
        " ".join(sentences)
        + f" Change it with `pulumi config set --path {example} VALUE` or take it away with "
        + (f"`pulumi config rm --path {example}`.")
    )


def is_secret(key: str) -> bool:
    """Whether what a key is set to must not be shown."""
    return key.lower().endswith("password")


def _shown(key: str, given: Any) -> str:
    return "what must not be shown" if is_secret(key) else repr(given)


def _section(path: list[str]) -> type[_Section]:
    section: type[_Section] = StackConfig
    for step in path:
        annotation = next(field.annotation for name, field in section.model_fields.items() if _key(name) == step)
        if not (isinstance(annotation, type) and issubclass(annotation, _Section)):
            break
        section = annotation
    return section


def _where(path: list[str]) -> str:
    return f"'{'.'.join(path)}'" if path else "a stack"


def _key(field_name: str) -> str:
    return to_camel(field_name)


def _valid_values(section: type[_Section], key: str) -> str:
    for name, field in section.model_fields.items():
        if _key(name) != key:
            continue
        if field.description:
            return field.description
        for nested in getattr(field.annotation, "__args__", ()):
            for extra in getattr(nested, "__metadata__", ()):
                if getattr(extra, "description", None):
                    return str(extra.description)
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            return "an object of " + ", ".join(_key(inner) for inner in field.annotation.model_fields)
    return "another value"


def megabytes(size: str) -> int:
    """`512m` or `3g` in MiB."""
    match = re.fullmatch(r"([0-9]+)([mg])", size)
    if match is None:
        raise ValueError(f"{size!r} is not a size")
    return int(match[1]) * (1024 if match[2] == "g" else 1)
