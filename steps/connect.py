"""Steps at the second hop: what the connector has captured, and what befalls it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from pytest_bdd import parsers, then, when

from pipeline_lib import workload
from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.connector import await_running, deleted, paused, restart
from pipeline_lib.model.journey import clicks
from pipeline_lib.model.position import Lsn
from pipeline_lib.pipeline import Delivery, Journey, Pipeline, seconds
from pipeline_lib.verify.verdict import Verdict
from pipeline_lib.verify.wait import until
from pipeline_lib.workload import Seam
from steps.fixtures import PATIENCE_S
from steps.stack import throughline

INTERRUPTIONS = {"paused": paused, "deleted": deleted}


@then(parsers.parse("the {changes:d} changes are captured"))
def captured(pipeline: Pipeline, journey: Journey, delivery: Delivery, changes: int) -> None:
    assert pipeline.chain.connect.ready().ready, pipeline.chain.connect.ready().words
    connect = delivery.verdict.hop("connect")
    assert connect.seen == changes
    assert connect.position[0] >= journey.committed[-1].lsn


@when(parsers.parse("the visitor clicks while the connector is {interrupted}"))
def clicks_meanwhile(pipeline: Pipeline, journey: Journey, interrupted: str) -> None:
    with INTERRUPTIONS[interrupted](pipeline.chain.connect, pipeline.chain.postgres):
        journey.record(clicks("/product"))


@when("the connector is restarted")
def restarted(pipeline: Pipeline) -> None:
    restart(pipeline.chain.connect, pipeline.chain.postgres)


@when("the visitor clicks, the connector's worker is killed, and the visitor clicks again")
def worker_killed(stack: str, pipeline: Pipeline, journey: Journey) -> None:
    journey.record(clicks("/product"))
    throughline("kill", "connect", "--stack", stack)
    journey.record(clicks("/product"))
    await_running(pipeline.chain.connect, pipeline.chain.postgres)


@when(parsers.parse("another connector begins after {number:d} clicks, while more are made"), target_fixture="seam")
def begins_late(pipeline: Pipeline, journey: Journey, number: int) -> Seam:
    return workload.across_a_snapshot(pipeline, journey, number, clicks("/product"))


@then("it publishes each change once, those from before as they stood and the others as they came")
def once_across_the_seam(seam: Seam) -> None:
    committed = [*seam.before, *seam.meanwhile]
    assert Counter(message.envelope.outbox_id for message in seam.published) == Counter(
        message.outbox_id for message in committed
    )
    how = {message.envelope.outbox_id: message.envelope.op for message in seam.published}
    assert {how[message.outbox_id] for message in seam.before} == {"r"}
    assert how[committed[-1].outbox_id] == "c"


@when("all announcements of the visitor are changed and then deleted")
def outbox_rewritten(pipeline: Pipeline, journey: Journey) -> None:
    pipeline.expect(journey.committed).delivered(within=seconds(PATIENCE_S))
    ids = {"ids": [message.outbox_id for message in journey.committed]}
    pipeline.chain.postgres.as_owner("UPDATE outbox SET event_type = 'CHANGED' WHERE id = ANY (%(ids)s)", ids)
    pipeline.chain.postgres.as_owner("DELETE FROM outbox WHERE id = ANY (%(ids)s)", ids)


@then("nothing more is published of them")
def nothing_more(pipeline: Pipeline, journey: Journey) -> None:
    pipeline.expect(()).delivered(within=seconds(PATIENCE_S))
    seen = pipeline.chain.kafka.tail.find([message.id for message in journey.committed])
    assert Counter(message.envelope.outbox_id for message in seen) == Counter(
        message.outbox_id for message in journey.committed
    )
    assert {message.envelope.op for message in seen} == {"c"}


@then("nothing is published of what was not announced")
def nothing_unannounced(pipeline: Pipeline, journey: Journey, delivery: Delivery) -> None:
    assert delivery.verdict.passed
    user = journey.visitor.user_id
    assert len(pipeline.chain.kafka.tail.find([user])) == len(journey.committed)
    assert not [one for one in pipeline.chain.kafka.tail.unreadable() if user.encode() in (one.value or b"")]


@then("the connector lets go of all that was written")
def lets_go(pipeline: Pipeline, journey: Journey) -> None:
    (written,) = pipeline.chain.postgres.position()
    assert _confirmed(pipeline.chain, lambda lsn: lsn >= written) > journey.committed[-1].lsn


def _confirmed(chain: Chain, enough: Callable[[Lsn], bool]) -> Lsn:
    def look() -> Lsn | None:
        lsn = chain.postgres.confirmed()
        return lsn if enough(lsn) else None

    confirmed = until(look, within=seconds(PATIENCE_S), sleep=time.sleep)
    assert confirmed is not None, f"the slot stands at {chain.postgres.confirmed()} for {PATIENCE_S} s"
    return confirmed


@when("announcements get another column", target_fixture="column")
def column_added(pipeline: Pipeline) -> Iterator[Mapping[str, str]]:
    pipeline.chain.postgres.as_owner("ALTER TABLE outbox ADD COLUMN e2e_note text DEFAULT 'noted'")
    yield {"e2e_note": "noted"}
    pipeline.chain.postgres.as_owner("ALTER TABLE outbox DROP COLUMN e2e_note")


@then("the last change is published with it")
def published_with_column(pipeline: Pipeline, journey: Journey, delivery: Delivery, column: Mapping[str, str]) -> None:
    assert delivery.verdict.passed
    first, *_, last = pipeline.chain.kafka.tail.find([journey.visitor.user_id])
    rows = {message.envelope.outbox_id: message.envelope.row for message in (first, last)}
    assert column.items() <= rows[journey.committed[-1].outbox_id].items()
    assert not column.keys() & rows[journey.committed[0].outbox_id].keys()


@then(parsers.parse("the {changes:d} changes reach the analysts, each once and unchanged"))
def all_reach(verdict_of_all: Verdict, changes: int) -> None:
    assert verdict_of_all.passed, verdict_of_all.text()
    assert [(hop.expected, hop.seen) for hop in verdict_of_all.hops] == [(changes, changes)] * len(verdict_of_all.hops)
