"""Steps at the first hop: what is recorded, and what is announced of it."""

from collections.abc import Sequence

from pytest_bdd import given, parsers, then

from pipeline_lib.model import contract, exact_json
from pipeline_lib.model.journey import CHECKOUT, VARIANTS
from pipeline_lib.model.outbox import EVENT, OutboxMessage
from pipeline_lib.pipeline import Journey, Pipeline


@given("the checkout experiment is running with variants control and treatment")
def checkout_is_running(pipeline: Pipeline) -> None:
    assert pipeline.chain.postgres.variants_of(CHECKOUT, status="running") == {
        variant.id: variant.key for variant in VARIANTS.values()
    }


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


@then("nothing of it is recorded")
def not_recorded(pipeline: Pipeline, journey: Journey, rolled_back: Sequence[OutboxMessage]) -> None:
    rows = pipeline.chain.postgres.domain_rows(journey.visitor.user_id)
    assert set(rows).isdisjoint(message.aggregate_id for message in rolled_back)


@then(parsers.parse("each of the {changes:d} announcements keeps to version {version:d} of the contract"))
def keeps_to_contract(pipeline: Pipeline, journey: Journey, changes: int, version: int) -> None:
    rows = pipeline.chain.postgres.sightings(journey.committed, [journey.visitor.user_id])
    assert len(rows) == changes
    for row in rows:
        fields = {"aggregate_type": row.fields["aggregate_type"], "event_type": row.fields["message type"]}
        message = {"aggregate_id": row.id, **fields, "payload": row.fields["payload"]}
        assert contract.violations(message, version) == []
