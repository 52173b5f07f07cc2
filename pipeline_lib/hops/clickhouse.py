"""ClickHouse: the typed rows, the dead letters, and the offsets up to which the Kafka engine table has consumed.

Rows are read with FINAL, as analysts see them. The position is what the engine table's consumer group has committed:
it commits after the block is in all tables, so every message before it is either a row or a dead letter by now. The
marker of a fence could be seen sooner, since the tables that a block goes to are written one after the other.

Of several replicas one is asked. What another has consumed it knows of by then, and fetches it before it is read.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from pipeline_lib.hops.protocol import Readiness
from pipeline_lib.hops.servers import answering_replica
from pipeline_lib.model import exact_json
from pipeline_lib.model.endpoints import ClickHouseEndpoint, reveal
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting

GroupOffsets = Callable[[str], tuple[TopicPosition, ...]]
CONNECT_TIMEOUT_S = 5
SYNC_TIMEOUT_S = 30
_GROUP = re.compile(r"kafka_group_name = '((?:[^'\\]|\\.)*)'")

_ROW_FIELDS = (
    "aggregate_type",
    "outbox_event_type",
    "payload",
    "occurred_at",
    "experiment_id",
    "user_id",
    "session_id",
    "variant_id",
    "variant_key",
    "event_type",
    "properties",
    "page",
    "duration_seconds",
    "value",
    "currency",
    "score",
    "is_exposure",
    "is_click",
    "is_conversion",
)


class Client:
    """ClickHouse over HTTP as one of the endpoint's users; several threads may use it at once."""

    def __init__(self, endpoint: ClickHouseEndpoint, user: str) -> None:
        who = endpoint.users[user]
        try:
            self._client = clickhouse_connect.get_client(
                host=endpoint.host,
                port=endpoint.port,
                interface="https" if endpoint.url.startswith("https:") else "http",
                ca_cert=endpoint.ca_file,
                username=who.user,
                password=reveal(who.password),
                database=endpoint.database,
                # A session would make its queries wait for each other.
                autogenerate_session_id=False,
                connect_timeout=CONNECT_TIMEOUT_S,
            )
        except ClickHouseError as error:
            raise UserError(
                f"ClickHouse at {endpoint.host}:{endpoint.port} does not let the {user} in: "
                f"{str(error).splitlines()[0]}. See `throughline status`; `throughline up` mends a stack."
            ) from None

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query with `{name:Type}` for each parameter; raises ClickHouseError. Times are aware."""
        result = self._client.query(query, parameters=parameters)
        return [
            {name: _aware(value) for name, value in zip(result.column_names, row, strict=True)}
            for row in result.result_rows
        ]

    def command(self, statement: str, **settings: Any) -> None:
        """A statement that returns no rows; raises ClickHouseError."""
        self._client.command(statement, settings=settings)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _aware(value: Any) -> Any:
    """The driver gives times of a UTC column without their zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


class ClickHouse:
    """The last hop; `group_offsets` tells what a consumer group has committed."""

    name = "clickhouse"

    def __init__(self, endpoint: ClickHouseEndpoint, group_offsets: GroupOffsets) -> None:
        self.endpoint = answering_replica(endpoint)
        self._client = Client(self.endpoint, "admin")
        self._group_offsets = group_offsets
        # Rows from before we were opened are not looked at: a source made anew gives its ids a second time.
        self._opened_at = self._client.rows("SELECT toString(now64(6, 'UTC')) AS now")[0]["now"]

    @cached_property
    def group(self) -> str:
        """The consumer group of the Kafka engine table; raises UserError if there is no such table."""
        tables = self._client.rows(
            "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND engine = 'Kafka'"
        )
        match = _GROUP.search(tables[0]["engine_full"]) if tables else None
        if match is None:
            raise UserError(
                "ClickHouse has no Kafka engine table, so nothing can arrive there. `throughline up` makes it."
            )
        return re.sub(r"\\(.)", r"\1", match[1])

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
        return self._group_offsets(self.group)

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The rows and dead letters of these messages and users, by their way through Kafka."""
        self._catch_up()
        ids = [message.id for message in committed]
        rows = self._client.rows(
            f"SELECT outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at, "  # noqa: S608
            f"{', '.join(_ROW_FIELDS)} FROM events FINAL "
            "WHERE (aggregate_id IN {ids:Array(String)} OR user_id IN {users:Array(String)}) "
            "AND ingested_at >= toDateTime64({opened_at:String}, 6, 'UTC') ORDER BY kafka_partition, kafka_offset",
            ids=ids,
            users=list(users),
            opened_at=self._opened_at,
        )
        letters = self._client.rows(
            "SELECT outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at, reason "
            "FROM dead_letters FINAL WHERE aggregate_id IN {ids:Array(String)} "
            "AND ingested_at >= toDateTime64({opened_at:String}, 6, 'UTC') ORDER BY kafka_partition, kafka_offset",
            ids=ids,
            opened_at=self._opened_at,
        )
        return [*map(self._sighting, rows), *map(self._sighting, letters)]

    def _catch_up(self) -> None:
        """Returns when this replica has what the others have taken in so far."""
        if not self.endpoint.is_replicated:
            return
        try:
            for table in ("events", "dead_letters"):
                self._client.command(f"SYSTEM SYNC REPLICA {table} LIGHTWEIGHT", receive_timeout=SYNC_TIMEOUT_S)
        except ClickHouseError as error:
            raise UserError(
                f"The ClickHouse replica at {self.endpoint.url} has not fetched what the others have taken in: "
                f"{str(error).splitlines()[0]}. A replica that is stopped may have rows that no other has: see "
                "`throughline status`; `throughline up` starts it."
            ) from None

    def _sighting(self, row: Mapping[str, Any]) -> Sighting:
        fields = {name: row[name] for name in _ROW_FIELDS if name in row}
        if fields:
            fields["payload"] = exact_json.loads(fields["payload"])
        return Sighting(
            self.name,
            row["aggregate_id"],
            row["outbox_id"],
            TopicPosition(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]),
            row["ingested_at"],
            fields,
            refused=row.get("reason"),
        )

    def evidence(self) -> Mapping[str, Any]:
        """The consumers as the engine sees them, and the last dead letters."""
        return {
            "group": self.group,
            "position": [str(at) for at in self.position()],
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
