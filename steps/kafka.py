"""Steps at the third hop: what is published."""

from pytest_bdd import parsers, then

from pipeline_lib.pipeline import Delivery, Journey


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
