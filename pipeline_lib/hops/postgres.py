"""PostgreSQL: the outbox as it is committed, the WAL's positions, and what the connector reads the outbox through.

What is sighted here are outbox rows, read as the owner: the application itself may not read them.
"""

import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pipeline_lib import sql
from pipeline_lib.hops.protocol import Obstacle, Readiness
from pipeline_lib.model import exact_json
from pipeline_lib.model.endpoints import PostgresEndpoint, reveal
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.journey import Experiment, Variant
from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.model.position import Lsn
from pipeline_lib.model.sighting import Sighting

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 5
_REFUSED = re.compile(r"FATAL:  (?!the database system is )")
"""A server that starts or stops says so with FATAL too, and passes."""


@dataclass(frozen=True)
class Capture:
    """What a connector reads a database through."""

    slot: str
    publication: str


class Connection(psycopg.Connection):
    """A connection that is closed, with an OperationalError, when an answer takes too long: psycopg waits for ever."""

    answers_within_s: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As the inherited one, with a limit of its own."""
        limit = timeout or self.answers_within_s
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:
            self.close()
            raise psycopg.OperationalError(f"PostgreSQL has not answered for {limit} s") from None


def open_connection(
    endpoint: PostgresEndpoint, role: str, answers_within_s: float | None = ANSWER_TIMEOUT_S
) -> Connection:
    """A connection as one of the endpoint's users; raises psycopg.OperationalError."""
    connection = Connection.connect(
        reveal(endpoint.dsn_of(role)), connect_timeout=CONNECT_TIMEOUT_S, application_name="throughline"
    )
    connection.answers_within_s = answers_within_s
    return connection


def connect(endpoint: PostgresEndpoint, role: str, answers_within_s: float | None = ANSWER_TIMEOUT_S) -> Connection:
    """As `open_connection`; raises UserError if PostgreSQL is not there or refuses."""
    try:
        return open_connection(endpoint, role, answers_within_s)
    except psycopg.OperationalError as error:
        raise UserError(
            f"PostgreSQL at {endpoint.host}:{endpoint.port} does not let the {role} in: "
            f"{str(error).splitlines()[0].strip()}. See `throughline status`; `throughline up` mends a stack."
        ) from None


class Postgres:
    """The first hop."""

    name = "postgres"

    def __init__(self, endpoint: PostgresEndpoint, capture: Capture) -> None:
        self._endpoint = endpoint
        self._capture = capture
        self._opening = threading.Lock()
        self._connection = connect(endpoint, "owner")
        self._connection.autocommit = True
        self.first_id = self.next_id()
        """Outbox rows before this one were there before us and are not looked at."""

    def _rows(self, question: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The answer's rows, over a new connection if PostgreSQL has ended the one there was."""
        with self._opening:
            if self._connection.closed:
                self._connection = open_connection(self._endpoint, "owner")
                self._connection.autocommit = True
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(question.encode(), parameters).fetchall()

    def _one(self, question: str) -> Any:
        (row,) = self._rows(question)
        return next(iter(row.values()))

    def may_pass(self, error: BaseException) -> bool:
        """A server that is not there or that is starting or stopping; not one that refuses to let us in."""
        if not isinstance(error, psycopg.OperationalError) or _REFUSED.search(str(error)):
            return False
        return error.sqlstate is None or error.sqlstate.startswith(("08", "57P0"))

    def ready(self) -> Readiness:
        """Ready when the connector's slot is being read and its publication has the outbox."""
        obstacle = self.obstacle()
        if obstacle is not None:
            return Readiness(False, obstacle.words)
        active = self._read_capture()["active"]
        return Readiness(active, f"slot {self._capture.slot} is {'' if active else 'not '}active")

    def obstacle(self) -> Obstacle | None:
        """A slot that is not there or has lost its WAL; a publication that is not there or lacks the outbox."""
        found, slot, publication = self._read_capture(), self._capture.slot, self._capture.publication
        if not found["slot_exists"]:
            words = f"there is no replication slot {slot}: what was committed since is not captured"
        elif found["wal_status"] == "lost":
            words = f"the replication slot {slot} is invalidated: PostgreSQL has removed WAL that it had not read"
        elif not found["publication_exists"]:
            words = f"there is no publication {publication}"
        elif not (found["publishes_outbox"] and found["publishes_inserts"]):
            what = "the outbox" if not found["publishes_outbox"] else "inserts"
            words = f"the publication {publication} does not publish {what}"
        else:
            return None
        return Obstacle(self.name, "gone", words)

    def _read_capture(self) -> dict[str, Any]:
        slot, publication = self._capture.slot, self._capture.publication
        (found,) = self._rows(sql.read("postgres", "capture"), {"slot": slot, "publication": publication})
        return found

    def position(self) -> tuple[Lsn]:
        """The end of the WAL."""
        return (Lsn.parse(self._one("SELECT pg_current_wal_insert_lsn()::text")),)

    def slots(self) -> list[dict[str, Any]]:
        """This database's logical slots; `confirmed_flush_lsn` is what Debezium has confirmed."""
        return self._rows(
            "SELECT slot_name, active, wal_status, confirmed_flush_lsn::text, restart_lsn::text "
            "FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database() ORDER BY 1"
        )

    def slot_reader(self) -> int | None:
        """The process that reads the connector's slot; None while nobody does."""
        rows = self._rows(
            "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %(slot)s", {"slot": self._capture.slot}
        )
        return rows[0]["active_pid"] if rows else None

    def confirmed(self) -> Lsn:
        """Up to where the connector has let go of the WAL; raises ValueError without its slot."""
        (lsn,) = (slot["confirmed_flush_lsn"] for slot in self.slots() if slot["slot_name"] == self._capture.slot)
        return Lsn.parse(lsn)

    def as_owner(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """A statement of the tables' owner, committed; raises psycopg.Error."""
        self._connection.execute(statement.encode(), parameters)

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The outbox rows of these messages and users, by id."""
        rows = self._rows(
            sql.read("postgres", "outbox_rows"),
            {"first_id": self.first_id, "ids": [message.id for message in committed], "users": list(users)},
        )
        return [sighting_of(row, row["created_at"]) for row in rows]

    def next_id(self) -> int:
        """What the next outbox row will have at the least, of transactions that begin now."""
        return int(self._one("SELECT coalesce(max(id), 0) + 1 FROM outbox"))

    def committed_since(self, first_id: int) -> tuple[Committed, ...]:
        """What the outbox has got since, whoever wrote it, but fences; where in the WAL the outbox does not tell."""
        return tuple(
            Committed.by_others(message_of(row), row["outbox_id"], row["created_at"])
            for row in self._rows(sql.read("postgres", "outbox_since"), {"first_id": first_id})
        )

    def outbox_rows(self, id_: str) -> list[dict[str, Any]]:
        """All outbox rows of an aggregate, however old, by id."""
        return self._rows(
            "SELECT id, aggregate_type, event_type, created_at FROM outbox WHERE aggregate_id = %(id)s ORDER BY id",
            {"id": id_},
        )

    def rows_as_written(self, outbox_ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """Outbox rows by id, their payloads as text, each with the `transaction_id` that wrote it."""
        rows = self._rows(sql.read("postgres", "outbox_as_written"), {"ids": list(outbox_ids)})
        return {row["id"]: row for row in rows}

    def domain_rows(self, user_id: str) -> list[str]:
        """The ids of a user's assignments and events in the application's own tables, as messages name them."""
        rows = self._rows(
            "SELECT 'assignment-' || id AS id FROM assignments WHERE user_id = %(user)s "
            "UNION ALL SELECT id FROM events WHERE user_id = %(user)s",
            {"user": user_id},
        )
        return [row["id"] for row in rows]

    def announced_together(self, user_id: str) -> list[str]:
        """Those of `domain_rows` whose outbox row was inserted by the very transaction that inserted them (xmin)."""
        return [row["id"] for row in self._rows(sql.read("postgres", "announced_together"), {"user": user_id})]

    def variants_of(self, experiment_id: int, status: str) -> dict[int, str]:
        """The experiment's variants, id to key; none if it does not have that status."""
        rows = self._rows(
            "SELECT v.id, v.key FROM variants AS v JOIN experiments AS e ON e.id = v.experiment_id "
            "WHERE e.id = %(experiment)s AND e.status = %(status)s",
            {"experiment": experiment_id, "status": status},
        )
        return {row["id"]: row["key"] for row in rows}

    def create_experiment(self, name: str, weights: Mapping[str, Decimal], status: str = "running") -> Experiment:
        """A new experiment, with a variant for each key; raises psycopg.errors.UniqueViolation for a known name."""
        rows = self._rows(
            sql.read("postgres", "experiments/create"),
            {"name": name, "status": status, "keys": list(weights), "weights": list(weights.values())},
        )
        variants = tuple(Variant(row["id"], row["key"], row["weight"]) for row in rows)
        return Experiment(rows[0]["experiment_id"], name, variants, status)

    def waits_for_lock(self, pid: int) -> bool:
        """Whether a connection, by the process that serves it, waits for another one's transaction to end."""
        (found,) = self._rows(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %(pid)s AND NOT granted) AS waits", {"pid": pid}
        )
        return bool(found["waits"])

    def is_user(self, user_id: str) -> bool:
        """Whether there is a user of this id."""
        return bool(self._rows("SELECT FROM users WHERE id = %(user)s", {"user": user_id}))

    def kept(self) -> Mapping[str, str]:
        """The server's replication slots and the database's publications."""
        return {row["thing"]: row["definition"] for row in self._rows(sql.read("postgres", "kept"))}

    def evidence(self) -> Mapping[str, Any]:
        """The WAL's positions and the slots."""
        flushed = self._one("SELECT pg_current_wal_flush_lsn()::text")
        return {"position": str(self.position()[0]), "flushed": flushed, "slots": self.slots()}

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def sighting_of(row: Mapping[str, Any], at: datetime) -> Sighting:
    """The sighting of an outbox row that was written then."""
    return Sighting(
        Postgres.name,
        row["aggregate_id"],
        row["outbox_id"],
        at=at,
        fields={
            "aggregate_type": row["aggregate_type"],
            "message type": row["event_type"],
            "payload": exact_json.loads(row["payload"]),
            "announced apart": row["announced_apart"],
        },
    )


def message_of(row: Mapping[str, Any]) -> OutboxMessage:
    """What an outbox row says."""
    payload = exact_json.loads(row["payload"])
    return OutboxMessage(row["aggregate_type"], row["aggregate_id"], row["event_type"], payload)
