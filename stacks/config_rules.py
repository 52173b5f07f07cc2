"""What of a stack's config does not go together: keys and values that are valid, and not on this backend or not beside
each other. Each is refused with the way out.
"""

from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.config import ENGINE_KEYS, StackConfig, key_of
from stacks.status import PARTS


def check(config: StackConfig) -> None:
    """Raises UserError for the first thing that does not go together."""
    _require_ports_apart(config)
    _require_available(config)
    _require_meant_for(config)
    _require_engine(config)
    _require_compatible(config)
    _require_plugins(config)


def _require_ports_apart(config: StackConfig) -> None:
    taken = [port for port in config.asked_ports().values() if port is not None]
    if len(taken) != len(set(taken)):
        raise UserError(
            f"The stack's config gives one port to two parts ({sorted(taken)}): give each a port of its own."
        )


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
        unused += [f"{part}.{key_of(name)}" for name in sorted(of_no_use if external else chosen & _EXTERNAL[part])]
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
    given = [key_of(name) for name in ENGINE_KEYS if name in config.model_fields_set]
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
