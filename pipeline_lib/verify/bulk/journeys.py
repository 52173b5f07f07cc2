"""Journeys that the harness writes itself, many at a time, through the application's role, as the application would.

Each is the reference journey of a new visitor: an assignment and four events, five messages. What was committed is told
from what was sent and goes into `committed` as soon as COMMIT was answered: it is known whatever becomes of the outbox.
"""

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import psycopg

from pipeline_lib import sql
from pipeline_lib.hops.postgres import connect
from pipeline_lib.model import exact_json, instant, outbox
from pipeline_lib.model.endpoints import PostgresEndpoint
from pipeline_lib.model.journey import CHECKOUT, REFERENCE_ACTS, VARIANTS, Assignment, Event, Variant, Visitor
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.model.position import Lsn
from pipeline_lib.verify.bulk.rowbinary import int64, string

MESSAGES = 1 + len(REFERENCE_ACTS)
"""Of a journey."""
BATCH = 200
"""Journeys in a transaction at most."""
BATCHES_PER_S = 10
WRITERS = 2
_EPOCH = instant.from_microseconds(0)


def write(endpoint: PostgresEndpoint, journeys: int, rate: float, wrote: Callable[[int], None]) -> Iterator[bytes]:
    """Writes the journeys and gives what was committed as rows of `committed`; `wrote` is told how many messages.

    `rate` is in journeys a second; 0 is as fast as can be.
    """
    batch = max(1, min(BATCH, int(rate / BATCHES_PER_S))) if rate else BATCH
    batches = (min(batch, journeys - start) for start in range(0, journeys, batch))
    pace = _Pace(rate)
    rows: queue.Queue[bytes] = queue.Queue(maxsize=4 * WRITERS)
    stop = threading.Event()

    def work() -> None:
        with closing(connect(endpoint, "application")) as connection:
            name = secrets.token_hex(4)
            while not stop.is_set() and (size := pace.next(batches, stop)):
                rows.put(_write_batch(connection, name, size))
                wrote(size * MESSAGES)

    with ThreadPoolExecutor(WRITERS) as writers:
        working = [writers.submit(work) for _ in range(WRITERS)]
        try:
            yield from _until_done(rows, working)
        finally:
            stop.set()
            while not all(writer.done() for writer in working):
                _empty(rows)
    for writer in working:
        writer.result()


class _Pace:
    """Deals out batches, no sooner than the rate allows."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._due = time.monotonic()

    def next(self, batches: Iterator[int], stop: threading.Event) -> int:
        """The size of the next batch once it is due; 0 if there is none."""
        with self._lock:
            size = next(batches, 0)
            due = self._due
            self._due = due + (size / self._rate if self._rate else 0)
        stop.wait(max(0.0, due - time.monotonic()))
        return size


def _until_done(rows: "queue.Queue[bytes]", working: Sequence["Future[None]"]) -> Iterator[bytes]:
    while True:
        done = all(writer.done() for writer in working)
        try:
            yield rows.get(timeout=0 if done else 0.1)
        except queue.Empty:
            if done:
                return


def _empty(rows: "queue.Queue[bytes]") -> None:
    try:
        rows.get(timeout=0.1)
    except queue.Empty:
        return


def _write_batch(connection: psycopg.Connection, writer: str, size: int) -> bytes:
    visitors = [
        Visitor(f"e2e_test_user_{secrets.token_hex(8)}", f"e2e_session_{secrets.token_hex(8)}") for _ in range(size)
    ]
    variants = [list(VARIANTS.values())[number % len(VARIANTS)] for number in range(size)]
    connection.execute("INSERT INTO users (id) SELECT unnest(%b::text [])", [[one.user_id for one in visitors]])
    assigned = _assign(connection, visitors, variants)
    first = instant.now() - timedelta(milliseconds=len(REFERENCE_ACTS))
    events = [
        Event(
            CHECKOUT,
            visitor.user_id,
            visitor.session_id,
            act.event_type,
            act.properties,
            first + timedelta(milliseconds=number),
            f"e2e_event_{secrets.token_hex(8)}",
        )
        for visitor in visitors
        for number, act in enumerate(REFERENCE_ACTS)
    ]
    messages = [*map(outbox.of_assignment, assigned), *map(outbox.of_event, events)]
    connection.execute(
        sql.read("postgres", "verify/write_events").encode(),
        {
            "experiment": CHECKOUT,
            "ids": [event.id for event in events],
            "users": [event.user_id for event in events],
            "sessions": [event.session_id for event in events],
            "types": [event.event_type for event in events],
            "properties": [str(message.payload["properties"]) for message in messages[size:]],
            "times": [event.occurred_at for event in events],
        },
    )
    payloads = [exact_json.as_jsonb(message.payload) for message in messages]
    places = _publish(connection, messages, payloads)
    sent = _us(connection.commit)
    return b"".join(
        _row(message, payload, place, sent, writer)
        for message, payload, place in zip(messages, payloads, places, strict=True)
    )


def _assign(
    connection: psycopg.Connection, visitors: Sequence[Visitor], variants: Sequence[Variant]
) -> list[Assignment]:
    rows = connection.execute(
        sql.read("postgres", "verify/write_assignments").encode(),
        {
            "experiment": CHECKOUT,
            "users": [visitor.user_id for visitor in visitors],
            "variants": [variant.id for variant in variants],
        },
    ).fetchall()
    made = {user: (id_, at) for user, id_, at in rows}
    return [
        Assignment(made[visitor.user_id][0], CHECKOUT, visitor.user_id, variant, made[visitor.user_id][1])
        for visitor, variant in zip(visitors, variants, strict=True)
    ]


def _publish(
    connection: psycopg.Connection, messages: Sequence[OutboxMessage], payloads: Sequence[str]
) -> list[tuple[int, Lsn]]:
    rows = connection.execute(
        sql.read("postgres", "verify/write_outbox").encode(),
        {
            "ids": [message.aggregate_id for message in messages],
            "aggregate_types": [message.aggregate_type for message in messages],
            "types": [message.event_type for message in messages],
            "payloads": list(payloads),
        },
    ).fetchall()
    return [(id_, Lsn.parse(lsn)) for id_, lsn in rows]


def _us(commit: Callable[[], None]) -> tuple[int, int]:
    """When COMMIT was sent and when it was answered, in microseconds after 1970."""
    sent = instant.now()
    commit()
    answered = instant.now()
    return (sent - _EPOCH) // timedelta(microseconds=1), (answered - _EPOCH) // timedelta(microseconds=1)


def _row(
    message: OutboxMessage, payload: str, place: tuple[int, Lsn], committed: tuple[int, int], writer: str
) -> bytes:
    outbox_id, lsn = place
    texts = (message.aggregate_id, message.aggregate_type, message.event_type, payload)
    numbers = (lsn, *committed)
    return b"".join(
        [int64(outbox_id), *(string(text.encode()) for text in texts), *map(int64, numbers), string(writer.encode())]
    )
