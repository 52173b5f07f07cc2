"""A stack's config: typed, with every key and its valid values in one place.

A key that is not listed here is refused, with those that are. `config_text` reads what Pulumi keeps, `config_rules`
tells what does not go together.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, SecretStr
from pydantic.alias_generators import to_camel

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


class Section(BaseModel):
    """A part of the config; its keys are the fields in camel case."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=False)


class PostgresConfig(Section):
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


class KafkaConfig(Section):
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


class ConnectConfig(Section):
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


class ClickHouseConfig(Section):
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


class StackConfig(Section):
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


def is_secret(key: str) -> bool:
    """Whether what a key is set to must not be shown."""
    return key.lower().endswith("password")


def key_of(field_name: str) -> str:
    """A field's name as a key."""
    return to_camel(field_name)


def megabytes(size: str) -> int:
    """`512m` or `3g` in MiB."""
    match = re.fullmatch(r"([0-9]+)([mg])", size)
    if match is None:
        raise ValueError(f"{size!r} is not a size")
    return int(match[1]) * (1024 if match[2] == "g" else 1)
