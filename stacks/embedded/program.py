"""What an embedded stack consists of: its home and its four parts."""

from pathlib import Path
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
from stacks.embedded.security import CLIENT, Certificates, kafka_client
from stacks.kafka_settings import DATABASE_PASSWORD


def stand_up(config: StackConfig) -> Systems:
    """Declares the stack's home and its parts."""
    secured = config.security == "tls"
    security = {"security": config.security} if secured else {}
    home = StackHome(
        "home",
        stack=pulumi.get_stack(),
        asked_ports=config.asked_ports(),
        required_disk_mb=config.required_disk_mb,
        settings=security,
    )
    pulumi.export("folder", home.folder)

    def secrets_of(*names: str) -> pulumi.Output[dict[str, str]]:
        return home.passwords.apply(lambda all_: {name.partition("_")[2]: all_[name] for name in names})

    def part(kind: type[EmbeddedPart], settings: dict[str, Any], secrets: pulumi.Input[dict[str, str]]) -> Part:
        return Part(kind, home=home, settings=settings, secrets=secrets)

    postgres = part(Postgres, {"version": config.postgres.version}, secrets_of("postgres_admin"))
    kafka = part(Kafka, {"heap": config.kafka.heap, **security}, secrets_of("kafka_client") if secured else {})
    plugins = {"plugins": config.connect.plugins} if config.connect.plugins else {}
    connect = part(
        Connect,
        {"heap": config.connect.heap, "kafka": kafka.id, **security, **plugins},
        home.passwords.apply(
            lambda all_: {
                "replication": all_["postgres_replication"],
                **({name: all_[name] for name in ("kafka_client", "connect_client")} if secured else {}),
            }
        ),
    )
    users = ("clickhouse_admin", "clickhouse_ingestion", "clickhouse_analyst")
    clickhouse = part(
        ClickHouse,
        {"memory": config.clickhouse.memory, **security},
        secrets_of(*users, *(["kafka_client"] if secured else [])),
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

    authority = home.folder.apply(lambda folder: str(Certificates.of(Path(folder)).authority))
    access: dict[str, dict[str, pulumi.Input[str]]] = {}
    if secured:
        access = {
            "kafka": kafka_client(authority, home.passwords["kafka_client"]),
            "connect": {"user": CLIENT, "password": home.passwords["connect_client"], "ca_file": authority},
            "clickhouse": {"ca_file": authority},
        }

    def system(resource: Part, name: str) -> System:
        has = access.get(name, {})
        address = Address(pulumi.Output.from_input(LOOPBACK), home.ports[name], "https" if has else "http")
        return System(resource, resource.id, address, address, has)

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
