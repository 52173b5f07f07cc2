"""What can be wrong in ClickHouse: with the views that make rows of messages, with the table, with the consumer's
group, and with a message that cannot become a row.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace

from pipeline_lib import sql
from pipeline_lib.model import outbox
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.pipeline import Journey
from tests.sabotage.defect import Defect, Wrong, publish, purchase, reference
from tests.sabotage.site import Site, awaited

OWN = "SELECT * EXCEPT (reason, raw, fence_token, kafka_key)"
CONDITION = "reason = '' AND aggregate_type IN ('assignment', 'event')"


def view_of_events(words: str, others: str) -> Callable[[Site], AbstractContextManager[None]]:
    """The view that fills `events`, with other words in its statement."""

    def broken(site: Site) -> AbstractContextManager[None]:
        return site.view("keep_events", words, others)

    return broken


def replacing(column: str, expression: str) -> Callable[[Site], AbstractContextManager[None]]:
    """The view that fills `events`, with another expression for a column."""
    return view_of_events(OWN, f"{OWN} REPLACE ({expression} AS {column})")


def click_wrong(_: Site, journey: Journey) -> Wrong:
    """The reference journey, of which the click goes wrong."""
    reference(journey)
    return [journey.committed[3].id]


def values_wrong(_: Site, journey: Journey) -> Wrong:
    """The reference journey, of which the click and the purchase, which alone have a value, go wrong."""
    reference(journey)
    return [message.id for message in journey.committed[3:]]


@contextmanager
def without_deduplication(site: Site) -> Iterator[None]:
    """The table is there, and filled, and does not know that two rows of one key are one."""
    plain = sql.read("clickhouse", "events").replace("ReplacingMergeTree(kafka_offset)", "MergeTree")
    with ExitStack() as mend:
        site.clickhouse.command(plain.replace("CREATE TABLE events", "CREATE TABLE events_plain"))
        mend.callback(site.clickhouse.command, "DROP TABLE events_plain")
        mend.callback(site.settle)
        site.exchange("events", "events_plain", view="keep_events")
        mend.callback(site.exchange, "events", "events_plain", view="keep_events")
        site.settle()
        yield


def redelivered_purchase(site: Site, journey: Journey) -> Wrong:
    """The reference journey, and its last message once more, as Connect would send it again after a crash."""
    reference(journey)
    purchase_id = journey.committed[-1].id
    (message,) = awaited(lambda: site.pipeline.chain.kafka.tail.find([purchase_id]) or None, "the purchase's message")
    assert message.value is not None
    site.send(message.key, message.value)
    return [purchase_id]


def group_moved_forward(site: Site, journey: Journey) -> Wrong:
    """The consumer was away, and when it comes back its group stands behind the journey's first three messages."""
    with site.consumer_detached():
        reference(journey)
        positions = awaited(lambda: _positions(site, journey), "the journey's messages")
        site.move_group(positions[3].offset)
    return [message.id for message in journey.committed[:3]]


def group_moved_backward(site: Site, journey: Journey) -> Wrong:
    """The journey has arrived; the group is moved before it, and all of it is read again."""
    reference(journey)
    site.pipeline.expect(journey.committed).delivered()
    with site.consumer_detached():
        site.move_group(_positions(site, journey)[0].offset)
    return [message.id for message in journey.committed]


def _positions(site: Site, journey: Journey) -> list[TopicPosition] | None:
    """Where the journey is in the topic; None until all of it is there."""
    found = site.pipeline.chain.kafka.tail.find([message.id for message in journey.committed])
    return [message.position for message in found] if len(found) == len(journey.committed) else None


@contextmanager
def merges_stopped(site: Site) -> Iterator[None]:
    """Copies stay to be seen: once ClickHouse has merged them away, nobody can tell that there were any."""
    try:
        site.clickhouse.command("SYSTEM STOP MERGES events")
        yield
    finally:
        site.clickhouse.command("SYSTEM START MERGES events")


def straight_into_table(site: Site, journey: Journey) -> Wrong:
    """A row of the visitor's that no message has brought."""
    reference(journey)
    event = purchase(journey)
    site.clickhouse.command(
        "INSERT INTO events (outbox_id, aggregate_type, aggregate_id, user_id, event_type, payload, ingested_at) "
        "VALUES (1000000000000000, 'event', {id:String}, {user:String}, 'conversion', '{}', now64(6, 'UTC'))",
        parameters={"id": event.id, "user": event.user_id},
    )
    return [event.id]


def poison(site: Site, journey: Journey) -> Wrong:
    """A message that is no JSON, straight into the topic; a row of the outbox whose value no Decimal holds."""
    reference(journey)
    site.send(None, b"not json{")
    event = purchase(journey)
    return publish(journey, outbox.of_event(replace(event, properties={**event.properties, "value": "a lot"})))


DEFECTS = (
    Defect(
        "a view that filters a type out",
        "lost",
        "clickhouse",
        view_of_events(CONDITION, f"{CONDITION} AND event_type != 'click'"),
        click_wrong,
    ),
    Defect(
        "a view that multiplies a value", "corrupted", "clickhouse", replacing("value", "value * 100"), values_wrong
    ),
    Defect(
        "a view that truncates the time to seconds",
        "corrupted",
        "clickhouse",
        replacing("occurred_at", "toDateTime64(toStartOfSecond(occurred_at), 6, 'UTC')"),
    ),
    Defect("a view that reads the wrong field", "corrupted", "clickhouse", replacing("user_id", "session_id")),
    Defect(
        "a table without deduplication",
        "duplicated",
        "clickhouse",
        without_deduplication,
        redelivered_purchase,
        also=frozenset({("redelivered", "connect")}),
    ),
    Defect("a consumer group moved forward", "lost", "clickhouse", write=group_moved_forward),
    Defect("a consumer group moved backward", "redelivered", "clickhouse", merges_stopped, group_moved_backward),
    Defect("a row inserted straight into ClickHouse", "unexpected", "clickhouse", write=straight_into_table),
    Defect("a poison message", "lost", "clickhouse", write=poison),
)
