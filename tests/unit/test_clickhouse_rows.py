"""What becomes of a message in ClickHouse: the row that was committed, once, with every digit and microsecond."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib import sql
from pipeline_lib.model import exact_json, instant, outbox
from pipeline_lib.model.journey import Visitor
from pipeline_lib.verify.expected import fields_at
from tests.unit.store import Store, envelope, event_with, journey


def comparable(name: str, value: Any) -> Any:
    """A value of ClickHouse's JSON as `fields_at` tells it."""
    if name == "payload":
        return exact_json.loads(value)
    if name == "occurred_at":
        return instant.from_text(f"{value}+00:00")
    if name in ("value", "score", "duration_seconds") and value is not None:
        return Decimal(value)
    if name == "experiment_id" or (name == "variant_id" and value is not None):
        return int(value)
    return value


def test_rows_are_what_was_committed(store: Store) -> None:
    messages = journey(Visitor())
    for number, message in enumerate(messages, start=1):
        store.put(envelope(message, number))
    columns = ", ".join(fields_at("clickhouse", messages[0]))
    rows = store.rows(f"SELECT {columns} FROM events ORDER BY outbox_id")
    seen = [{name: comparable(name, value) for name, value in row.items()} for row in rows]
    assert seen == [fields_at("clickhouse", message) for message in messages]
    assert store.rows("SELECT * FROM dead_letters") == []


def test_where_a_row_came_from_and_when_is_kept(store: Store) -> None:
    store.put(envelope(journey(Visitor())[1], 1), offset=42)
    (row,) = store.rows(
        "SELECT lsn, transaction_id, kafka_topic, kafka_partition, kafka_offset, recorded_at, committed_at, "
        "captured_at, produced_at FROM events"
    )
    assert {name: str(value) for name, value in row.items()} == {
        "lsn": "27340424",
        "transaction_id": "760",
        "kafka_topic": "t",
        "kafka_partition": "0",
        "kafka_offset": "42",
        "recorded_at": "2026-11-22 15:04:11.500000",
        "committed_at": "2026-11-22 16:53:04.273880",
        "captured_at": "2026-11-22 16:53:04.302108",
        "produced_at": "2026-11-22 15:04:12.001",
    }


def test_the_analysts_views_tell_the_report(store: Store) -> None:
    visitor = Visitor()
    for number, message in enumerate(reversed(journey(visitor)), start=1):
        store.put(envelope(message, number))
    (summary,) = store.rows(
        "SELECT user_id, variant_key, journey, total_events, total_value, conversion_score, sessions FROM user_journeys"
    )
    assert summary == {
        "user_id": visitor.user_id,
        "variant_key": "control",
        "journey": ["exposure", "page_view", "click", "conversion"],
        "total_events": 4,
        "total_value": "40.99",
        "conversion_score": "88",
        "sessions": 1,
    }
    details = store.rows("SELECT event_type, page, value, score, is_conversion FROM event_details ORDER BY occurred_at")
    assert [tuple(row.values()) for row in details] == [
        ("exposure", "/landing", "0", "0", False),
        ("page_view", "/product", "0", "0", False),
        ("click", "/product", "1", "0", False),
        ("conversion", "", "39.99", "88", True),
    ]
    assert store.rows("SELECT variant_id, variant_key FROM assignments") == [
        {"variant_id": 2, "variant_key": "control"}
    ]


def test_a_redelivered_message_counts_once_in_every_view(store: Store) -> None:
    messages = journey(Visitor())
    for _ in range(3):
        for number, message in enumerate(messages, start=1):
            store.put(envelope(message, number))
    counts = {
        view: store.rows(f"SELECT count() AS rows FROM {view}")[0]["rows"]
        for view in ("event_details", "assignments", "user_journeys")
    }
    assert counts == {"event_details": 4, "assignments": 1, "user_journeys": 1}
    assert store.rows("SELECT total_events, total_value FROM user_journeys") == [
        {"total_events": 4, "total_value": "40.99"}
    ]


def test_a_late_event_lands_in_the_month_of_its_own_time(store: Store) -> None:
    store.put(envelope(event_with("{}", occurred_at="2025-01-31T23:59:59.999999Z"), 1))
    assert store.rows("SELECT _partition_id AS month FROM events") == [{"month": "202501"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("39.99", "39.99"),
        ("1.0", "1"),
        ("-2.50", "-2.5"),
        ("0", "0"),
        ('"39.99"', "39.99"),
        ("12345678901234567.123456789", "12345678901234567.123456789"),
        ("99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999"),
        ("0.000000001", "0.000000001"),
        ("0.1000000000000", "0.1"),
        ("null", None),
    ],
)
def test_numbers_keep_every_digit(store: Store, text: str, value: str | None) -> None:
    store.put(envelope(event_with(f'{{"value":{text}}}'), 1))
    assert store.rows("SELECT value FROM events") == [{"value": value}]


@pytest.mark.parametrize(
    "properties",
    [
        '{"value": 8.5}',
        ' { "a" : {"value":7} , "value" : 8.5 }',
        '{"a":[{"value":7},{"b":{"value":6}}],"value":8.5}',
        r'{"a":"\"value\":7","value":8.5}',
        r'{"a\\":"\\","b":"}","value":8.5}',
        '{"a":"value","value":8.5,"nested":{"value":9}}',
    ],
)
def test_the_number_of_the_right_field_is_taken(store: Store, properties: str) -> None:
    store.put(envelope(event_with(properties), 1))
    assert store.rows("SELECT value FROM events") == [{"value": "8.5"}]


@pytest.mark.parametrize("properties", ['{"a":{"value":7}}', '{"a":"value"}', "{}", '{"value":null}'])
def test_no_number_is_null_and_not_zero(store: Store, properties: str) -> None:
    store.put(envelope(event_with(properties), 1))
    assert store.rows("SELECT value, score, duration_seconds FROM events") == [
        {"value": None, "score": None, "duration_seconds": None}
    ]


@pytest.mark.parametrize("text", ["", "é🙂\u00a0", 'quote " and \\ and \n and \t', "x" * 100_000])
def test_text_comes_through_as_it_was(store: Store, text: str) -> None:
    message = event_with(exact_json.dumps({"page": text}))
    store.put(envelope(message, 1))
    (row,) = store.rows("SELECT page, payload FROM events")
    assert row["page"] == text
    assert exact_json.loads(row["payload"]) == message.payload


def test_fences_are_kept_out_of_the_analysts_tables(store: Store) -> None:
    store.put(envelope(outbox.of_fence("fence-1", "token-1"), 3))
    assert store.rows("SELECT token, outbox_id, kafka_offset FROM fences") == [
        {"token": "token-1", "outbox_id": 3, "kafka_offset": 1}
    ]
    assert [store.rows(f"SELECT * FROM {table}") for table in (*sql.ANALYST_TABLES, "dead_letters")] == [
        [] for _ in (*sql.ANALYST_TABLES, "dead_letters")
    ]


def test_heartbeats_are_passed_over(store: Store) -> None:
    store.put('{"ts_ms":1}', topic="__debezium-heartbeat.experiments")
    assert store.rows("SELECT * FROM dead_letters") == []


def test_every_file_is_in_the_order_of_creation() -> None:
    folder = Path(sql.__file__).parent / "clickhouse"
    assert {file.stem for file in folder.glob("*.sql")} == set(sql.CLICKHOUSE_ORDER)
