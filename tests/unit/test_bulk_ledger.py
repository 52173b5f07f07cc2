"""Judging all messages and judging the suspects that SQL finds give the same verdict on the same data.

The tables of a verification and the pipeline's own stand in ClickHouse's engine, in process; messages go through the
pipeline's real views. PostgreSQL's part of the facts is made here as `sql/postgres/verify/outbox.sql` gives it, and
`tests/verify` sees the real one.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from chdb import session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline_lib import sql
from pipeline_lib.model import exact_json
from pipeline_lib.model.journey import Visitor
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.verify.bulk import scratch
from pipeline_lib.verify.bulk.suspects import Findings, judge, select
from pipeline_lib.verify.expected import fields_at
from pipeline_lib.verify.ledger import HOPS
from tests.unit.store import AT, Store, event_with, journey

OUT = dict.fromkeys(HOPS, True)
AT_US = int(AT.timestamp()) * 1_000_000 + AT.microsecond
_NUMBERS = ("duration_seconds", "value", "score")
_TIMES = ("occurred_at", "ingested_at")


class Tables:
    """A verification's tables beside a store's."""

    def __init__(self, engine: session.Session, store: Store, pipeline: str) -> None:
        self._engine, self._store, self._pipeline = engine, store, pipeline
        self._database = f"{pipeline}_verify"
        engine.query(f"CREATE DATABASE {self._database}")
        self._here(lambda: [engine.query(sql.read("clickhouse", f"verify/{table}")) for table in scratch.TABLES])

    def _here(self, do: Callable[[], Any]) -> Any:
        self._engine.query(f"USE {self._database}")
        try:
            return do()
        finally:
            self._engine.query(f"USE {self._pipeline}")

    def _ask(self, name: str, parameters: dict[str, object], *, final: bool = False) -> bytes:
        text = scratch.statement(name, self._pipeline, final=final)
        values = {key: int(value) if isinstance(value, bool) else value for key, value in parameters.items()}
        return self._here(lambda: bytes(self._engine.query(text, "JSONEachRow", params=values).bytes() or b""))

    def run(self, name: str, **parameters: object) -> None:
        self._ask(name, parameters)

    def rows(self, name: str, *, final: bool = False, **parameters: object) -> list[dict[str, Any]]:
        return [
            _typed(json.loads(line, parse_float=Decimal))
            for line in self._ask(name, parameters, final=final).splitlines()
        ]

    def clear(self) -> None:
        self._here(lambda: [self._engine.query(f"TRUNCATE TABLE {table}") for table in scratch.TABLES])

    def fill(self, table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            lines = "\n".join(json.dumps(row) for row in rows)
            columns = ", ".join(rows[0])
            text = f"INSERT INTO {table} ({columns}) FORMAT JSONEachRow {lines}"
            self._here(lambda: self._engine.query(text))


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    for name in _NUMBERS:
        if "user_id" in row and row.get(name) is not None:
            row[name] = Decimal(row[name])
    for name in _TIMES:
        if name in row:
            row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=UTC)
    return row


@dataclass
class World:
    """What is in each system; it begins healthy, and a defect changes it."""

    committed: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    topic: list[dict[str, Any]] = field(default_factory=list)
    delivered: list[dict[str, Any]] = field(default_factory=list)
    typed: list[tuple[int, str]] = field(default_factory=list)
    """Rows of ClickHouse that have another value: the outbox id, and what is put in place of it."""

    @classmethod
    def healthy(cls, messages: list[OutboxMessage]) -> "World":
        world = cls()
        for number, message in enumerate(messages):
            world.add(message, 10 + number)
        return world

    def add(self, message: OutboxMessage, outbox_id: int) -> None:
        row = {
            "outbox_id": outbox_id,
            "aggregate_id": message.aggregate_id,
            "aggregate_type": message.aggregate_type,
            "event_type": message.event_type,
            "payload": exact_json.as_jsonb(message.payload),
        }
        times = {"committed_us": AT_US + 60_000_000, "acknowledged_us": AT_US + 60_001_000}
        self.committed.append({**row, "lsn": 1000 * outbox_id, **times, "writer": "w"})
        self.outbox.append({**row, "created_us": AT_US + 60_000_000, "announced_apart": False, **_texts(message)})
        self.publish(row)

    def publish(self, row: dict[str, Any], **changes: Any) -> None:
        """To the topic, and from there to ClickHouse."""
        message = {
            "partition": 0,
            "offset": len(self.topic),
            "produced_ms": AT_US // 1000 + 60_020,
            "key": json.dumps({"aggregate_id": row["aggregate_id"]}, separators=(",", ":")),
            "value": _envelope(row),
        }
        self.topic.append({**message, **changes})
        self.delivered.append(self.topic[-1])

    def there(self, number: int) -> int:
        """Where the topic has the message; the last place if it does not."""
        start = f'{{"before":null,"after":{{"id":{10 + number},'
        found = [at for at, message in enumerate(self.topic) if (message["value"] or "").startswith(start)]
        return found[0] if found else -1


def _envelope(row: dict[str, Any], **changes: Any) -> str:
    after = {
        "id": row["outbox_id"],
        "aggregate_id": row["aggregate_id"],
        "aggregate_type": row["aggregate_type"],
        "event_type": row["event_type"],
        "payload": row["payload"],
        "created_at": "2026-11-22T15:05:11.123456Z",
    }
    envelope = {
        "before": None,
        "after": after,
        "source": {"lsn": 1000 * row["outbox_id"], "txId": 760, "ts_us": AT_US + 60_005_000, "schema": "public"},
        "op": "c",
        "ts_us": AT_US + 60_015_000,
        "ts_ns": 0,
    }
    return json.dumps({**envelope, **changes}, separators=(",", ":"), ensure_ascii=False)


def _texts(message: OutboxMessage) -> dict[str, Any]:
    """What PostgreSQL takes out of the payload: strings with their quotes."""
    payload = message.payload
    properties = payload.get("properties")
    details = exact_json.loads(properties) if properties else {}

    def text(of: Any, name: str) -> str | None:
        return None if of.get(name) is None else exact_json.as_jsonb(of[name])

    told = "assigned_at" if message.aggregate_type == "assignment" else "occurred_at"
    return {
        "told_at": text(payload, told),
        "experiment_id": text(payload, "experiment_id"),
        "user": text(payload, "user_id"),
        "session": text(payload, "session_id"),
        "variant_id": text(payload, "variant_id"),
        "variant": text(payload, "variant_key"),
        "body_type": text(payload, "event_type"),
        "properties": properties,
        **{name: text(details, name) for name in ("page", "duration_seconds", "value", "currency", "score")},
    }


def _settle(world: World, tables: Tables, store: Store) -> None:
    """Puts the world into the tables."""
    tables.clear()
    store.clear()
    _deliver(store, world.delivered)
    for outbox_id, change in world.typed:
        store.run("CREATE TABLE aside AS events")
        store.run(f"INSERT INTO aside SELECT * REPLACE ({change}) FROM events WHERE outbox_id = {outbox_id}")
        store.run(f"INSERT INTO aside SELECT * FROM events WHERE outbox_id != {outbox_id}")
        store.run("TRUNCATE TABLE events")
        store.run("INSERT INTO events SELECT * FROM aside")
        store.run("DROP TABLE aside")
    tables.fill("committed", world.committed)
    tables.fill("outbox", world.outbox)
    tables.fill("topic", world.topic)


def _deliver(store: Store, messages: list[dict[str, Any]]) -> None:
    """In as few blocks as keep copies apart: a block collapses its own."""
    blocks: list[dict[str, dict[str, Any]]] = []
    for message in messages:
        about = (message["value"] or "")[:32]
        block = next((one for one in blocks if about not in one), None)
        if block is None:
            blocks.append(block := {})
        block[about] = {
            "raw": message["value"] or "",
            "_topic": "t",
            "_partition": message["partition"],
            "_offset": message["offset"],
            "_key": message["key"] or "",
            "_timestamp_ms": "2026-11-22 15:04:12.001",
        }
    for rows in blocks:
        store.run(
            "INSERT INTO events_queue (raw, _topic, _partition, _offset, _key, _timestamp_ms) FORMAT JSONEachRow "
            + "\n".join(map(json.dumps, rows.values()))
        )


def _judged(tables: Tables, *, everything: bool, page: int = 2000) -> Findings:
    tables._here(lambda: [tables._engine.query(f"TRUNCATE TABLE {one}") for one in ("ways", "reordered", "suspects")])
    select(tables, asks_for="users", asked_us=0, since_us=0, everything=everything)
    return judge(tables, OUT, topic="t", since_us=0, page=page)


def _said(findings: Findings) -> tuple[dict[tuple[str, str], int], set[tuple[str, str, str, str]]]:
    return dict(findings.counts), {(one.kind, one.hop, one.id, one.words) for one in findings.kept}


Defect = Callable[[World, int], None]
_new_ids = count(500)


def _lose_row(world: World, number: int) -> None:
    world.outbox = [row for row in world.outbox if row["outbox_id"] != 10 + number]


def _change_row(world: World, number: int) -> None:
    world.outbox = [
        {**row, "payload": row["payload"].replace('"experiment_id": 1', '"experiment_id": 2')}
        if row["outbox_id"] == 10 + number
        else row
        for row in world.outbox
    ]


def _in_outbox(name: str, value: Any) -> Defect:
    def change(world: World, number: int) -> None:
        world.outbox = [{**row, name: value} if row["outbox_id"] == 10 + number else row for row in world.outbox]

    return change


def _slow_clock(world: World, number: int) -> None:
    world.committed[number] = {**world.committed[number], "committed_us": AT_US - 3_600_000_000}


def _lose_in_connect(world: World, number: int) -> None:
    at = world.there(number)
    gone = world.topic[at]
    world.topic = [one for one in world.topic if one is not gone]
    world.delivered = [one for one in world.delivered if one is not gone]


def _lose_in_clickhouse(world: World, number: int) -> None:
    gone = world.topic[world.there(number)]
    world.delivered = [one for one in world.delivered if one is not gone]


def _publish_again(world: World, number: int) -> None:
    world.publish(world.committed[number])


def _deliver_again(world: World, number: int) -> None:
    world.delivered.append({**world.topic[world.there(number)], "offset": 900 + number})


def _in_topic(**changes: Any) -> Defect:
    """Changes the message where the topic has it, and so what ClickHouse gets."""

    def change(world: World, number: int) -> None:
        old = world.topic[world.there(number)]
        new = {**old, **{name: made(old) for name, made in changes.items()}}
        world.topic = [new if one is old else one for one in world.topic]
        world.delivered = [new if one is old else one for one in world.delivered]

    return change


def _deliver_changed(world: World, number: int) -> None:
    """ClickHouse makes another row of the same message beside it."""
    old = world.topic[world.there(number)]
    text = old["value"].replace("2026-11-22T15:04", "2026-11-22T15:03")
    world.delivered.append({**old, "value": text})


def _in_clickhouse(change: str) -> Defect:
    return lambda world, number: world.typed.append((10 + number, change))


def _swap(world: World, number: int) -> None:
    """With the message behind it."""
    at = world.there(number)
    if at + 1 < len(world.topic):
        one, other = world.topic[at], world.topic[at + 1]
        new = {**other, "offset": one["offset"]}, {**one, "offset": other["offset"]}
        world.topic[at : at + 2] = new
        known = {id(one): new[1], id(other): new[0]}
        world.delivered = [known.get(id(message), message) for message in world.delivered]


def _inject_into_topic(world: World, number: int) -> None:
    world.publish({**world.committed[number], "outbox_id": next(_new_ids), "aggregate_id": f"intruder-{number}"})


def _inject_into_clickhouse(world: World, number: int) -> None:
    row = {**world.committed[number], "outbox_id": next(_new_ids), "aggregate_id": f"intruder-{number}"}
    world.delivered.append({**world.topic[0], "offset": 950 + number, "value": _envelope(row)})


def _junk(value: str | None) -> Defect:
    return lambda world, number: world.publish(world.committed[number], value=value, key=None)


DEFECTS: dict[str, tuple[Defect, set[tuple[str, str]]]] = {
    "a row deleted": (_lose_row, {("postgres", "lost")}),
    "a row changed": (_change_row, {("postgres", "corrupted")}),
    "a row announced apart": (_in_outbox("announced_apart", True), {("postgres", "corrupted")}),
    "a row of another type": (_in_outbox("event_type", "X"), {("postgres", "corrupted")}),
    "a row from before the event": (_in_outbox("created_us", AT_US - 3_600_000_000), {("postgres", "skewed")}),
    "a slow clock": (_slow_clock, {("postgres", "skewed")}),
    "not published": (_lose_in_connect, {("connect", "lost")}),
    "published twice": (_publish_again, {("connect", "redelivered"), ("clickhouse", "redelivered")}),
    "a payload changed": (
        _in_topic(value=lambda old: old["value"].replace('\\"experiment_id\\": 1', '\\"experiment_id\\": 2')),
        {("connect", "corrupted")},
    ),
    "an update": (
        _in_topic(value=lambda old: old["value"].replace('"op":"c"', '"op":"u"')),
        {("connect", "corrupted")},
    ),
    "a row before it": (
        _in_topic(value=lambda old: old["value"].replace('"before":null', '"before":{"id":1}')),
        {("connect", "corrupted")},
    ),
    "no key": (_in_topic(key=lambda _: None), {("connect", "corrupted")}),
    "another key": (_in_topic(key=lambda _: '{"aggregate_id":"x"}'), {("connect", "corrupted")}),
    "a message cut off": (_in_topic(value=lambda old: old["value"][:-9]), {("connect", "lost")}),
    "an id in quotes": (
        _in_topic(
            value=lambda old: old["value"].replace('"after":{"id":', '"after":{"id":"').replace(',"agg', '","agg', 1)
        ),
        {("connect", "lost")},
    ),
    "not consumed": (_lose_in_clickhouse, {("clickhouse", "lost")}),
    "consumed twice": (_deliver_again, {("clickhouse", "redelivered")}),
    "counted twice": (_deliver_changed, {("clickhouse", "duplicated"), ("clickhouse", "corrupted")}),
    "a time cut off": (_in_clickhouse("toStartOfSecond(occurred_at) AS occurred_at"), {("clickhouse", "corrupted")}),
    "a score made up": (_in_clickhouse("ifNull(score, 0) + 1 AS score"), {("clickhouse", "corrupted")}),
    "a page made up": (_in_clickhouse("'/x' AS page"), {("clickhouse", "corrupted")}),
    "another user": (_in_clickhouse("'u' AS user_id"), {("clickhouse", "corrupted")}),
    "other properties": (_in_clickhouse("'{}x' AS properties"), {("clickhouse", "corrupted")}),
    "another payload": (_in_clickhouse("concat(payload, ' ') AS payload"), set()),
    "swapped": (_swap, {("connect", "reordered")}),
    "put into the topic": (_inject_into_topic, {("kafka", "unexpected")}),
    "put into ClickHouse": (_inject_into_clickhouse, {("clickhouse", "unexpected")}),
    "junk": (_junk("not json{"), set()),
    "an empty message": (_junk(""), set()),
    "a tombstone": (_junk(None), set()),
}
"""Each with what it must be told as, by hop and kind; junk is nobody's, and only told of who asks about all."""


@pytest.fixture(scope="module")
def tables(engine: session.Session) -> Iterator[tuple[Tables, Store]]:
    store = Store(engine, "bulk", analyzer=1)
    store.run("SYSTEM STOP MERGES bulk.events")  # what is collapsed must still be seen
    yield Tables(engine, store, "bulk"), store
    engine.query("DROP DATABASE bulk_verify")


def messages() -> list[OutboxMessage]:
    return journey(Visitor())


def test_of_a_healthy_pipeline_nothing_is_suspected(tables: tuple[Tables, Store]) -> None:
    here, store = tables
    _settle(World.healthy(messages()), here, store)
    assert _judged(here, everything=False).counts == {}
    assert here.rows("next_suspects", after=-(2**63), page=10) == []
    (counts,) = here.rows("counts")
    assert [counts[name] for name in ("expected", "postgres", "kafka", "clickhouse")] == [5, 5, 5, 5]


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_is_found_and_told_where_it_is(tables: tuple[Tables, Store], name: str) -> None:
    here, store = tables
    defect, told = DEFECTS[name]
    world = World.healthy(messages())
    defect(world, 2)
    _settle(world, here, store)
    findings = _judged(here, everything=False)
    assert set(findings.counts) == told
    assert _said(findings) == _said(_judged(here, everything=True))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(defects=st.lists(st.tuples(st.sampled_from(sorted(DEFECTS)), st.integers(0, 4)), max_size=6))
def test_the_verdict_is_the_same_whoever_selects(tables: tuple[Tables, Store], defects: list[tuple[str, int]]) -> None:
    here, store = tables
    world = World.healthy(messages())
    for name, number in defects:
        if world.there(number) >= 0:
            DEFECTS[name][0](world, number)
    _settle(world, here, store)
    assert _said(_judged(here, everything=False, page=2)) == _said(_judged(here, everything=True))


def test_a_poison_message_is_lost_to_the_dead_letters(tables: tuple[Tables, Store]) -> None:
    here, store = tables
    _settle(World.healthy([*messages(), event_with('{"value": "abc"}')]), here, store)
    findings = _judged(here, everything=False)
    assert findings.counts == {("clickhouse", "lost"): 1}
    assert "dead letter: cannot read value" in findings.kept[0].words


def test_what_is_nobodys_is_told_of_who_asks_about_all(tables: tuple[Tables, Store]) -> None:
    here, store = tables
    world = World.healthy(messages())
    _junk("not json{")(world, 0)
    _settle(world, here, store)
    select(here, asks_for="all", asked_us=0, since_us=0)
    findings = judge(here, OUT, topic="t", since_us=0)
    assert findings.counts == {("kafka", "unexpected"): 1}
    assert findings.kept[0].words.startswith("not JSON")


def test_a_stray_that_the_outbox_knows_is_none(tables: tuple[Tables, Store]) -> None:
    here, store = tables
    world = World.healthy(messages())
    world.committed = world.committed[:-1]
    _settle(world, here, store)
    select(here, asks_for="all", asked_us=0, since_us=0)
    assert judge(here, OUT, topic="t", since_us=0, in_outbox=lambda ids: ids).counts == {}


def test_of_each_kind_the_first_hundred_are_kept_and_all_counted(tables: tuple[Tables, Store]) -> None:
    here, store = tables
    many = [
        replace(message, aggregate_id=f"{message.aggregate_id}-{number}")
        for number in range(30)
        for message in messages()
    ]
    world = World.healthy(many)
    world.topic, world.delivered = [], []
    _settle(world, here, store)
    findings = _judged(here, everything=False, page=7)
    assert findings.counts == {("connect", "lost"): 150}
    assert len(findings.kept) == len(findings.committed) == 100


def test_every_typed_field_is_in_the_digest(tables: tuple[Tables, Store]) -> None:
    """A field that the ledger compares and the digest left out would let a corrupted row pass."""
    here, store = tables
    world = World.healthy(messages())
    for name in fields_at("clickhouse", messages()[1]):
        if name.startswith("is_"):
            continue  # made of the event's type, which is in it
        _settle(world, here, store)
        row = "Nullable(Decimal(38, 9))" if name in _NUMBERS else "String"
        value = {
            "occurred_at": "occurred_at + INTERVAL 1 MICROSECOND",
            "experiment_id": "toInt64(7)",
            "variant_id": "CAST(7, 'Nullable(Int64)')",
            "payload": "'{}'",
        }.get(name, f"CAST('7', '{row}')")
        world.typed = [(13, f"{value} AS {name}")]
        _settle(world, here, store)
        assert ("clickhouse", "corrupted") in _judged(here, everything=False).counts, name
        world.typed = []
