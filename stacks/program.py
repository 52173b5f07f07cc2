"""The program of every stack: its config, the backend that it picks, the pipeline on that, the endpoints as outputs."""

from typing import Any

import pulumi
from pulumi.runtime import config as pulumi_config

from pipeline_lib.model.errors import UserError
from stacks.backend import Systems
from stacks.config import StackConfig, parse
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
    resources = pipeline(config, systems)
    # Known only when all of it stands: an output that tells a stack from half a stack.
    pulumi.export("throughline", pulumi.Output.all(*(resource.id for resource in resources)).apply(lambda _: VERSION))
    _export(config, systems)


def _config() -> StackConfig:
    return parse({**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()})


def _backend(config: StackConfig) -> Systems:
    """The four systems on the backend that the config names; only that one is loaded."""
    if config.backend == "docker":
        from stacks.docker.program import stand_up
    else:
        from stacks.embedded.program import stand_up
    return stand_up(config)


def _export(config: StackConfig, systems: Systems) -> None:
    pulumi.export("backend", config.backend)
    pulumi.export(
        "postgres",
        {
            **_credentials("postgres", "application", "experiments_application", systems),
            "host": systems.postgres.address.host,
            "port": systems.postgres.address.port,
            "database": DATABASE,
            "users": {
                "admin": _credentials("postgres", "admin", "postgres", systems),
                **{
                    role: _credentials("postgres", role, f"experiments_{role}", systems)
                    for role in ("owner", "replication", "application")
                },
            },
        },
    )
    pulumi.export("kafka", {"bootstrap": systems.kafka.address.text, "topic": TOPIC})
    pulumi.export("connect", {"url": systems.connect.address.url, "connector": CONNECTOR})
    pulumi.export(
        "clickhouse",
        {
            **_credentials("clickhouse", "analyst", "analyst", systems),
            "url": systems.clickhouse.address.url,
            "host": systems.clickhouse.address.host,
            "port": systems.clickhouse.address.port,
            "database": DATABASE,
            "users": {
                user: _credentials("clickhouse", user, user, systems) for user in ("admin", "ingestion", "analyst")
            },
        },
    )


def _credentials(system: str, role: str, user: str, systems: Systems) -> dict[str, Any]:
    return {"user": user, "password": systems.passwords[f"{system}_{role}"]}
