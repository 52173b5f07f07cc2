"""PostgreSQL: the outbox as it is committed, the WAL's positions, and the replication slots that hold it.

What is sighted here are outbox rows, read as the owner: the application itself may not read them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipeline_lib import sql
from pipeline_lib.hops.protocol import Readiness
from pipeline_lib.model import exact_json
from pipeline_lib.model.endpoints import PostgresEndpoint, reveal
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Lsn
from pipeline_lib.model.sighting import Sighting

CONNECT_TIMEOUT_S = 5


def connect(endpoint: PostgresEndpoint, role: str) -> psycopg.Connection:
    """A connection as one of the endpoint's users; raises UserError if PostgreSQL is not there or refuses."""
    try:
        return psycopg.connect(
            reveal(endpoint.dsn_of(role)), connect_timeout=CONNECT_TIMEOUT_S, application_name="throughline"
        )
    except psycopg.OperationalError as error:
        raise UserError(
            f"PostgreSQL at {endpoint.host}:{endpoint.port} does not let the {role} in: "
            f"{str(error).splitlines()[0].strip()}. See `throughline status`; `throughline up` mends a stack."
        ) from None


class Postgres:
    """The first hop."""

    name = "postgres"

    def __init__(self, endpoint: PostgresEndpoint) -> None:
        self._connection = connect(endpoint, "owner")
        self._connection.autocommit = True
        self.first_id = self._one("SELECT coalesce(max(id), 0) + 1 FROM outbox")
        """Outbox rows before this one were there before us and are not looked at."""

    def _one(self, question: str, parameters: Sequence[Any] = ()) -> Any:
        row = self._connection.execute(question.encode(), parameters).fetchone()
        return row[0] if row else None

    def ready(self) -> Readiness:
        """Ready when a logical slot of this database is being read."""
        slots = self.slots()
        active = [str(slot["slot_name"]) for slot in slots if slot["active"]]
        if active:
            return Readiness(True, f"slot {', '.join(active)} is active")
        return Readiness(False, f"no active slot among {[slot['slot_name'] for slot in slots] or 'none'}")

    def position(self) -> tuple[Lsn]:
        """The end of the WAL."""
        return (Lsn.parse(self._one("SELECT pg_current_wal_insert_lsn()::text")),)

    def slots(self) -> list[dict[str, Any]]:
        """This database's logical slots; `confirmed_flush_lsn` is what Debezium has confirmed."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT slot_name, active, wal_status, confirmed_flush_lsn::text, restart_lsn::text "
                "FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() ORDER BY 1"
            ).fetchall()

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The outbox rows of these messages and users, by id."""
        rows = self._connection.execute(
            "SELECT id, aggregate_id, aggregate_type, event_type, payload::text, created_at FROM outbox "
            "WHERE id >= %s AND (aggregate_id = ANY (%s) OR payload ->> 'user_id' = ANY (%s)) ORDER BY id",
            [self.first_id, [message.id for message in committed], list(users)],
        ).fetchall()
        return [
            Sighting(
                self.name,
                aggregate_id,
                outbox_id,
                at=created_at,
                fields={
                    "aggregate_type": aggregate_type,
                    "message type": event_type,
                    "payload": exact_json.loads(payload),
                },
            )
            for outbox_id, aggregate_id, aggregate_type, event_type, payload, created_at in rows
        ]

    def domain_rows(self, user_id: str) -> list[str]:
        """The ids of a user's assignments and events in the application's own tables, as messages name them."""
        rows = self._connection.execute(
            "SELECT 'assignment-' || id FROM assignments WHERE user_id = %(user)s "
            "UNION ALL SELECT id FROM events WHERE user_id = %(user)s",
            {"user": user_id},
        ).fetchall()
        return [id_ for (id_,) in rows]

    def announced_together(self, user_id: str) -> list[str]:
        """Those of `domain_rows` whose outbox row was inserted by the very transaction that inserted them (xmin)."""
        rows = self._connection.execute(
            sql.read("postgres", "announced_together").encode(), {"user": user_id}
        ).fetchall()
        return [id_ for (id_,) in rows]

    def variants_of(self, experiment_id: int, status: str) -> dict[int, str]:
        """The experiment's variants, id to key; none if it does not have that status."""
        rows = self._connection.execute(
            "SELECT v.id, v.key FROM variants AS v JOIN experiments AS e ON e.id = v.experiment_id "
            "WHERE e.id = %s AND e.status = %s",
            [experiment_id, status],
        ).fetchall()
        return dict(rows)

    def evidence(self) -> Mapping[str, Any]:
        """The WAL's end and the slots."""
        return {"position": str(self.position()[0]), "slots": self.slots()}

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()
