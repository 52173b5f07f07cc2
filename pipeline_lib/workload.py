"""What many visitors and connections do at once or one into the other: traffic that no single journey makes.

Each function returns what was committed, to be expected at the other end.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from psycopg.errors import UniqueViolation

from pipeline_lib.hops.application import Application
from pipeline_lib.hops.chain import open_chain
from pipeline_lib.hops.connector import second_connector
from pipeline_lib.hops.tail import TopicMessage
from pipeline_lib.model import instant, outbox
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.journey import CONTROL, Act, Variant, Visitor
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.partitioner import partition_of
from pipeline_lib.pipeline import Journey, Pipeline
from pipeline_lib.verify.budget import Budget, seconds
from pipeline_lib.verify.bulk import run
from pipeline_lib.verify.bulk.asked import Journeys
from pipeline_lib.verify.bulk.journeys import MESSAGES
from pipeline_lib.verify.verdict import Verdict
from pipeline_lib.verify.wait import until

PATIENCE_S = 60
PACE_S = 0.005


@dataclass(frozen=True)
class Seam:
    """What was committed before a connector began and while it did, and what it has published of it."""

    before: list[Committed]
    meanwhile: list[Committed]
    published: list[TopicMessage]


def at_once(application: Application, connections: int, each: int, act: Act) -> list[Committed]:
    """So many connections, each with a visitor of its own who acts so often; all begin at the same moment."""
    ready = threading.Barrier(connections, timeout=PATIENCE_S)

    def write(_: int) -> list[Committed]:
        with application.another() as own:
            journey = Journey(own)
            journey.assign(CONTROL)
            ready.wait()
            for _ in range(each):
                journey.record(act)
        return journey.committed

    with ThreadPoolExecutor(connections) as writers:
        return [message for written in writers.map(write, range(connections)) for message in written]


def overtaken(journey: Journey, act: Act, partitions: int) -> list[Committed]:
    """A transaction that begins first, and one that begins after it and is committed before it, in the order of their
    commits. Both write to the same partition: only there is an order to be kept."""
    slow = act.by(journey.visitor, instant.now(), journey.experiment_id)
    fast = slow
    while fast is slow or partition_of(fast.id, partitions) != partition_of(slow.id, partitions):
        fast = act.by(journey.visitor, instant.now(), journey.experiment_id)
    with journey.application.another() as other, journey.application.transaction() as first:
        first.record(slow)
        with other.transaction() as second:
            second.record(fast)
    journey.events += [fast, slow]
    return [*second.committed, *first.committed]


def assign_many(journey: Journey, users: int) -> dict[str, list[str]]:
    """So many new users in one transaction, each given a variant by weight; who has which, by the variants' keys."""
    given: dict[str, list[str]] = {}
    with journey.application.transaction() as change:
        for visitor in (Visitor() for _ in range(users)):
            change.add_user(visitor.user_id)
            assignment = change.assign_by_weight(visitor, journey.experiment_id)
            given.setdefault(assignment.variant.key, []).append(visitor.user_id)
    journey.committed += change.committed
    return given


def assign_twice_at_once(pipeline: Pipeline, journey: Journey, variants: Sequence[Variant], commits: bool) -> Variant:
    """Two connections assign the same user at once: the second waits for the first, which commits or rolls back.

    Returns the variant that the user has in the end; raises AssertionError if it was given twice, or never.
    """
    first, second = variants
    with journey.application.another() as other, ThreadPoolExecutor(1) as beside:
        rival = replace(journey, application=other, committed=[])
        with journey.application.transaction() as change:
            change.assign(journey.visitor, first, journey.experiment_id)
            joining = beside.submit(rival.join, second)
            is_waiting = partial(pipeline.chain.postgres.waits_for_lock, other.pid)
            waits = until(lambda: is_waiting() or None, within=seconds(10), sleep=time.sleep)
            if not commits:
                change.roll_back()
        refusal = joining.exception()
    journey.committed += [*change.committed, *rival.committed]
    assert waits, "the second connection did not wait for the first"
    assert isinstance(refusal, UniqueViolation if commits else type(None)), refusal
    return first if commits else second


def change_in_turn(journey: Journey, aggregates: int, times: int, act: Act) -> list[Committed]:
    """So many events, each announced so many times, in turn, every announcement in a transaction of its own."""
    events = [act.by(journey.visitor, instant.now(), journey.experiment_id) for _ in range(aggregates)]
    committed: list[Committed] = []
    for time_ in range(times):
        for event in events:
            with journey.application.transaction() as change:
                change.publish(outbox.of_event(replace(event, event_type=f"{event.event_type}_{time_}")))
            committed += change.committed
    return committed


def while_open(journey: Journey, act: Act, meanwhile: Callable[[], None]) -> None:
    """The visitor does something in a transaction that is committed only after what happens `meanwhile`."""
    with journey.application.another() as other:
        with other.transaction() as change:
            change.record(act.by(journey.visitor, instant.now(), journey.experiment_id))
            meanwhile()
        journey.committed += change.committed


def across_a_snapshot(pipeline: Pipeline, journey: Journey, before: int, act: Act) -> Seam:
    """A second connector begins when the visitor has acted so often, and the visitor goes on until it streams.

    Raises AssertionError if it does not, or if the last act does not come out of it.
    """
    chain, user = pipeline.chain, journey.visitor.user_id
    for _ in range(before):
        journey.record(act)
    old = list(journey.committed)
    with (
        second_connector(chain.connect, chain.kafka, old[0].outbox_id) as tail,
        journey.application.another() as other,
        ThreadPoolExecutor(1) as beside,
    ):
        going_on = replace(journey, application=other, events=[], committed=[])
        enough = threading.Event()

        def go_on() -> None:
            while not enough.wait(PACE_S):
                going_on.record(act)

        def streams() -> bool | None:
            return any(one.envelope is not None and one.envelope.op == "c" for one in tail.find([user])) or None

        writing = beside.submit(go_on)
        within = seconds(PATIENCE_S)
        try:
            assert until(streams, within=within, sleep=tail.sleeper()), f"nothing is streamed after {PATIENCE_S} s"
        finally:
            enough.set()
        writing.result()
        # Commits are published in their order: with the last one there, all before it have had their chance.
        last = going_on.committed[-1].id
        assert until(lambda: tail.find([last]) or None, within=within, sleep=tail.sleeper()), f"{last} is not there"
        journey.committed += going_on.committed
        return Seam(old, going_on.committed, tail.find([user, *(message.id for message in old)]))


def in_one_transaction(endpoints: Endpoints, pipeline: Pipeline, changes: int, within: Budget) -> Verdict:
    """So many changes in one transaction, each held against every hop."""
    with open_chain(endpoints, keeps=run.is_fence) as chain:
        asked = Journeys(changes // MESSAGES, in_one=True)
        return run.verify(endpoints, chain, asked, within, pipeline.evidence, run.Silent()).verdict
