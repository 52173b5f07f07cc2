"""Steps at the third hop: what is published, and what any consumer of the topic can rely on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pytest_bdd import parsers, then, when

from pipeline_lib.hops.replay import Record
from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.partitioner import key_of, partition_of
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.pipeline import Delivery, Journey, Pipeline, seconds
from steps.fixtures import PATIENCE_S

_CONTEXT = "__debezium.context."
UNREADABLE: Mapping[str, bytes | None] = {
    "no JSON": b"not json{",
    "no text": b"\xff\xfe\x00",
    "two objects in one": b'{"a":1}{"b":2}',
    "no change of a row": b'{"a":1}',
    "empty": b"",
    "a tombstone": None,
}


@then(parsers.parse("the {changes:d} changes are published once each, in the order they were made"))
def published(journey: Journey, delivery: Delivery, changes: int) -> None:
    messages = delivery.verdict.sightings["kafka"]
    assert len(messages) == changes
    assert {message.id for message in messages} == {message.id for message in journey.committed}
    # The ledger's findings tell of a message that came twice or before an earlier one of its partition.
    assert delivery.verdict.findings == ()
    assert {(message.fields["op"], message.fields["before"]) for message in messages} == {("c", None)}


@then(parsers.parse("the {clicks:d} clicks are published in the order of their commits"))
def in_order_of_commits(journey: Journey, delivery: Delivery, clicks: int) -> None:
    committed = [message.id for message in journey.committed[-clicks:]]
    published = [message.id for message in delivery.verdict.sightings["kafka"] if message.id in committed]
    assert published == committed
    assert journey.committed[-1].outbox_id < journey.committed[-2].outbox_id, "the first to be written was overtaken"


@when("a second consumer reads the topic from its beginning", target_fixture="records")
def replayed(pipeline: Pipeline, journey: Journey, delivery: Delivery) -> Sequence[Record]:
    ours = {key_of(message.id) for message in journey.committed}
    assert delivery.verdict.passed
    return [record for record in pipeline.chain.kafka.replay() if record.key in ours]


@when("a second consumer reads their messages", target_fixture="records")
def read_again(pipeline: Pipeline, journey: Journey, delivery: Delivery) -> Sequence[Record]:
    ours = {key_of(message.id) for message in journey.committed}
    places = [message.position for message in reversed(delivery.verdict.sightings["kafka"])]
    start = {place.partition: place.offset for place in places}
    return [record for record in pipeline.chain.kafka.replay(start) if record.key in ours]


@then("it sees each change once, byte for byte what the first consumer saw, and in the same place")
def same_records(pipeline: Pipeline, journey: Journey, records: Sequence[Record]) -> None:
    first = pipeline.chain.kafka.tail.find([message.id for message in journey.committed])
    assert [(one.position, one.key, one.value) for one in first] == [
        (one.position, one.key, one.value) for one in records
    ]
    assert len(records) == len(journey.committed)


@then("each message is exactly the envelope of its outbox row")
def exact_envelopes(pipeline: Pipeline, journey: Journey, records: Sequence[Record]) -> None:
    rows = pipeline.chain.postgres.rows_as_written([message.outbox_id for message in journey.committed])
    assert len(rows) == len(records)
    for record in records:
        envelope = exact_json.loads(record.value or b"")
        _is_envelope_of(rows[envelope["after"]["id"]], envelope)


def _is_envelope_of(row: Mapping[str, Any], envelope: Mapping[str, Any]) -> None:
    after, source = dict(envelope["after"]), envelope["source"]
    assert instant.from_text(after.pop("created_at")) == row["created_at"]
    assert after == {name: row[name] for name in ("id", "aggregate_id", "aggregate_type", "event_type", "payload")}
    assert (envelope["op"], envelope["before"], envelope["transaction"]) == ("c", None, None)
    assert envelope.keys() == {"before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns"}
    assert (source["connector"], source["schema"], source["table"]) == ("postgresql", "public", "outbox")
    assert (source["snapshot"], source["txId"]) == ("false", row["transaction_id"])
    assert source["ts_ms"] == source["ts_us"] // 1000 == source["ts_ns"] // 1_000_000


@then("each message says in its headers which connector and task it comes from")
def headers(records: Sequence[Record]) -> None:
    assert records
    for record in records:
        told = {name.removeprefix(_CONTEXT): value for name, value in record.headers.items()}
        prefix = exact_json.loads(record.value or b"")["source"]["name"]
        assert told.pop("runId")
        assert told == {"connectorLogicalName": prefix.encode(), "connectorName": b"postgresql", "taskId": b"0"}


@then("all changes of an order are in the partition that its key says, in the order they were made")
def by_key(pipeline: Pipeline, delivery: Delivery, changes: Sequence[Committed]) -> None:
    partitions = pipeline.chain.kafka.tail.partitions
    published = defaultdict(list)
    for message in delivery.verdict.sightings["kafka"]:
        published[message.id].append((message.position.partition, message.outbox_id))
    for id_ in {change.id for change in changes}:
        made = [(partition_of(id_, partitions), change.outbox_id) for change in changes if change.id == id_]
        assert published[id_] == made


@then("the orders are spread over the partitions")
def spread(pipeline: Pipeline, delivery: Delivery) -> None:
    used = {message.position.partition for message in delivery.verdict.sightings["kafka"]}
    assert len(used) == pipeline.chain.kafka.tail.partitions


@then(parsers.parse("the topic keeps every message for {days:d} days at least"))
def retention(pipeline: Pipeline, days: int) -> None:
    settings = pipeline.chain.kafka.settings()
    assert settings["cleanup.policy"] == "delete", "a compacted topic forgets what a newer message of the key replaces"
    kept = [int(settings[name]) for name in ("retention.ms", "retention.bytes")]
    assert kept[0] == -1 or timedelta(milliseconds=kept[0]) >= timedelta(days=days)
    assert kept[1] == -1, "a topic that is limited in size forgets sooner"


@when("each of them is delivered a second time")
def redelivered(pipeline: Pipeline, journey: Journey) -> None:
    pipeline.expect(journey.committed).delivered(within=seconds(PATIENCE_S))
    for message in pipeline.chain.kafka.tail.find([message.id for message in journey.committed]):
        pipeline.chain.kafka.send(message.key, message.value, message.position.partition)


@when(parsers.parse("a message comes that is {what}"), target_fixture="unreadable")
def unreadable(pipeline: Pipeline, what: str) -> tuple[TopicPosition, bytes]:
    value = UNREADABLE[what]
    return pipeline.chain.kafka.send(b"e2e", value), value or b""


@then(parsers.parse("the {changes:d} changes are known to have come twice"))
def came_twice(delivery: Delivery, changes: int) -> None:
    twice = [finding for finding in delivery.verdict.findings if finding.hop == "connect"]
    assert {finding.kind for finding in delivery.verdict.findings} == {"redelivered"}
    assert len(twice) == changes
