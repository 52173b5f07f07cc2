"""The pipeline itself, the same on every backend: schema, topic, connector, ClickHouse tables, as Pulumi resources.

Each resource's inputs are what it is made of (SQL texts, the connector's config), so that a change of them is a diff
that `up` applies, and its `read` compares with what stands, so that `up` mends what was changed or lost by hand.
"""

import pulumi

from pipeline_lib import sql
from pipeline_lib.model.endpoints import postgres_uri
from stacks.backend import Systems
from stacks.config import StackConfig
from stacks.kafka_settings import replication
from stacks.pipeline.clickhouse import ClickHouseSchema
from stacks.pipeline.connector import Connector, connector_config
from stacks.pipeline.names import CONNECTOR, DATABASE, HEARTBEAT_TOPIC, TOPIC
from stacks.pipeline.postgres import PostgresSchema
from stacks.pipeline.replication import replicated
from stacks.pipeline.topic import Topic


def pipeline(config: StackConfig, systems: Systems) -> list[pulumi.CustomResource]:
    """Puts the reference pipeline on `systems`; returns its resources."""
    admin = systems.users["postgres_admin"]
    postgres_admin = pulumi.Output.all(
        systems.passwords["postgres_admin"], systems.postgres.address.text, systems.postgres.access
    ).apply(lambda known: postgres_uri(admin, known[0], known[1], "postgres", **known[2]))
    schema = PostgresSchema(
        "postgres-schema",
        server=postgres_admin,
        database=DATABASE,
        passwords=systems.passwords.apply(
            lambda all_: {
                name.removeprefix("postgres_"): all_[name]
                for name in ("postgres_owner", "postgres_replication", "postgres_application")
            }
        ),
        files={name: sql.read("postgres", name) for name in sql.POSTGRES_ORDER},
        within=systems.postgres.identity,
        opts=systems.postgres.inside(),
    )
    # The broker makes no topics by itself, so that nothing is sent to one that nobody meant.
    topic, heartbeats = (
        Topic(
            name,
            bootstrap=systems.kafka.addresses,
            security=systems.kafka.access,
            topic=topic_name,
            partitions=partitions,
            replicas=replication(config.kafka.brokers),
            within=systems.kafka.identity,
            opts=systems.kafka.inside(),
        )
        for name, topic_name, partitions in (
            ("topic", TOPIC, config.partitions),
            ("heartbeat-topic", HEARTBEAT_TOPIC, 1),
        )
    )
    connector = Connector(
        "connector",
        url=systems.connect.urls,
        access=systems.connect.access,
        connector=CONNECTOR,
        server=postgres_admin,
        drops_slot=not systems.postgres.ours,
        config=connector_config(config, systems),
        within=pulumi.Output.concat(
            *(systems.postgres.identity, "/", systems.kafka.identity, "/", systems.connect.identity)
        ),
        opts=systems.connect.inside(schema, topic, heartbeats, holds_data=False),
    )
    objects = pulumi.Output.all(
        systems.kafka.inner_addresses, systems.clickhouse.identity, systems.kafka.identity
    ).apply(lambda known: _clickhouse_objects(config, *known))
    tables = [
        ClickHouseSchema(
            "clickhouse-schema" if number == 1 else f"clickhouse-schema-{number}",
            server={
                "host": server.address.host,
                "port": server.address.port,
                "interface": server.address.scheme,
                "username": systems.users["clickhouse_admin"],
                **systems.clickhouse.access,
            },
            password=systems.passwords["clickhouse_admin"],
            database=DATABASE,
            objects=objects,
            partitions=config.partitions,
            replicas=config.clickhouse.replicas,
            within=server.identity,
            opts=server.inside(topic, holds_data=False),
        )
        for number, server in enumerate(systems.clickhouse.members, 1)
    ]
    return [schema, topic, heartbeats, connector, *tables]


def _clickhouse_objects(config: StackConfig, bootstrap: str, clickhouse: str, kafka: str) -> dict[str, str]:
    values = {
        "bootstrap": bootstrap,
        "topic": TOPIC,
        # A group of its own for each pair of stores: an empty ClickHouse reads the whole topic again, and nobody waits
        # for the members of a group that is gone to time out.
        "group": f"clickhouse-{clickhouse}-{kafka}",
        "flush_interval_ms": str(config.clickhouse.flush_interval_ms),
        "poll_timeout_ms": str(config.clickhouse.poll_timeout_ms),
        "poll_max_batch_size": str(config.clickhouse.poll_max_batch_size),
    }
    objects = {name: sql.render(sql.read("clickhouse", name), "clickhouse", values) for name in sql.CLICKHOUSE_ORDER}
    if config.clickhouse.replicas == 1:
        return objects
    return {name: replicated(name, statement, clickhouse) for name, statement in objects.items()}
