"""Steps at the first hop: what the application does, and what is recorded and announced of it."""

from collections.abc import Sequence
from decimal import Decimal

from pytest_bdd import given, parsers, then, when

from pipeline_lib.model import exact_json
from pipeline_lib.model.journey import CHECKOUT, VARIANTS, buys, clicks, sees, views
from pipeline_lib.model.outbox import EVENT, OutboxMessage
from pipeline_lib.pipeline import Journey, Pipeline


@given("the checkout experiment is running with variants control and treatment")
def checkout_is_running(pipeline: Pipeline) -> None:
    assert pipeline.chain.postgres.variants_of(CHECKOUT, status="running") == {
        variant.id: variant.key for variant in VARIANTS.values()
    }


@given(parsers.parse("a visitor assigned to {variant}"))
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


@when("a click is recorded and the transaction is rolled back", target_fixture="rolled_back")
def click_rolled_back(journey: Journey) -> Sequence[OutboxMessage]:
    return journey.record_and_roll_back(clicks("/product"))


@then(parsers.parse("the assignment and the {actions:d} actions are recorded"))
def recorded(pipeline: Pipeline, journey: Journey, actions: int) -> None:
    rows = pipeline.chain.postgres.domain_rows(journey.visitor.user_id)
    assert sorted(rows) == sorted(message.id for message in journey.committed)
    assert len(rows) == 1 + actions


@then(parsers.parse("each of the {changes:d} changes was announced in the same transaction, with its details"))
def announced(pipeline: Pipeline, journey: Journey, changes: int) -> None:
    postgres, user = pipeline.chain.postgres, journey.visitor.user_id
    assert sorted(postgres.announced_together(user)) == sorted(message.id for message in journey.committed)
    rows = postgres.sightings(journey.committed, [user])
    assert [row.fields["payload"] for row in rows] == [message.message.payload for message in journey.committed]
    events = [row.fields["payload"] for row in rows if row.fields["aggregate_type"] == EVENT]
    assert [exact_json.loads(event["properties"]) for event in events] == [event.properties for event in journey.events]
    assert len(rows) == changes
