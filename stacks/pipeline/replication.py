"""Tables that replicas of ClickHouse hold together, each with all rows.

What stands in the `.sql` files is a table of one server. Its engine becomes the replicated one, at a path in Keeper
that tells the data that it belongs to, its name and its definition: replicas that have the same definition find each
other there, and a table that is rebuilt with another one never meets what it was. Who a replica is, its server knows
(the macro `replica`).
"""

import hashlib
import re
from collections.abc import Mapping

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from pipeline_lib import sql
from pipeline_lib.model.errors import UserError
from stacks.wait import until

PATIENCE_S = 60
_ENGINE = re.compile(r"ENGINE\s*=\s*ReplacingMergeTree(?:\((?P<arguments>[^)]*)\))?", re.IGNORECASE)
_PATH = re.compile(r"ReplicatedReplacingMergeTree\('(?P<path>[^']*)'")
_REPLICA_ALREADY_EXISTS = "REPLICA_ALREADY_EXISTS"


def replicated(name: str, statement: str, store: str) -> str:
    """The statement with its ReplacingMergeTree replicated, or as it is if it has another engine."""
    digest = hashlib.sha256(statement.encode()).hexdigest()[:12]
    path = sql.literal(f"/throughline/{store}/{name}-{digest}", "clickhouse")

    def engine(match: re.Match[str]) -> str:
        arguments = [path, "'{replica}'", *filter(None, [match["arguments"]])]
        return f"ENGINE = ReplicatedReplacingMergeTree({', '.join(arguments)})"

    return _ENGINE.sub(engine, statement)


def path_of(statement: str) -> str | None:
    """Where in Keeper the table of a statement is; None if it is not replicated."""
    match = _PATH.search(statement)
    return match["path"] if match else None


def standing_paths(client: Client) -> dict[str, str]:
    """The path of each replicated table in the client's database."""
    rows = client.query("SELECT table, zookeeper_path FROM system.replicas WHERE database = currentDatabase()")
    return {str(table): str(path) for table, path in rows.result_rows}


def create(client: Client, statement: str) -> None:
    """Creates a table; a replica of its name that Keeper remembers, and that has lost its table, makes way for it."""
    path = path_of(statement)
    if path is None:
        client.command(statement)
        return

    def created() -> bool:
        try:
            client.command(statement)
        except DatabaseError as refused:
            if _REPLICA_ALREADY_EXISTS not in str(refused):
                raise
            _forget_replica(client, path)
            return False
        return True

    if not until(created, PATIENCE_S):
        raise UserError(
            f"Keeper still takes the replica that this ClickHouse was before it lost its data for alive, after "
            f"{PATIENCE_S} s. Run `throughline up` again."
        )


def _forget_replica(client: Client, path: str) -> None:
    """ClickHouse refuses while the replica's session may still be alive: then the next try may not be in vain."""
    name = client.command("SELECT getMacro('replica')")
    try:
        client.command(
            f"SYSTEM DROP REPLICA {sql.literal(str(name), 'clickhouse')} FROM ZKPATH {sql.literal(path, 'clickhouse')}"
        )
    except DatabaseError as refused:
        if "TABLE_WAS_NOT_DROPPED" not in str(refused):
            raise


def drop(client: Client, table: str) -> None:
    """Drops a table if it is there; a replicated one is forgotten by Keeper at once, and not after a while."""
    at_once = " SYNC" if table in standing_paths(client) else ""
    client.command(f"DROP TABLE IF EXISTS {sql.identifier(table)}{at_once}")


def restore(client: Client, objects: Mapping[str, str]) -> None:
    """Returns when every replicated table can be written; where Keeper has lost its data, they are told it again."""
    ours = {name for name in standing_paths(client) if name in objects}

    def read_only() -> set[str]:
        rows = client.query(
            "SELECT table FROM system.replicas "
            "WHERE database = currentDatabase() AND (is_readonly OR is_session_expired)"
        ).result_rows
        return {str(table) for (table,) in rows} & ours

    lost = read_only()
    for name in lost:
        table = sql.identifier(name)
        client.command(f"SYSTEM RESTART REPLICA {table}")
        if name in read_only():
            client.command(f"SYSTEM RESTORE REPLICA {table}")
    if not until(lambda: not read_only(), PATIENCE_S):
        raise UserError(
            f"ClickHouse's tables are read-only after {PATIENCE_S} s, for want of Keeper. `throughline logs keeper` "
            "and `throughline logs clickhouse` show their logs; run `throughline up` again."
        )
    if lost:
        # Restored parts are numbered anew, and what is cached of others under their names makes them unreadable.
        for cache in ("MARK", "UNCOMPRESSED"):
            client.command(f"SYSTEM DROP {cache} CACHE")


def fetch(client: Client, table: str) -> None:
    """Returns when the replica has every row that the others have made known."""
    if table in standing_paths(client):
        client.command(f"SYSTEM SYNC REPLICA {sql.identifier(table)} LIGHTWEIGHT")
