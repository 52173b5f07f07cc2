"""A stack's config: typed, with every key and its valid values in one place.

In Pulumi the keys live in the project's namespace and are one object a part: `pulumi config set --path kafka.heap 1g`
is `throughline:kafka: {heap: 1g}`. A key that is not listed here is refused, with those that are.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pipeline_lib.model.errors import UserError
from stacks.status import PARTS

PROJECT = "throughline"

Port = Annotated[int, Field(ge=1024, le=65535, description="a port from 1024 to 65535; without it a free one is taken")]
Heap = Annotated[str, Field(pattern=r"^[1-9][0-9]*[mg]$", description="a JVM heap such as 512m or 2g")]
Image = Annotated[str, Field(min_length=1, description="a container image by name, tag and, if you like, digest")]
Milliseconds = Annotated[int, Field(ge=1, le=600_000, description="milliseconds, from 1 to 600000")]


# Pulumi makes a number of a whole number in a nested value, whatever it is to mean.
_Version = BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=False)


class PostgresConfig(_Section):
    """PostgreSQL."""

    version: Annotated[Literal["18", "17"], _Version] = Field(default="18", description="18 or, with docker, 17")
    port: Port | None = None
    image: Image | None = None


class KafkaConfig(_Section):
    """The Kafka broker (and, in the same process, its controller)."""

    version: Literal["4.3.1", "3.9.1"] = Field(default="4.3.1", description="4.3.1 or, with docker, 3.9.1")
    port: Port | None = None
    image: Image | None = None
    controller_port: Port | None = None
    heap: Heap = "512m"
    partitions: int = Field(
        default=1, ge=1, le=1000, description="partitions of the topic, from 1 to 1000; they can only grow"
    )


class ConnectConfig(_Section):
    """The Connect worker and the Debezium connector on it."""

    debezium: Literal["3.7.0.Final"] = Field(default="3.7.0.Final", description="3.7.0.Final")
    port: Port | None = None
    image: Image | None = None
    plugins: str | None = Field(default=None, description="a folder, by its absolute path")
    heap: Heap = "768m"
    poll_interval_ms: Milliseconds = 5
    heartbeat_interval_ms: Milliseconds = 5000


class ClickHouseConfig(_Section):
    """ClickHouse and its Kafka engine table."""

    version: Literal["25.8", "24.10"] = Field(default="25.8", description="25.8 or, with docker, 24.10")
    port: Port | None = None
    image: Image | None = None
    memory: Heap = Field(default="3g", description="a memory limit such as 512m or 3g")
    flush_interval_ms: Milliseconds = 1
    poll_timeout_ms: Milliseconds = 200
    poll_max_batch_size: int = Field(default=1, ge=1, le=1_000_000, description="messages a poll, from 1 to 1000000")


class StackConfig(_Section):
    """All that can be set for a stack."""

    backend: Literal["embedded", "docker"] = Field(default="embedded", description="embedded or docker")
    required_disk_mb: int = Field(default=1024, ge=0, description="MiB that must be free before anything is written")
    postgres: PostgresConfig = PostgresConfig()
    kafka: KafkaConfig = KafkaConfig()
    connect: ConnectConfig = ConnectConfig()
    clickhouse: ClickHouseConfig = ClickHouseConfig()

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
    _require_compatible(config)
    _require_plugins(config)
    return config


def _require_available(config: StackConfig) -> None:
    """The embedded parts come from packages, one version of each, and from no image."""
    if config.backend != "embedded":
        return
    default = StackConfig()
    for key in ("postgres.version", "kafka.version", "clickhouse.version", *(f"{part}.image" for part in PARTS)):
        part, name = key.split(".")
        chosen, only = (getattr(getattr(of, part), name) for of in (config, default))
        if chosen != only:
            has = f"has {part} {only} alone" if only else "uses no images"
            raise UserError(
                f"The stack's config sets '{key}' to '{chosen}', but the embedded backend {has}. Take it away with "
                f"`pulumi config rm --path {key}`, or choose the other backend with `pulumi config set backend docker`."
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
                f"The stack's config has a bad value for '{key}': {error['input']!r} was given, "
                f"{_valid_values(section, last)} is wanted."
            )
    example = ".".join(str(step) for step in invalid.errors(include_url=False)[0]["loc"])
    return (
        " ".join(sentences)
        + f" Change it with `pulumi config set --path {example} VALUE` or take it away with "
        + (f"`pulumi config rm --path {example}`.")
    )


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
