"""The ClickHouse side: Kafka engine table, materialized views, tables and views, from the `.sql` files.

An object is `derived` if it holds nothing of its own (a view, a materialized view with a target, a Kafka engine table)
and is dropped and made again when its text changes. A table that holds rows is rebuilt: made anew under another name,
filled from the old one column by column, and exchanged with it, so that any change of its definition is applied and no
row is lost. While tables change nothing is consumed: the topic waits, at the group's committed offsets.

Of several replicas each has a schema of its own and consumes a share of the topic; `replication` tells of their tables.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import clickhouse_connect
import pulumi
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib import sql
from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, Provider
from stacks.pipeline import replication
from stacks.wait import until

PATIENCE_S = 60
_CREATE = re.compile(r"CREATE\s+(?P<kind>TABLE|VIEW|MATERIALIZED\s+VIEW)\s+(?P<name>\S+)", re.IGNORECASE)
_KAFKA_ENGINE = re.compile(r"ENGINE\s*=\s*Kafka\b", re.IGNORECASE)


class ClickHouseSchema(Resource, module="pipeline", name="ClickHouseSchema"):
    """`objects` (name to CREATE statement, each after those that it reads) in `database` of `server`, which is what
    clickhouse-connect is to be called with beside the password."""

    def __init__(
        self,
        name: str,
        *,
        server: Mapping[str, pulumi.Input[str]],
        password: pulumi.Input[str],
        database: str,
        objects: pulumi.Output[dict[str, str]],
        partitions: int,
        replicas: int,
        within: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {
            "server": server,
            "password": password,
            "database": database,
            "objects": objects,
            "order": objects.apply(list),
            "partitions": str(partitions),
            "within": within,
            **({"replicas": str(replicas)} if replicas > 1 else {}),
        }
        super().__init__(ClickHouseSchemaProvider(), name, inputs, opts)


class ClickHouseSchemaProvider(Provider):
    """Schemas over clickhouse-connect."""

    inputs = ("database", "objects", "order", "partitions", "within")
    replaces = ("database", "within")

    def create(self, props: Props) -> CreateResult:
        """Makes what is not there; what is there may be of any age, so it is made again."""
        _apply(props, before={})
        return CreateResult(props["database"], props)

    def read(self, id_: str, props: Props) -> ReadResult:
        """Its objects as far as they still stand; gone if none does or the server is not there."""
        try:
            with _client(props) as client:
                standing = _standing(client, props["database"])
        except ClickHouseError:
            # A replica that is stopped finds its tables when it is back, and takes up what it has missed.
            return ReadResult(id_, props) if _replicas(props) > 1 else ReadResult("", {})
        objects = {name: text for name, text in props["objects"].items() if name in standing}
        return ReadResult(id_, {**props, "objects": objects}) if objects else ReadResult("", {})

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Makes again what has another text now."""
        _apply(_news, before=_olds["objects"])
        return UpdateResult(_news)

    def delete(self, _id: str, _props: Props) -> None:
        """Drops what consumes the topic, where it stands still; tables hold analysts' rows and stay."""
        with contextlib.suppress(ClickHouseError), _client(_props) as client:  # one that is gone consumes nothing
            standing = _standing(client, _props["database"])
            for name, text in reversed(_props["objects"].items()):
                if name in standing and consumes(text):
                    client.command(f"DROP TABLE {sql.identifier(_props['database'])}.{sql.identifier(name)}")


def _client(props: Props) -> Client:
    given = {"ca_cert" if key == "ca_file" else key: value for key, value in props["server"].items()}
    return clickhouse_connect.get_client(**{**given, "port": int(given["port"])}, password=props["password"])


def _replicas(props: Props) -> int:
    return int(props.get("replicas", 1))


def _standing(client: Client, database: str) -> set[str]:
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = {database:String}", parameters={"database": database}
    ).result_rows
    return {str(name) for (name,) in rows}


def is_derived(statement: str) -> bool:
    """Whether the object holds no rows of its own."""
    kind = _created(statement)["kind"].upper()
    return kind != "TABLE" or _KAFKA_ENGINE.search(statement) is not None


def consumes(statement: str) -> bool:
    """Whether the object is part of what takes messages from Kafka: an engine table or a materialized view."""
    return _KAFKA_ENGINE.search(statement) is not None or "MATERIALIZED" in _created(statement)["kind"].upper()


def _created(statement: str) -> re.Match[str]:
    match = _CREATE.search(statement)
    if match is None:
        raise UserError(f"This is not a CREATE TABLE, VIEW or MATERIALIZED VIEW statement: {statement[:200]}")
    return match


def _apply(props: Props, before: Mapping[str, str]) -> None:
    objects = {name: props["objects"][name] for name in props["order"]}
    try:
        with _client(props) as client:
            client.command(f"CREATE DATABASE IF NOT EXISTS {sql.identifier(props['database'])}")
            client.database = props["database"]
            standing = _standing(client, props["database"])
            paths = replication.standing_paths(client) if _replicas(props) > 1 else {}
            stale = {name for name in objects if name in standing and before.get(name) != objects[name]}
            stale -= {name for name, path in paths.items() if path == replication.path_of(objects.get(name, ""))}
            missing = objects.keys() - standing
            surplus = {name for name, text in before.items() if name not in objects and is_derived(text)}
            if paths:
                replication.restore(client, objects)
            if stale or missing or surplus:
                _make(client, objects, standing, stale, surplus)
            # Of several, each consumes a share; who comes first has all of them until the others are there.
            _await_consumer(client, props["database"], objects, int(props["partitions"]) // _replicas(props))
    except ClickHouseError as refused:
        raise UserError(
            f"ClickHouse refused a statement of pipeline_lib/sql/clickhouse: {refused}. Correct it and run "
            "`throughline up` again."
        ) from None


def _make(
    client: Client, objects: Mapping[str, str], standing: set[str], stale: set[str], surplus: Iterable[str]
) -> None:
    tables_change = any(not is_derived(objects[name]) for name in stale)
    # Views are dropped before what they read; consumption stops with them if a table is to be rebuilt.
    dropped = [name for name in objects if name in standing and is_derived(objects[name])]
    dropped = [name for name in dropped if name in stale or tables_change]
    for name in [*surplus, *reversed(dropped)]:
        client.command(f"DROP TABLE IF EXISTS {sql.identifier(name)}")
    # Tables before what feeds them: once the Kafka engine table and its views stand, rows flow.
    for name in sorted(objects, key=lambda name: is_derived(objects[name])):
        if name not in standing or name in dropped:
            replication.create(client, objects[name])
        elif name in stale:
            _rebuild(client, name, objects[name])


def _rebuild(client: Client, name: str, statement: str) -> None:
    created = _created(statement)
    old, draft = sql.identifier(name), sql.identifier(f"{name}_draft")
    replication.drop(client, f"{name}_draft")
    replication.create(client, statement[: created.start("name")] + draft + statement[created.end("name") :])
    replication.fetch(client, name)
    both = [column for column in _columns(client, f"{name}_draft") if column in _columns(client, name)]
    columns = ", ".join(sql.identifier(column) for column in both)
    client.command(f"INSERT INTO {draft} ({columns}) SELECT {columns} FROM {old}")  # noqa: S608  identifiers only
    client.command(f"EXCHANGE TABLES {old} AND {draft}")
    replication.drop(client, f"{name}_draft")


def _columns(client: Client, table: str) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') ORDER BY position",
        parameters={"table": table},
    ).result_rows
    return [str(column) for (column,) in rows]


def _await_consumer(client: Client, database: str, objects: Mapping[str, str], partitions: int) -> None:
    """Returns when every Kafka engine table has so many partitions assigned: from then on rows flow."""
    queues = [name for name, text in objects.items() if _KAFKA_ENGINE.search(text)]

    def consumers() -> Sequence[Sequence[Any]]:
        return client.query(
            "SELECT table, length(assignments.topic), exceptions.text FROM system.kafka_consumers "
            "WHERE database = {database:String}",
            parameters={"database": database},
        ).result_rows

    if not until(
        lambda: {table for table, assigned, _ in consumers() if assigned >= partitions} >= set(queues), PATIENCE_S
    ):
        raise UserError(
            f"ClickHouse does not consume the topic after {PATIENCE_S} s. `throughline logs clickhouse` shows its log; "
            "run `throughline up` again.",
            "\n".join(str(text) for _, _, texts in consumers() for text in texts[-3:]),
        )
