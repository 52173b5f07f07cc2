"""ClickHouse: the typed rows, the dead letters, and the offsets up to which the Kafka engine table has consumed.

Rows are seen as analysts see them, with FINAL; copies that it collapses are sighted as such. The position is what the
engine table's consumer group has committed: it commits after the block is in all tables, so every message before it is
either a row or a dead letter by now. The marker of a fence could be seen sooner, since the tables that a block goes to
are written one after the other.

Of several replicas one is asked. What another has consumed it knows of by then, and fetches it before it is read.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from pipeline_lib import sql
from pipeline_lib.hops.kafka import Kafka
from pipeline_lib.hops.protocol import Obstacle, Readiness
from pipeline_lib.hops.servers import answering_replica
from pipeline_lib.hops.typed_rows import sighting_of, sightings_of
from pipeline_lib.model.endpoints import ClickHouseEndpoint, reveal
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting

CONNECT_TIMEOUT_S = 5
LONG_ANSWER_TIMEOUT_S = 300
"""For questions over many rows."""
ANSWER_TIMEOUT_S = 10
"""For what the hop asks."""
SYNC_TIMEOUT_S = 30
"""What a replica is given to fetch what the others have."""
_QUEUE = re.compile(r"(kafka_[a-z_]+) = '((?:[^'\\]|\\.)*)'")
_QUEUE_SETTINGS = {"bootstrap": "kafka_broker_list", "topic": "kafka_topic_list", "group": "kafka_group_name"}

_VIEW_FAILED = "while pushing to view"


class Client:
    """ClickHouse over HTTP as one of the endpoint's users; several threads may use it at once."""

    def __init__(
        self,
        endpoint: ClickHouseEndpoint,
        user: str,
        database: str | None = None,
        answers_within_s: int = LONG_ANSWER_TIMEOUT_S,
    ) -> None:
        who = endpoint.users[user]
        try:
            self._client = clickhouse_connect.get_client(
                host=endpoint.host,
                port=endpoint.port,
                interface="https" if endpoint.url.startswith("https:") else "http",
                ca_cert=endpoint.ca_file,
                username=who.user,
                password=reveal(who.password),
                database=database or endpoint.database,
                # A session would make its queries wait for each other.
                autogenerate_session_id=False,
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=answers_within_s,
            )
        except ClickHouseError as error:
            raise UserError(
                f"ClickHouse at {endpoint.host}:{endpoint.port} does not let the {user} in: "
                f"{str(error).splitlines()[0]}. See `throughline status`; `throughline up` mends a stack."
            ) from None

    @property
    def driver(self) -> clickhouse_connect.driver.client.Client:
        """For a library that brings its queries with it."""
        return self._client

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query with `{name:Type}` for each parameter; raises ClickHouseError. Times are aware."""
        result = self._client.query(query, parameters=parameters)
        return [
            {name: _aware(value) for name, value in zip(result.column_names, row, strict=True)}
            for row in result.result_rows
        ]

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """A statement that answers nothing; raises ClickHouseError."""
        self._client.command(statement, parameters=dict(parameters or {}), settings=settings)

    def insert(self, table: str, columns: Sequence[str], format_: str, data: bytes) -> None:
        """Inserts rows in one of ClickHouse's formats; raises ClickHouseError."""
        self._client.raw_insert(table, columns, data, fmt=format_)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _aware(value: Any) -> Any:
    """The driver gives times of a UTC column without their zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be read, as it was, and why."""

    reason: str
    raw: bytes


class ClickHouse:
    """The last hop; `kafka` tells what its consumer group has committed."""

    name = "clickhouse"

    def __init__(self, endpoint: ClickHouseEndpoint, kafka: Kafka) -> None:
        self.endpoint = answering_replica(endpoint)
        syncing_s = SYNC_TIMEOUT_S if self.endpoint.is_replicated else 0
        self._client = Client(self.endpoint, "admin", answers_within_s=ANSWER_TIMEOUT_S + syncing_s)
        self._kafka = kafka
        self._failures_before: list[tuple[str, str]] = []
        # Rows from before we were opened are not looked at: a source made anew gives its ids a second time.
        self._opened_at = self._client.rows("SELECT toString(now64(6, 'UTC')) AS now")[0]["now"]

    @cached_property
    def group(self) -> str:
        """The consumer group of the Kafka engine table; raises UserError if there is no such table."""
        return self.queue_settings()["group"]

    def queue_settings(self) -> Mapping[str, str]:
        """How the Kafka engine table reaches its topic: `bootstrap`, `topic`, `group`; raises UserError without one."""
        tables = self._client.rows(
            "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND engine = 'Kafka'"
        )
        found = dict(_QUEUE.findall(tables[0]["engine_full"])) if tables else {}
        try:
            return {name: re.sub(r"\\(.)", r"\1", found[setting]) for name, setting in _QUEUE_SETTINGS.items()}
        except KeyError:
            raise UserError(
                "ClickHouse has no Kafka engine table, so nothing can arrive there. `throughline up` makes it."
            ) from None

    def may_pass(self, error: BaseException) -> bool:
        """A server that is not there just now, or the broker that keeps its offsets; not a query that it refused."""
        return isinstance(error, OperationalError) or self._kafka.may_pass(error)

    def obstacle(self) -> Obstacle | None:
        """A Kafka engine table that is not there or that nothing reads; a view that has failed and fails again."""
        (tables,) = self._client.rows(sql.read("clickhouse", "questions/consumption"))
        if not tables["queues"]:
            return Obstacle(self.name, "gone", "there is no Kafka engine table")
        if not tables["read"]:
            return Obstacle(self.name, "gone", "no materialized view reads the Kafka engine table")
        failures = [(at, text) for at, text in tables["exceptions"] if _VIEW_FAILED in text]
        before, self._failures_before = self._failures_before, failures
        if before and failures and before != failures:
            return Obstacle(self.name, "failed", f"a materialized view fails:\n{_told(failures[-1][1])}")
        return None

    def has_refused(self, ids: Sequence[str]) -> bool:
        """Whether one of these messages is among the dead letters."""
        return bool(self._dead_letters_of(ids))

    def ready(self) -> Readiness:
        """Ready when the Kafka engine table has partitions assigned."""
        consumers = self._client.rows(
            "SELECT length(assignments.topic) AS partitions, exceptions.text AS exceptions "
            "FROM system.kafka_consumers WHERE database = currentDatabase()"
        )
        partitions = sum(consumer["partitions"] for consumer in consumers)
        troubles = [text for consumer in consumers for text in consumer["exceptions"][-1:]]
        return Readiness(
            partitions > 0, "; ".join([f"{len(consumers)} consumers of {partitions} partitions", *troubles])
        )

    def position(self) -> tuple[TopicPosition, ...]:
        """The offsets up to which messages are in the tables."""
        return self._kafka.committed_by(self.group)

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The rows and dead letters of these messages and users, by their way through Kafka."""
        self._catch_up()
        ids = [message.id for message in committed]
        rows = self._rows_about(ids, users, final=False)
        seen = sightings_of(rows, lambda: self._rows_about(ids, users, final=True))
        letters = self._dead_letters_of(ids) if not rows or rows[0]["refused"] else []
        return [*seen, *map(sighting_of, letters)]

    def _rows_about(self, ids: Sequence[str], users: Collection[str], *, final: bool) -> list[dict[str, Any]]:
        question = sql.render(sql.read("clickhouse", "questions/rows_about"), "clickhouse", {"final": str(int(final))})
        return self._client.rows(question, ids=ids, users=list(users), opened_at=self._opened_at)

    def _dead_letters_of(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        question = sql.read("clickhouse", "questions/dead_letters_of")
        return self._client.rows(question, ids=ids, opened_at=self._opened_at)

    def _catch_up(self) -> None:
        """Returns when this replica has what the others have taken in so far."""
        if not self.endpoint.is_replicated:
            return
        try:
            for table in ("events", "dead_letters"):
                self._client.run(f"SYSTEM SYNC REPLICA {table} LIGHTWEIGHT", receive_timeout=SYNC_TIMEOUT_S)
        except OperationalError:
            raise  # it is not there just now
        except ClickHouseError as error:
            raise UserError(
                f"The ClickHouse replica at {self.endpoint.url} has not fetched what the others have taken in: "
                f"{str(error).splitlines()[0]}. A replica that is stopped may have rows that no other has: see "
                "`throughline status`; `throughline up` starts it."
            ) from None

    def rows_of(self, id_: str, places: Sequence[TopicPosition]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Where the rows of an aggregate are stored, and its dead letters, however old: by its id, and those letters
        that do not tell of whom they are by their places in the topic."""
        stored = self._client.rows(
            "SELECT outbox_id, kafka_topic, kafka_partition, kafka_offset, ingested_at, _part AS part FROM events "
            "WHERE aggregate_id = {id:String} ORDER BY ingested_at",
            id=id_,
        )
        letters = self._client.rows(
            "SELECT kafka_topic, kafka_partition, kafka_offset, ingested_at, reason FROM dead_letters FINAL "
            "WHERE aggregate_id = {id:String} OR (kafka_topic, kafka_partition, kafka_offset) IN "
            "(SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(UInt32)}, {offsets:Array(UInt64)}))) "
            "ORDER BY ingested_at",
            id=id_,
            topics=[at.topic for at in places],
            partitions=[at.partition for at in places],
            offsets=[at.offset for at in places],
        )
        return stored, letters

    def dead_letter_at(self, place: TopicPosition) -> DeadLetter | None:
        """The dead letter of a message of the topic; None if there is none."""
        where = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
        found = self._client.rows(sql.read("clickhouse", "questions/dead_letter"), **where)
        return DeadLetter(found[0]["reason"], bytes.fromhex(found[0]["raw"])) if found else None

    def columns_of(self, table: str) -> dict[str, tuple[str, str]]:
        """Type and default of each column as the engine has them, the default empty where there is none."""
        rows = self._client.rows(
            "SELECT name, type, trimRight(concat(default_kind, ' ', default_expression)) AS default "
            "FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
            table=table,
        )
        return {row["name"]: (row["type"], row["default"]) for row in rows}

    def layout_of(self, table: str) -> Mapping[str, str]:
        """`engine`, `partition_key` and `sorting_key` as the engine has them."""
        (row,) = self._client.rows(
            "SELECT engine, partition_key, sorting_key FROM system.tables "
            "WHERE database = currentDatabase() AND name = {table:String}",
            table=table,
        )
        return row

    def kept(self) -> Mapping[str, str]:
        """The tables and views of all databases but the system's own, with what would make them again."""
        tables = self._client.rows(
            "SELECT concat('table ', database, '.', name) AS thing, create_table_query AS definition "
            "FROM system.tables WHERE lower(database) NOT IN ('system', 'information_schema') AND NOT is_temporary"
        )
        return {table["thing"]: table["definition"] for table in tables}

    def evidence(self) -> Mapping[str, Any]:
        """The consumers as the engine sees them, and the last dead letters."""
        return {
            "group": self.group,
            "position": [str(at) for at in self.position()],
            "last row": self._client.rows(
                "SELECT lsn, kafka_topic, kafka_partition, kafka_offset, ingested_at FROM events "
                "ORDER BY ingested_at DESC LIMIT 1"
            ),
            "consumers": self._client.rows(
                "SELECT table, assignments.partition_id, assignments.current_offset, exceptions.text, last_poll_time, "
                "last_commit_time, num_messages_read, num_commits FROM system.kafka_consumers "
                "WHERE database = currentDatabase()"
            ),
            "last dead letters": self._client.rows(
                "SELECT kafka_topic, kafka_partition, kafka_offset, reason, raw, ingested_at FROM dead_letters "
                "ORDER BY ingested_at DESC LIMIT 20"
            ),
        }

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _told(exception: str) -> str:
    """What ClickHouse says, without its stack trace."""
    return exception.partition(", Stack trace")[0].strip()
