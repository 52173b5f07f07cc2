"""Steps before the first hop: what visitors do, and how the application writes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from pytest_bdd import given, parsers, when

from pipeline_lib import workload
from pipeline_lib.hops.application import Transaction
from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.journey import REFERENCE_ACTS, VARIANTS, Act, Event, Visitor, buys, clicks, sees, views
from pipeline_lib.model.outbox import Committed, OutboxMessage, of_event
from pipeline_lib.pipeline import Journey, Pipeline, seconds
from pipeline_lib.verify.verdict import Verdict
from steps.fixtures import PATIENCE_S

TEXTS: Mapping[str, str] = {
    "in several scripts": "Grüße, Ελλάδα, Россия, العربية, हिन्दी, 東京, ไทย",
    "with emoji": "🛒 👩‍🚀 🇨🇭 ✔️",
    "with combining marks": "e\u0301 is not \u00e9",
    "with quotes": "it's \"quoted\" 'twice' `and` „more“",
    "with backslashes": r"C:\new\table \" \\ \u0041",
    "with control characters": "".join(map(chr, range(1, 32))) + "\x7f\u0085\u2028",
    "that looks like JSON": '{"value":"99","page":null}',
    "that looks like SQL": "'); DROP TABLE users; --",
    "of a megabyte": "0123456789abcdeé" * 64 * 1024,
}


LARGE_S = 180
"""A budget for a hundred thousand changes: a machine that does nothing else takes a tenth of it."""


def _fails(change: Transaction, event: Event) -> None:
    change.record(event)  # PostgreSQL refuses it a second time


def _refused(change: Transaction, event: Event) -> None:
    message = of_event(event)
    # The one character that PostgreSQL cannot keep.
    change.publish(OutboxMessage(message.aggregate_type, event.id, message.event_type, {"text": "\0"}))


MISHAPS: Mapping[str, Callable[[Transaction, Event], None]] = {
    "the transaction is rolled back": lambda change, _: change.roll_back(),
    "a later statement fails": _fails,
    "another announcement of the transaction is refused": _refused,
}


@given(parsers.parse("a visitor assigned to {variant:w}"))
def assigned(journey: Journey, variant: str) -> None:
    journey.assign(VARIANTS[variant])


@when(
    parsers.parse(
        'the visitor sees "{landing}", views "{product}" for {duration:d} seconds, clicks the call to action and buys '
        "for {price} {currency} with a score of {score:d}"
    )
)
def converts(
    journey: Journey, landing: str, product: str, duration: int, price: str, currency: str, score: int
) -> None:
    for act in (sees(landing), views(product, duration), clicks(product), buys(Decimal(price), currency, score)):
        journey.record(act)


@when("the visitor clicks")
def acts(journey: Journey) -> None:
    journey.record(clicks("/product"))


@when(parsers.parse("a click is recorded and {mishap}"), target_fixture="rolled_back")
def click_in_vain(journey: Journey, mishap: str) -> Sequence[OutboxMessage]:
    return journey.record_in_vain(clicks("/product"), MISHAPS[mishap])


@when("two transactions record a click each, and the one that began last is committed first")
def overtaken(pipeline: Pipeline, journey: Journey) -> None:
    journey.committed += workload.overtaken(journey, clicks("/product"), pipeline.chain.kafka.tail.partitions)


@when(parsers.parse("{connections:d} connections record {each:d} clicks each at the same time"))
def many_at_once(journey: Journey, connections: int, each: int) -> None:
    journey.committed += workload.at_once(journey.application, connections, each, clicks("/product"))


@when(parsers.parse("the visitor opens a page whose name is a text {kind}"))
def opens(journey: Journey, kind: str) -> None:
    journey.record(views(TEXTS[kind], seconds=1))


@when(parsers.parse("the visitor buys for {price} {currency}"))
def buys_for(journey: Journey, price: str, currency: str) -> None:
    journey.record(buys(Decimal(price), currency, score=1))


@when(parsers.parse("the visitor buys under the {detail} {number:d}"))
def buys_under(journey: Journey, detail: str, number: int) -> None:
    journey.record(Act("conversion", {"value": 1, detail.replace(" ", "_"): number}))


@when("the visitor buys a cart for 20 with goods in it for 15 and 5")
def buys_cart(journey: Journey) -> None:
    goods = [{"value": Decimal(15), "tags": ["new", {"score": 9}]}, {"value": Decimal(5), "tags": []}]
    journey.record(Act("conversion", {"goods": goods, "value": Decimal(20), "more": {"value": "7"}}))


@when(parsers.parse("the visitor does something whose value is {absent}"))
def acts_without_value(journey: Journey, absent: str) -> None:
    journey.record(
        Act("click", {"null": {"value": None, "page": None}, "missing": {"page": "/"}, "in no details": {}}[absent])
    )


@when(parsers.parse("{aggregates:d} orders change {times:d} times each, in turn"), target_fixture="changes")
def orders_change(journey: Journey, aggregates: int, times: int) -> Sequence[Committed]:
    changes = workload.change_in_turn(journey, aggregates, times, clicks("/order"))
    journey.committed += changes
    return changes


@when(parsers.parse("the visitor buys at {moment}"))
def buys_at(journey: Journey, moment: str) -> None:
    journey.record(buys(Decimal(1), "USD", score=1), at=datetime.fromisoformat(moment))


@when(parsers.parse("{number:d} clicks are recorded one by one"))
def acts_often(journey: Journey, number: int) -> None:
    for _ in range(number):
        journey.record(clicks("/product"))


@when(parsers.parse("the visitor does something with a {detail} of {number}"))
def acts_with(journey: Journey, detail: str, number: str) -> None:
    journey.record(Act("click", {detail: number}))


@when(parsers.parse("a click is recorded, and while its transaction stays open {number:d} more reach the analysts"))
def while_open(pipeline: Pipeline, journey: Journey, number: int) -> None:
    def meanwhile() -> None:
        acts_often(journey, number)
        pipeline.expect(journey.committed).delivered(within=seconds(PATIENCE_S))

    workload.while_open(journey, clicks("/product"), meanwhile)


@when(parsers.parse("{changes:d} changes are committed in one transaction"), target_fixture="verdict_of_all")
def in_one_transaction(endpoints: Endpoints, pipeline: Pipeline, changes: int) -> Verdict:
    return workload.in_one_transaction(endpoints, pipeline, changes, within=seconds(LARGE_S))


@when("an announcement calls the user by another name")
def renamed(journey: Journey) -> None:
    message = of_event(clicks("/product").by(journey.visitor, instant.now()))
    payload = {"visitor" if name == "user_id" else name: value for name, value in message.payload.items()}
    with journey.application.transaction() as change:
        change.publish(replace(message, payload=payload))
    journey.committed += change.committed


@when("the database is written to, and nothing is announced")
def unannounced(journey: Journey) -> None:
    with journey.application.transaction() as change:
        change.add_user(f"{journey.visitor.user_id}_unannounced")


@when(parsers.parse("the visitor's events are recorded in the order {recorded}, having happened as {happened}"))
def recorded_late(journey: Journey, recorded: str, happened: str) -> None:
    order, began = happened.split(", "), instant.now() - timedelta(minutes=1)
    for event_type in recorded.split(", "):
        journey.record(Act(event_type, {}), at=began + timedelta(seconds=order.index(event_type)))


@when(parsers.parse("{number:d} events of the visitor happen at the same moment"))
def same_moment(journey: Journey, number: int) -> None:
    at = instant.now()
    for which in range(number):
        journey.record(Act(f"step_{which}", {}), at=at)


@when("the visitor comes back in another session")
def comes_back(journey: Journey) -> None:
    journey.visitor = Visitor(journey.visitor.user_id)


@when(parsers.parse("the visitor is given back {price} {currency}"))
def given_back(journey: Journey, price: str, currency: str) -> None:
    journey.record(Act("refund", {"value": -Decimal(price), "currency": currency}))


@when(parsers.parse("{number:d} visitors make the journey of the report at the same time"), target_fixture="visitors")
def many_journeys(pipeline: Pipeline, journey: Journey, number: int) -> Sequence[Visitor]:
    journeys = [pipeline.begin_journey() for _ in range(number)]
    for one in journeys:
        one.assign(VARIANTS["control"])
    for act in REFERENCE_ACTS:
        for one in journeys:
            one.record(act)
    journey.committed += [message for one in journeys for message in one.committed]
    return [one.visitor for one in journeys]


@when(
    parsers.parse(
        'the visitor stays {first:d} seconds on "{page}", {there:d} on "{other}" and {more:d} more on "{page_again}"'
    )
)
def stays(journey: Journey, first: int, page: str, there: int, other: str, more: int, page_again: str) -> None:
    for where, duration in ((page, first), (other, there), (page_again, more)):
        journey.record(views(where, duration))
