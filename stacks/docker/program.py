"""What a Docker stack consists of: a network, and a container, an image and mostly a volume for each part."""

from dataclasses import asdict

import pulumi
import pulumi_docker as docker

from stacks.backend import Address, System, Systems
from stacks.config import StackConfig
from stacks.docker.allocation import Allocation
from stacks.docker.clickhouse import USERS, clickhouse
from stacks.docker.connect import SECRETS_FILE, connect
from stacks.docker.engine import EngineAddress, engine_of
from stacks.docker.images import images
from stacks.docker.kafka import INNER_PORT, kafka
from stacks.docker.part import Site, Standing, declare
from stacks.docker.postgres import postgres
from stacks.kafka_settings import DATABASE_PASSWORD
from stacks.status import PARTS


def stand_up(config: StackConfig) -> Systems:
    """Declares the stack's network and its parts."""
    asked = config.asked_ports()
    engine = engine_of(config)
    allocation = Allocation(
        "allocation",
        asked_ports={name: asked[name] for name in PARTS},
        engine=engine,
        bind=str(config.docker_bind or ""),
    )
    options = _on(engine, allocation)
    stack = pulumi.get_stack()
    network_name = pulumi.Output.concat("throughline-", stack, "-", allocation.token)
    network = docker.Network("network", name=network_name, opts=options)
    site = Site(stack, allocation.token, network, allocation.bind, config.ready_seconds, options)
    passwords, image = allocation.passwords, images(config)
    parts = (
        postgres(image["postgres"], passwords["postgres_admin"]),
        kafka(image["kafka"], config.kafka.heap, allocation.host, allocation.ports["kafka"], allocation.cluster_id),
        connect(image["connect"], config.connect.heap, f"kafka:{INNER_PORT}", passwords["postgres_replication"]),
        clickhouse(
            image["clickhouse"],
            config.clickhouse.memory,
            passwords.apply(lambda all_: {user: all_[f"clickhouse_{user}"] for user in USERS}),
        ),
    )
    standing = {part.name: declare(part, site, allocation.ports[part.name]) for part in parts}
    pulumi.export("token", allocation.token)
    pulumi.export("engine", asdict(engine))
    pulumi.export(
        "parts",
        {
            part.name: {
                "version": part.image,
                "address": pulumi.Output.concat(allocation.host, ":", allocation.ports[part.name]),
                "data": volume.name if (volume := standing[part.name].volume) else "",
            }
            for part in parts
        },
    )

    inner_ports = {part.name: part.port for part in parts} | {"kafka": INNER_PORT}

    def system(name: str, data_of: str) -> System:
        outer = Address(allocation.host, allocation.ports[name])
        inner = Address(pulumi.Output.from_input(name), pulumi.Output.from_input(str(inner_ports[name])))
        return System(standing[name].container, _identity(standing[data_of]), outer, inner)

    return Systems(
        postgres=system("postgres", data_of="postgres"),
        kafka=system("kafka", data_of="kafka"),
        # What Connect must not lose is in Kafka.
        connect=system("connect", data_of="kafka"),
        clickhouse=system("clickhouse", data_of="clickhouse"),
        passwords=passwords,
        replication_password=pulumi.Output.from_input(f"${{file:{SECRETS_FILE}:{DATABASE_PASSWORD}}}"),
    )


def _on(engine: EngineAddress, allocation: Allocation) -> pulumi.ResourceOptions:
    """Options of all that stands on the engine: nothing to say for the one that Docker's clients take by themselves."""
    if engine.remote:
        pulumi.warn(
            f"The stack's ports are open at an address of the Docker engine {engine.url}: whoever reaches it reads and "
            "writes Kafka and changes Connect without a password. Let a firewall see to it who does."
        )
    if not engine.url:
        return pulumi.ResourceOptions()
    provider = docker.Provider(
        "engine",
        host=engine.url,
        cert_path=engine.cert_path or None,
        ssh_opts=list(engine.ssh_options) or None,
        # The allocation is what refuses another engine than before.
        opts=pulumi.ResourceOptions(depends_on=[allocation]),
    )
    return pulumi.ResourceOptions(provider=provider)


def _identity(standing: Standing) -> pulumi.Output[str]:
    if standing.volume is None:
        raise ValueError("a part without data has no identity of its own")
    return standing.volume.name
