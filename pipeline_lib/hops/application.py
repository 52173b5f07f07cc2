"""The application's side of PostgreSQL: each domain row and its outbox row in one transaction, as the application role.

    with application.transaction() as change:
        change.record(event)
    change.committed  # what must arrive now

A transaction that is left by an exception, or told to roll back, commits nothing, and its messages must never appear.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from pipeline_lib import sql
from pipeline_lib.hops.postgres import connect, open_connection
from pipeline_lib.model import exact_json, instant, outbox
from pipeline_lib.model.assignment import choose
from pipeline_lib.model.endpoints import PostgresEndpoint
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.journey import CHECKOUT, Assignment, Event, Variant, Visitor
from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.model.position import Lsn


class NotRunning(UserError):  # noqa: N818  (it says what the experiment is)
    """An experiment that takes no users now."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(
            f"The experiment {experiment_id} is not running, so nobody is assigned to it. Set its status to 'running', "
            "or leave the user out of it."
        )


class Transaction:
    """An open transaction; `written` are its messages, `committed` the same after the commit, in their order."""

    def __init__(self, connection: psycopg.Connection, writer: str) -> None:
        self._connection = connection
        self._writer = writer
        self._rows: list[tuple[OutboxMessage, int, Lsn]] = []
        self.committed: tuple[Committed, ...] = ()
        self.rolls_back = False

    @property
    def written(self) -> tuple[OutboxMessage, ...]:
        """The messages written so far, committed or not."""
        return tuple(message for message, _, _ in self._rows)

    def add_user(self, user_id: str) -> None:
        """A new user; raises psycopg.errors.UniqueViolation if there is one of this id."""
        self._connection.execute("INSERT INTO users (id) VALUES (%s)", [user_id])

    def assign(self, visitor: Visitor, variant: Variant, experiment_id: int = CHECKOUT) -> Assignment:
        """The visitor's variant; raises psycopg.errors.UniqueViolation if the visitor has one in the experiment, and
        NotRunning."""
        row = self._connection.execute(
            sql.read("postgres", "experiments/assign").encode(),
            {"experiment": experiment_id, "user": visitor.user_id, "variant": variant.id},
        ).fetchone()
        if row is None:
            raise NotRunning(experiment_id)
        assignment = Assignment(row[0], experiment_id, visitor.user_id, variant, row[1])
        self.publish(outbox.of_assignment(assignment))
        return assignment

    def assign_by_weight(self, visitor: Visitor, experiment_id: int = CHECKOUT) -> Assignment:
        """The same, of the variant that the visitor is given by the weights of the experiment's variants."""
        rows = self._connection.execute(
            "SELECT id, key, weight FROM variants WHERE experiment_id = %s ORDER BY id", [experiment_id]
        ).fetchall()
        variant = choose([Variant(*row) for row in rows], experiment_id, visitor.user_id)
        return self.assign(visitor, variant, experiment_id)

    def record(self, event: Event) -> None:
        """An event, with its outbox row."""
        self._connection.execute(
            "INSERT INTO events (id, experiment_id, user_id, session_id, event_type, properties, occurred_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                event.id,
                event.experiment_id,
                event.user_id,
                event.session_id,
                event.event_type,
                exact_json.dumps(event.properties),
                event.occurred_at,
            ],
        )
        self.publish(outbox.of_event(event))

    def publish(self, message: OutboxMessage) -> None:
        """An outbox row on its own."""
        row = self._connection.execute(
            "INSERT INTO outbox (aggregate_id, aggregate_type, event_type, payload) VALUES (%s, %s, %s, %s) "
            "RETURNING id, pg_current_wal_insert_lsn()::text",
            [message.aggregate_id, message.aggregate_type, message.event_type, exact_json.dumps(message.payload)],
        ).fetchone()
        assert row is not None
        self._rows.append((message, row[0], Lsn.parse(row[1])))

    def roll_back(self) -> None:
        """Makes the transaction end with ROLLBACK."""
        self.rolls_back = True

    def commit(self) -> None:
        """Commits; `Application.transaction` calls it."""
        sent = instant.now()
        self._connection.commit()
        answered = instant.now()
        self.committed = tuple(
            Committed(message, outbox_id, lsn, sent, answered, self._writer) for message, outbox_id, lsn in self._rows
        )


class Application:
    """An application with one connection: one transaction at a time.

    After PostgreSQL has ended the connection, the next transaction makes a new one.
    """

    def __init__(self, endpoint: PostgresEndpoint) -> None:
        self._endpoint = endpoint
        self._connection = connect(endpoint, "application")
        self._name = secrets.token_hex(4)

    @property
    def pid(self) -> int:
        """The process of PostgreSQL that serves the connection."""
        return self._connection.info.backend_pid

    @contextmanager
    def another(self) -> Iterator["Application"]:
        """The same application with a connection of its own, closed at the end."""
        with closing(Application(self._endpoint)) as other:
            yield other

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end, or rolls back if that was asked for or an exception ends it.

        Raises psycopg.OperationalError if PostgreSQL is not there just now.
        """
        if self._connection.closed:
            self._connection = open_connection(self._endpoint, "application")
            self._name = secrets.token_hex(4)
        transaction = Transaction(self._connection, self._name)
        try:
            yield transaction
            if transaction.rolls_back:
                self._connection.rollback()
            else:
                transaction.commit()
        except BaseException:
            if not self._connection.closed:
                self._connection.rollback()
            raise

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()
