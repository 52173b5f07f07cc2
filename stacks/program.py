"""The program of every stack: its config, the backend that it picks, the pipeline on that, the endpoints as outputs."""

from typing import Any

import pulumi
from pulumi.runtime import config as pulumi_config

from pipeline_lib.model.errors import UserError
from stacks.backend import Systems
from stacks.config import StackConfig
from stacks.config_text import parse
from stacks.outputs import VERSION
from stacks.pipeline.names import CONNECTOR, DATABASE, TOPIC
from stacks.pipeline.program import pipeline


def run() -> None:
    """What `pulumi up` and `throughline up` run: the program, once what it asks Pulumi for is there."""
    try:
        see_to_plugins(_config().backend)
    except UserError as refused:
        raise pulumi.RunError(str(refused)) from None
    program()


def see_to_plugins(backend: str) -> None:
    """Installs the plugins that a backend's resources need beside Pulumi itself; UserError if that fails."""
    if backend == "docker":
        from tools.setup.docker_plugin import ensure_docker_plugin

        ensure_docker_plugin()


def program() -> None:
    """Declares the stack; `pulumi.RunError` if its config will not do."""
    try:
        config = _config()
        systems = _backend(config)
    except UserError as refused:
        raise pulumi.RunError(str(refused)) from None
    standing = [system.identity for system in (systems.postgres, systems.kafka, systems.connect, systems.clickhouse)]
    if config.puts_pipeline:
        standing += [resource.id for resource in pipeline(config, systems)]
    # Known only when all of it stands: an output that tells a stack from half a stack.
    pulumi.export("throughline", pulumi.Output.all(*standing).apply(lambda _: VERSION))
    _export(config, systems)


def _config() -> StackConfig:
    return parse({**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()})


def _backend(config: StackConfig) -> Systems:
    """The four systems on the backend that the config names; only that one is loaded."""
    if config.backend == "docker":
        from stacks.docker.program import stand_up
    elif config.backend == "external":
        from stacks.external.program import stand_up
    else:
        from stacks.embedded.program import stand_up
    return stand_up(config)


def _export(config: StackConfig, systems: Systems) -> None:
    pulumi.export("backend", config.backend)
    pulumi.export(
        "postgres",
        {
            **_credentials("postgres", "application", systems),
            "host": systems.postgres.address.host,
            "port": systems.postgres.address.port,
            "database": DATABASE,
            "users": _users("postgres", systems),
            **systems.postgres.access,
        },
    )
    kafka = {"bootstrap": systems.kafka.addresses, "topic": TOPIC}
    pulumi.export("kafka", kafka | ({"security": systems.kafka.access} if systems.kafka.access else {}))
    connect_urls = [member.address.url for member in systems.connect.members]
    pulumi.export(
        "connect", {"url": connect_urls[0], "urls": connect_urls, "connector": CONNECTOR, **systems.connect.access}
    )
    pulumi.export(
        "clickhouse",
        {
            **_credentials("clickhouse", "analyst", systems),
            "url": systems.clickhouse.address.url,
            "urls": [member.address.url for member in systems.clickhouse.members],
            "host": systems.clickhouse.address.host,
            "port": systems.clickhouse.address.port,
            "database": DATABASE,
            "users": _users("clickhouse", systems),
            **systems.clickhouse.access,
        },
    )


def _users(system: str, systems: Systems) -> dict[str, Any]:
    roles = [name.removeprefix(f"{system}_") for name in systems.users if name.startswith(f"{system}_")]
    return {role: _credentials(system, role, systems) for role in roles}


def _credentials(system: str, role: str, systems: Systems) -> dict[str, Any]:
    name = f"{system}_{role}"
    return {"user": systems.users[name], "password": systems.passwords[name]}
