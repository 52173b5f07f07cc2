"""What an embedded stack consists of: its home and its four parts."""

from typing import Any

import pulumi

from stacks.allocation import LOOPBACK
from stacks.backend import Address, System, Systems
from stacks.config import StackConfig
from stacks.embedded.clickhouse import ClickHouse
from stacks.embedded.connect import SECRETS_FILE, Connect
from stacks.embedded.home import StackHome
from stacks.embedded.kafka import Kafka
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.postgres import Postgres
from stacks.embedded.provider import Part
from stacks.kafka_settings import DATABASE_PASSWORD


def stand_up(config: StackConfig) -> Systems:
    """Declares the stack's home and its parts."""
    home = StackHome(
        "home",
        stack=pulumi.get_stack(),
        asked_ports=config.asked_ports(),
        required_disk_mb=config.required_disk_mb,
    )
    pulumi.export("folder", home.folder)

    def secrets_of(*names: str) -> pulumi.Output[dict[str, str]]:
        return home.passwords.apply(lambda all_: {name.partition("_")[2]: all_[name] for name in names})

    def part(kind: type[EmbeddedPart], settings: dict[str, Any], secrets: pulumi.Input[dict[str, str]]) -> Part:
        return Part(kind, home=home, settings=settings, secrets=secrets)

    postgres = part(Postgres, {"version": config.postgres.version}, secrets_of("postgres_admin"))
    kafka = part(Kafka, {"heap": config.kafka.heap}, {})
    plugins = {"plugins": config.connect.plugins} if config.connect.plugins else {}
    connect = part(
        Connect, {"heap": config.connect.heap, "kafka": kafka.id, **plugins}, secrets_of("postgres_replication")
    )
    clickhouse = part(
        ClickHouse,
        {"memory": config.clickhouse.memory},
        secrets_of("clickhouse_admin", "clickhouse_ingestion", "clickhouse_analyst"),
    )

    parts = {"postgres": postgres, "kafka": kafka, "connect": connect, "clickhouse": clickhouse}
    pulumi.export(
        "parts",
        {
            name: {
                "version": part.version,
                "address": pulumi.Output.concat(LOOPBACK, ":", home.ports[name]),
                "data": part.data,
            }
            for name, part in parts.items()
        },
    )

    def system(resource: Part, port: str) -> System:
        address = Address(pulumi.Output.from_input(LOOPBACK), home.ports[port])
        return System(resource, resource.id, address, address)

    return Systems(
        postgres=system(postgres, "postgres"),
        kafka=system(kafka, "kafka"),
        connect=system(connect, "connect"),
        clickhouse=system(clickhouse, "clickhouse"),
        passwords=home.passwords,
        replication_password=pulumi.Output.concat(
            "${file:", home.folder, f"/{Connect.name}/{SECRETS_FILE}:{DATABASE_PASSWORD}}}"
        ),
    )
