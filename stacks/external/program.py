"""What an external stack consists of: nothing but the word of four systems that they answer."""

import os
from collections.abc import Mapping
from typing import Any

import pulumi

from stacks.backend import USERS, Address, System, Systems
from stacks.config import StackConfig
from stacks.external.settings import settings_of, url_of
from stacks.external.target import RolePasswords, Target

_ACCESS = {
    "postgres": {"sslMode": "sslmode", "sslRootCert": "sslrootcert"},
    "kafka": {
        "securityProtocol": "protocol",
        "saslMechanism": "mechanism",
        "user": "username",
        "password": "password",
        "caFile": "ca_file",
    },
    "connect": {"user": "user", "password": "password", "caFile": "ca_file"},
    "clickhouse": {"caFile": "ca_file"},
}
"""Which keys of the config are which fields of an endpoint, beside the address."""


def stand_up(config: StackConfig) -> Systems:
    """Declares that the four systems answer; raises UserError if it is not known where they are."""
    known = settings_of(config, os.environ)
    access = {part: _access(part, known) for part in _ACCESS}
    users, passwords = _roles(config, known)
    broker, _, port = known["kafka.bootstrap"].rpartition(":")  # of several, the last one's
    connect, clickhouse = url_of(known, "connect.url", path=True), url_of(known, "clickhouse.url", path=False)
    addresses = {
        "postgres": _address(known["postgres.host"], known.get("postgres.port", "5432")),
        "kafka": _address(broker, port),
        "connect": _address(str(connect.hostname), str(connect.port), connect.scheme, connect.path),
        "clickhouse": _address(str(clickhouse.hostname), str(clickhouse.port), clickhouse.scheme),
    }
    who = {
        part: {"user": users[f"{part}_admin"], "password": passwords[f"{part}_admin"]}
        for part in ("postgres", "clickhouse")
    }
    entries: dict[str, dict[str, Any]] = {
        "postgres": {"host": addresses["postgres"].host, "port": addresses["postgres"].port, **who["postgres"]},
        "kafka": {"bootstrap": addresses["kafka"].text},
        "connect": {"url": addresses["connect"].url},
        "clickhouse": {
            "host": addresses["clickhouse"].host,
            "port": addresses["clickhouse"].port,
            "interface": clickhouse.scheme,
            **who["clickhouse"],
        },
    }

    def system(part: str) -> System:
        target = Target(part, entry={**entries[part], "access": access[part]}, has_pipeline=not config.puts_pipeline)
        return System(target, target.identity, addresses[part], addresses[part], access[part], ours=False)

    return Systems(
        postgres=system("postgres"),
        kafka=system("kafka"),
        connect=system("connect"),
        clickhouse=system("clickhouse"),
        passwords=passwords,
        # The worker's files are not ours to write: the connector's config holds the password itself.
        replication_password=passwords.apply(lambda all_: all_.get("postgres_replication", "")),
        users=users,
    )


def _address(host: str, port: str, scheme: str = "http", path: str = "") -> Address:
    return Address(pulumi.Output.from_input(host), pulumi.Output.from_input(port), scheme, path)


def _access(part: str, known: Mapping[str, str]) -> dict[str, pulumi.Input[str]]:
    chosen: dict[str, pulumi.Input[str]] = {}
    for key, field in _ACCESS[part].items():
        if value := known.get(f"{part}.{key}"):
            chosen[field] = pulumi.Output.secret(value) if key == "password" else value
    return chosen


def _roles(config: StackConfig, known: Mapping[str, str]) -> tuple[dict[str, str], pulumi.Output[dict[str, str]]]:
    """Who has which role, and the passwords. Where the pipeline is there already, one user may have several roles."""

    def given(part: str, role: str) -> tuple[str, str]:
        stem = f"{part}.{role}"
        names = (f"{stem}User", f"{stem}Password") if f"{stem}User" in known else (f"{part}.user", f"{part}.password")
        return known[names[0]], known[names[1]]

    roles = {
        "postgres_admin": given("postgres", "admin"),
        "clickhouse_admin": given("clickhouse", "admin"),
        "clickhouse_analyst": given("clickhouse", "analyst"),
    }
    if not config.puts_pipeline:
        roles |= {f"postgres_{role}": given("postgres", role) for role in ("owner", "application")}
    users = {name: user for name, (user, _) in roles.items()}
    passwords = pulumi.Output.secret({name: password for name, (_, password) in roles.items()})
    if not config.puts_pipeline:
        return users, passwords
    made = RolePasswords("role-passwords")
    users |= {name: USERS[name] for name in ("postgres_owner", "postgres_replication", "postgres_application")}
    return users, pulumi.Output.all(passwords, made.passwords).apply(lambda both: {**both[0], **both[1]})
