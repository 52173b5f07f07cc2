"""What becomes of a message that cannot be read: it is kept as it was, with the reason, and the rest flows on."""

from decimal import Decimal

import pytest

from pipeline_lib.model.journey import Visitor
from pipeline_lib.model.outbox import OutboxMessage
from tests.unit.store import GOOD, Store, envelope, event_with, journey


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("not json{", "the message is not JSON"),
        ("", "the message is not JSON"),
        (b"\xff\xfe", "the message is not JSON"),
        ('{"a":1}{"b":2}', "the message is not JSON"),
        ("[]", "the envelope has no row after the change"),
        ("{}", "the envelope has no row after the change"),
        ('{"after":null}', "the envelope has no row after the change"),
        (envelope(GOOD, 0), "the outbox row has no id"),
        (envelope(GOOD, 1, aggregate_id=""), "the outbox row has no aggregate_id"),
        (envelope(GOOD, 1, aggregate_type="zebra"), "unknown aggregate_type 'zebra'"),
        (envelope(GOOD, 1, created_at="noon"), "cannot read created_at 'noon' as a time"),
        (envelope(GOOD, 1, payload="abc"), "the payload is not a JSON object"),
        (envelope(GOOD, 1, payload="[1]"), "the payload is not a JSON object"),
        (envelope(event_with("{}", experiment_id=None), 1), "cannot read experiment_id '' as Int64"),
        (envelope(event_with("{}", experiment_id="one"), 1), "cannot read experiment_id 'one' as Int64"),
        (envelope(event_with("{}", experiment_id=Decimal("1.5")), 1), "cannot read experiment_id '1.5' as Int64"),
        (envelope(event_with("{}", user_id=None), 1), "the payload has no user_id"),
        (envelope(event_with("{}", event_type=""), 1), "the payload has no event_type"),
        (envelope(event_with("{}", occurred_at="15"), 1), "cannot read '15' as a time with a zone, to the microsecond"),
        (
            envelope(event_with("{}", occurred_at="2026-11-22T15:04:11"), 1),
            "cannot read '2026-11-22T15:04:11' as a time with a zone, to the microsecond",
        ),
        (
            envelope(event_with("{}", occurred_at="2026-11-22T15:04:11.1234567Z"), 1),
            "cannot read '2026-11-22T15:04:11.1234567Z' as a time with a zone, to the microsecond",
        ),
        (envelope(event_with("{}", properties={"value": 1}), 1), "properties is not a nested JSON string"),
        (envelope(event_with("{"), 1), "properties is not a JSON object"),
        (envelope(event_with("[1]"), 1), "properties is not a JSON object"),
        (envelope(event_with('{"value":"abc"}'), 1), "cannot read value 'abc' as Decimal(38, 9)"),
        (envelope(event_with('{"value":""}'), 1), "cannot read value '' as Decimal(38, 9)"),
        (envelope(event_with('{"value":"null"}'), 1), "cannot read value 'null' as Decimal(38, 9)"),
        (envelope(event_with('{"value":true}'), 1), "cannot read value true as Decimal(38, 9)"),
        (envelope(event_with('{"value":[1]}'), 1), "cannot read value [ as Decimal(38, 9)"),
        (envelope(event_with('{"value":1e3}'), 1), "cannot read value 1e3 as Decimal(38, 9)"),
        (envelope(event_with('{"value":0.1234567891}'), 1), "cannot read value 0.1234567891 as Decimal(38, 9)"),
        (
            envelope(event_with('{"value":1' + "0" * 15 + '.5,"score":"x"}'), 1),
            "cannot read score 'x' as Decimal(38, 9)",
        ),
        (
            envelope(event_with('{"duration_seconds":"soon"}'), 1),
            "cannot read duration_seconds 'soon' as Decimal(38, 9)",
        ),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_reason(store: Store, message: str | bytes, reason: str) -> None:
    store.put(message, offset=5)
    letters = store.rows("SELECT reason, hex(raw) AS raw, kafka_topic, kafka_partition, kafka_offset FROM dead_letters")
    raw = message if isinstance(message, bytes) else message.encode()
    assert letters == [
        {"reason": reason, "raw": raw.hex().upper(), "kafka_topic": "t", "kafka_partition": 0, "kafka_offset": 5}
    ]
    assert store.rows("SELECT * FROM events") == []


def test_a_bad_assignment_is_a_dead_letter(store: Store) -> None:
    good = journey(Visitor())[0]
    bad = OutboxMessage(good.aggregate_type, good.aggregate_id, good.event_type, {**good.payload, "variant_id": None})
    store.put(envelope(bad, 1))
    assert store.rows("SELECT reason FROM dead_letters") == [{"reason": "cannot read variant_id '' as Int64"}]


def test_the_rest_flows_on_past_a_bad_message(store: Store) -> None:
    store.put("not json{")
    store.put(envelope(GOOD, 1))
    assert len(store.rows("SELECT * FROM events")) == 1


def test_a_message_of_no_valid_json_is_told_by_the_engine(store: Store) -> None:
    store.run("INSERT INTO events_queue (_raw_message, _error) SELECT 'broken', 'the engine could not'")
    assert store.rows("SELECT reason, raw FROM dead_letters") == [{"reason": "the engine could not", "raw": "broken"}]
