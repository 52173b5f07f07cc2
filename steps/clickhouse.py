"""Steps at the last hop: what analysts see."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from pytest_bdd import parsers, then, when

from pipeline_lib.analytics.journeys import assigned_to
from pipeline_lib.hops.clickhouse import DeadLetter
from pipeline_lib.model import exact_json
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.pipeline import Delivery, Journey, Pipeline, seconds
from pipeline_lib.verify.rebuilt import TABLES, Rebuilt, rebuild
from steps.fixtures import PATIENCE_S

ENOUGH = 100
"""Of so many events a percentile says something."""


@then(parsers.parse("analysts see the {changes:d} changes once each, unchanged"))
def delivered(journey: Journey, delivery: Delivery, changes: int) -> None:
    assert delivery.verdict.hop("clickhouse").seen == changes
    events = delivery.events_of(journey.visitor)
    assert [(event.id, event.event_type, event.occurred_at) for event in events] == [
        (event.id, event.event_type, event.occurred_at) for event in journey.events
    ]
    assert [(event.page, event.value, event.score) for event in events] == [
        (act.properties.get("page", ""), act.properties.get("value", 0), act.properties.get("score", 0))
        for act in journey.events
    ]
    assert [(event.is_exposure, event.is_click, event.is_conversion) for event in events] == [
        tuple(event.event_type == kind for kind in ("exposure", "click", "conversion")) for event in events
    ]


@then(parsers.parse("analysts see the visitor in {variant}, with the journey {journey_seen}"))
def journey_seen(journey: Journey, delivery: Delivery, variant: str, journey_seen: str) -> None:
    summary = delivery.journey_of(journey.visitor)
    assert (summary.experiment_id, summary.variant_key) == (journey.experiment_id, variant)
    assert summary.journey == tuple(journey_seen.split(", "))


@then(
    parsers.re(
        r"analysts see a total value of (?P<total>\S+) and a conversion score of (?P<score>\d+) "
        r"in (?P<sessions>\d+) sessions?"
    ),
    converters={"total": Decimal, "score": int, "sessions": int},
)
def totals_seen(journey: Journey, delivery: Delivery, total: Decimal, score: int, sessions: int) -> None:
    summary = delivery.journey_of(journey.visitor)
    assert (summary.total_value, summary.conversion_score, summary.sessions) == (total, score, sessions)


@then("the click never reaches the analysts")
@then("nothing of it is announced, and nothing ever reaches the analysts")
def never(pipeline: Pipeline, rolled_back: Sequence[OutboxMessage]) -> None:
    pipeline.never(rolled_back, within=seconds(PATIENCE_S))


@then("the visitor's assignment does")
def assignment_arrives(journey: Journey, delivery: Delivery) -> None:
    assert [message.id for message in delivery.verdict.sightings["clickhouse"]] == [journey.committed[0].id]


@then("it all reaches the analysts, each change once and unchanged")
def reaches_analysts(journey: Journey, delivery: Delivery) -> None:
    assert delivery.verdict.hop("clickhouse").seen == len(journey.committed) > 0


@then(parsers.parse("analysts see a value of {value}"))
def value_seen(journey: Journey, delivery: Delivery, value: str) -> None:
    assert delivery.events_of(journey.visitor)[-1].value == Decimal(value)


@then("analysts see that very text")
def text_seen(journey: Journey, delivery: Delivery) -> None:
    assert delivery.events_of(journey.visitor)[-1].page == journey.events[-1].properties["page"]


@then(parsers.parse("analysts see the {detail} {number:d}"))
def detail_seen(journey: Journey, delivery: Delivery, detail: str, number: int) -> None:
    row = next(row for row in delivery.verdict.sightings["clickhouse"] if row.id == journey.events[-1].id)
    assert exact_json.loads(row.fields["properties"])[detail.replace(" ", "_")] == number


@then(parsers.parse("analysts see the user in {variant} of the experiment, and nowhere else"))
def one_variant_seen(pipeline: Pipeline, journey: Journey, delivery: Delivery, variant: str) -> None:
    assert delivery.verdict.hop("clickhouse").seen == len(journey.committed)
    assert assigned_to(pipeline.analysts, journey.experiment_id) == {variant: [journey.visitor.user_id]}


@then("analysts see nobody in the experiment")
def nobody_seen(pipeline: Pipeline, journey: Journey) -> None:
    assert assigned_to(pipeline.analysts, journey.experiment_id) == {}


@then("analysts see each user in that variant, and nowhere else")
def variants_seen(
    pipeline: Pipeline, journey: Journey, delivery: Delivery, given_variants: Mapping[str, Sequence[str]]
) -> None:
    assert delivery.verdict.hop("clickhouse").seen == len(journey.committed)
    seen = assigned_to(pipeline.analysts, journey.experiment_id)
    assert {key: sorted(users) for key, users in seen.items()} == {
        key: sorted(users) for key, users in given_variants.items()
    }


@then(parsers.parse("analysts see it at that very moment, in the month {month:d}"))
def month_seen(pipeline: Pipeline, journey: Journey, delivery: Delivery, month: int) -> None:
    event = journey.events[-1]
    assert delivery.events_of(journey.visitor)[-1].occurred_at == event.occurred_at
    rows, _ = pipeline.chain.clickhouse.rows_of(event.id, ())
    assert {row["part"].partition("_")[0] for row in rows} == {str(month)}


@then(parsers.parse("it is kept aside as it came, because {reason}"))
def kept_aside(pipeline: Pipeline, unreadable: tuple[TopicPosition, bytes], reason: str) -> None:
    pipeline.expect(()).delivered(within=seconds(PATIENCE_S))
    place, value = unreadable
    assert pipeline.chain.clickhouse.dead_letter_at(place) == DeadLetter(reason, value)


@then("it is passed over without a trace")
def passed_over(pipeline: Pipeline, unreadable: tuple[TopicPosition, bytes]) -> None:
    # ClickHouse's engine for Kafka hands on no message that has no bytes.
    pipeline.expect(()).delivered(within=seconds(PATIENCE_S))
    assert pipeline.chain.clickhouse.dead_letter_at(unreadable[0]) is None


@then(parsers.parse("only the last but one is kept aside: {reason}"))
def only_one_kept_aside(pipeline: Pipeline, journey: Journey, reason: str) -> None:
    pipeline.expect(()).delivered(within=seconds(PATIENCE_S))
    verdict = pipeline.expect(journey.committed).verdict(within=seconds(PATIENCE_S))
    refused = journey.committed[-2]
    assert [(finding.kind, finding.hop, finding.id, finding.words) for finding in verdict.findings] == [
        ("lost", "clickhouse", refused.id, f"dead letter: {reason}")
    ]
    published = next(message for message in verdict.sightings["kafka"] if message.id == refused.id)
    letter = next(message for message in verdict.sightings["clickhouse"] if message.id == refused.id)
    assert letter.position == published.position
    assert verdict.hop("clickhouse").seen == len(journey.committed) - 1


@then("analysts see the assignment once")
def assignment_once(pipeline: Pipeline, journey: Journey) -> None:
    users = [user for users in assigned_to(pipeline.analysts, journey.experiment_id).values() for user in users]
    assert users.count(journey.visitor.user_id) == 1


@then(parsers.parse("{table} is a {engine} by {partition_key}, sorted by {sorting_key}"))
def laid_out(pipeline: Pipeline, table: str, engine: str, partition_key: str, sorting_key: str) -> None:
    layout = pipeline.chain.clickhouse.layout_of(table)
    assert layout["engine"].removeprefix("Replicated") == engine
    assert (layout["partition_key"], layout["sorting_key"]) == (partition_key, sorting_key)


@then(parsers.parse("{table} has the columns"))
def columns(pipeline: Pipeline, table: str, datatable: Sequence[Sequence[str]]) -> None:
    seen = pipeline.chain.clickhouse.columns_of(table)
    assert {name: seen.get(name) for name, *_ in datatable[1:]} == {
        name: (type_, default) for name, type_, default in datatable[1:]
    }


@when("an empty store consumes the whole topic", target_fixture="rebuilt")
def store_rebuilt(pipeline: Pipeline) -> Iterator[Rebuilt]:
    with rebuild(pipeline.chain) as rebuilt:
        yield rebuilt


@then("it holds the very rows and dead letters that analysts' store holds")
def same_rows(journey: Journey, rebuilt: Rebuilt) -> None:
    assert {table: rebuilt.differences(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert rebuilt.rows("events") >= len(journey.committed)


@then(
    parsers.re(
        r"(?P<percent>\d+) of 100 (?:assignments|clicks) are visible to analysts within (?P<most_ms>\d+) milliseconds, "
        r"and the slowest within (?P<slowest_ms>\d+)"
    ),
    converters={"percent": int, "most_ms": int, "slowest_ms": int},
)
def visible_within(journey: Journey, delivery: Delivery, percent: int, most_ms: int, slowest_ms: int) -> None:
    seen = delivery.verdict.hop("clickhouse")
    assert len(seen.latencies_ms) == len(journey.committed) >= ENOUGH
    scaled = {percent: seconds(most_ms).seconds, 100: seconds(slowest_ms).seconds}
    told = {percent: seen.percentile_ms(percent) or 0, 100: max(seen.latencies_ms)}
    assert all(told[part] <= scaled[part] for part in told), f"{told} ms, not {scaled}"


@then(parsers.parse("results are at most {most:d} seconds behind"))
def not_behind(delivery: Delivery, most: int) -> None:
    # Behind the fence, nothing that was committed before it is still to come.
    assert delivery.verdict.fence_s is not None
    assert delivery.verdict.fence_s <= seconds(most).seconds
