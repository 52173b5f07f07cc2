"""What a Docker stack consists of: a network, and a container, an image and mostly a volume for each part.

A system is one part, or several in a small cluster; the first is named as the system is.
"""

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
from stacks.docker.keeper import keeper
from stacks.docker.part import Site, Standing, declare, members
from stacks.docker.postgres import postgres
from stacks.docker.store import Store
from stacks.kafka_settings import DATABASE_PASSWORD
from stacks.status import PARTS


def stand_up(config: StackConfig) -> Systems:
    """Declares the stack's network and its parts."""
    brokers = members("kafka", config.kafka.brokers)
    workers = members("connect", config.connect.workers)
    replicas = members("clickhouse", config.clickhouse.replicas)
    asked = config.asked_ports()
    engine = engine_of(config)
    allocation = Allocation(
        "allocation",
        asked_ports={
            **{name: asked[name] for name in PARTS},
            **dict.fromkeys((*brokers[1:], *workers[1:], *replicas[1:])),
        },
        engine=engine,
        bind=str(config.docker_bind or ""),
    )
    ports, host = allocation.ports, allocation.host
    options = _on(engine, allocation)
    stack = pulumi.get_stack()
    network_name = pulumi.Output.concat("throughline-", stack, "-", allocation.token)
    network = docker.Network("network", name=network_name, opts=options)
    site = Site(stack, allocation.token, network, allocation.bind, config.ready_seconds, options)
    passwords, image = allocation.passwords, images(config)
    clickhouse_passwords = passwords.apply(lambda all_: {user: all_[f"clickhouse_{user}"] for user in USERS})
    parts = (
        postgres(image["postgres"], passwords["postgres_admin"]),
        *(
            kafka(name, brokers, image["kafka"], config.kafka.heap, (host, ports[name]), allocation.cluster_id)
            for name in brokers
        ),
        *(
            connect(name, workers, brokers, image["connect"], config.connect.heap, passwords["postgres_replication"])
            for name in workers
        ),
        *([keeper(image["clickhouse"])] if len(replicas) > 1 else []),
        *(
            clickhouse(name, replicas, image["clickhouse"], config.clickhouse.memory, clickhouse_passwords)
            for name in replicas
        ),
    )
    standing: dict[str, Standing] = {}
    for part in parts:
        # A worker gives up on brokers that are not there for each copy of its topics; on a single one it waits.
        after = [standing[name] for name in brokers] if part.name in workers and len(brokers) > 1 else []
        standing[part.name] = declare(part, site, ports[part.name] if part.port is not None else None, after)
    pulumi.export("token", allocation.token)
    pulumi.export("engine", asdict(engine))
    pulumi.export(
        "parts",
        {
            part.name: {
                "version": part.image,
                "address": pulumi.Output.concat(host, ":", ports[part.name]) if part.port is not None else "",
                "data": volume.name if (volume := standing[part.name].volume) else "",
            }
            for part in parts
        },
    )

    inner_ports = {part.name: str(part.port) for part in parts} | dict.fromkeys(brokers, str(INNER_PORT))

    def server(name: str, identity: pulumi.Output[str], *needs: pulumi.Resource) -> System:
        outer = Address(host, ports[name])
        inner = Address(pulumi.Output.from_input(name), pulumi.Output.from_input(inner_ports[name]))
        return System(standing[name].container, identity, outer, inner, needs=needs)

    def own(name: str) -> pulumi.Output[str]:
        return _identity(standing[name])

    def replica(name: str) -> System:
        if len(replicas) == 1:
            return server(name, own(name))
        # What Keeper knows of a replica's tables is a part of them.
        return server(name, pulumi.Output.concat(own(name), "/", own("keeper")), standing["keeper"].container)

    def together(names: tuple[str, ...], needed: int) -> pulumi.Output[str]:
        if len(names) == 1:
            return own(names[0])
        return Store(f"{names[0]}-store", volumes=[own(name) for name in names], needed=needed).identity

    def system(identity: pulumi.Output[str], servers: list[System]) -> System:
        first = servers[0]
        several = tuple(servers) if len(servers) > 1 else ()
        return System(first.resource, identity, first.address, first.inner_address, several=several)

    # A majority of the brokers has all that was committed, and each replica has all rows.
    in_kafka, in_clickhouse = together(brokers, len(brokers) // 2 + 1), together(replicas, 1)
    return Systems(
        postgres=server("postgres", own("postgres")),
        kafka=system(in_kafka, [server(name, own(name)) for name in brokers]),
        # What Connect must not lose is in Kafka.
        connect=system(in_kafka, [server(name, in_kafka) for name in workers]),
        clickhouse=system(in_clickhouse, [replica(name) for name in replicas]),
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
