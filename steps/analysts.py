"""Steps behind the last hop: what analysts read out of journeys."""

from collections.abc import Sequence
from decimal import Decimal

from pytest_bdd import parsers, then

from pipeline_lib.analytics.journeys import journeys_of, time_on_pages
from pipeline_lib.model.journey import Experiment, Visitor
from pipeline_lib.pipeline import Delivery, Journey

LOOKS = 3


@then(parsers.parse("analysts see the {number:d} in the order of their ids, each time they look"))
def in_order_of_ids(journey: Journey, delivery: Delivery, number: int) -> None:
    by_id = sorted(journey.events, key=lambda event: event.id)
    assert len(by_id) == number
    for _ in range(LOOKS):
        assert delivery.journey_of(journey.visitor).journey == tuple(event.event_type for event in by_id)
        assert [event.id for event in delivery.events_of(journey.visitor)] == [event.id for event in by_id]


@then(
    parsers.parse(
        "analysts see a journey of {variant:w} worth {value:d} and one of {other:w} in the other experiment worth "
        "{other_value:d}"
    )
)
def two_journeys(
    journey: Journey,
    delivery: Delivery,
    elsewhere: Journey,
    experiment: Experiment,
    variant: str,
    value: int,
    other: str,
    other_value: int,
) -> None:
    seen = {one.experiment_id: one for one in journeys_of(delivery.analysts, journey.visitor.user_id)}
    assert {id_: (one.variant_key, one.total_value, one.total_events) for id_, one in seen.items()} == {
        experiment.id: (variant, value, 1),
        elsewhere.experiment_id: (other, other_value, 1),
    }


@then(parsers.parse("analysts see a journey without a variant: {events}"))
def without_variant(journey: Journey, delivery: Delivery, events: str) -> None:
    summary = delivery.journey_of(journey.visitor)
    assert (summary.variant_key, summary.journey) == ("", tuple(events.split(", ")))


@then(parsers.parse("analysts see each of them in {variant:w}, with the journey {events} and a value of {value}"))
def each_journey(delivery: Delivery, visitors: Sequence[Visitor], variant: str, events: str, value: str) -> None:
    for visitor in visitors:
        summary = delivery.journey_of(visitor)
        assert (summary.variant_key, summary.journey) == (variant, tuple(events.split(", ")))
        assert summary.total_value == Decimal(value)


@then(parsers.parse('analysts see that the visitor stayed {first:d} seconds on "{page}" and {there:d} on "{other}"'))
def stayed(journey: Journey, delivery: Delivery, first: int, page: str, there: int, other: str) -> None:
    assert time_on_pages(delivery.analysts, journey.visitor.user_id) == {page: first, other: there}
