"""`system.query_log`: what ran, when, for whom and how it ended, with the client's own query ids.

chDB keeps none, so this is a table in memory of the columns that clients look at, filled from a queue. It is written
when somebody is about to read it, and else once there is enough to write, so that a query does not wait for it. It
holds the last queries only.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from stacks.embedded.clickhouse_server.engine import Engine
from stacks.embedded.clickhouse_server.execution import Outcome, Work

_CREATE = """
CREATE TABLE IF NOT EXISTS system.query_log
(
    type Enum8('QueryStart' = 1, 'QueryFinish' = 2, 'ExceptionBeforeStart' = 3, 'ExceptionWhileProcessing' = 4),
    event_date Date,
    event_time DateTime,
    event_time_microseconds DateTime64(6),
    query_start_time DateTime,
    query_start_time_microseconds DateTime64(6),
    query_duration_ms UInt64,
    read_rows UInt64,
    read_bytes UInt64,
    written_rows UInt64,
    written_bytes UInt64,
    result_rows UInt64,
    result_bytes UInt64,
    current_database String,
    query String,
    query_kind LowCardinality(String),
    exception_code Int32,
    exception String,
    is_initial_query UInt8,
    user String,
    query_id String,
    initial_user String,
    initial_query_id String,
    interface UInt8,
    http_method UInt8,
    http_user_agent String,
    log_comment String,
    Settings Map(String, String)
)
ENGINE = Memory
SETTINGS min_rows_to_keep = 5000, max_rows_to_keep = 10000
"""
_BATCH = 100
_LONGEST_QUERY = 10_000


@dataclass(frozen=True)
class Entry:
    """One query that has ended."""

    work: Work
    outcome: Outcome
    user_agent: str
    ended: datetime


class QueryLog:
    """The table and what is still to be written to it."""

    def __init__(self, engine: Engine) -> None:
        """Makes the table, empty: the engine keeps nothing of it over a restart."""
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: list[Entry] = []
        engine.run(_CREATE)

    def add(self, work: Work, outcome: Outcome, user_agent: str) -> None:
        """Takes note of a query."""
        with self._lock:
            self._waiting.append(Entry(work, outcome, user_agent, datetime.now(UTC)))

    def write_if_due(self) -> None:
        """Writes what waits if that is a good deal."""
        if len(self._waiting) >= _BATCH:
            self.write()

    def write(self) -> None:
        """Writes what waits."""
        with self._lock:
            entries, self._waiting = self._waiting, []
        if not entries:
            return
        lines = "\n".join(json.dumps(_row(entry)) for entry in entries).encode()
        memory = os.memfd_create("query_log")
        try:
            os.write(memory, lines)
            self._engine.run(
                f"INSERT INTO system.query_log FROM INFILE '/dev/fd/{memory}' COMPRESSION 'none' "
                "SETTINGS date_time_input_format = 'best_effort' FORMAT JSONEachRow"
            )
        finally:
            os.close(memory)


def _row(entry: Entry) -> Mapping[str, object]:
    request, outcome, counts = entry.work.request, entry.outcome, entry.outcome.counts
    microseconds = int(entry.ended.timestamp() * 1e6)
    begin = microseconds - int(outcome.elapsed * 1e6)
    return {
        "type": "QueryFinish" if outcome.error is None else "ExceptionWhileProcessing",
        "event_date": entry.ended.date().isoformat(),
        "event_time": microseconds // 1_000_000,
        "event_time_microseconds": _seconds(microseconds),
        "query_start_time": begin // 1_000_000,
        "query_start_time_microseconds": _seconds(begin),
        "query_duration_ms": int(outcome.elapsed * 1000),
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": outcome.written_rows,
        "written_bytes": outcome.written_bytes,
        "result_rows": counts.result_rows,
        "result_bytes": counts.result_bytes,
        "current_database": request.database or "",
        "query": entry.work.statement.text[:_LONGEST_QUERY].decode(errors="replace"),
        "query_kind": entry.work.statement.verb.capitalize(),
        "exception_code": 0 if outcome.error is None else outcome.error.code,
        "exception": "" if outcome.error is None else str(outcome.error),
        "is_initial_query": 1,
        "user": request.user,
        "query_id": request.query_id,
        "initial_user": request.user,
        "initial_query_id": request.query_id,
        "interface": 2,
        "http_method": 1 if request.by_get else 2,
        "http_user_agent": entry.user_agent,
        "log_comment": request.settings.get("log_comment", ""),
        "Settings": dict(request.settings),
    }


def _seconds(microseconds: int) -> str:
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
