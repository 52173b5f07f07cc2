"""The pipeline as a test uses it: write as the application does, expect, and read as an analyst does.

    with open_pipeline(endpoints) as pipeline:
        journey = pipeline.begin_journey()
        journey.assign(CONTROL)
        journey.record(buys(Decimal("39.99"), "USD", score=88))
        pipeline.expect(journey.committed).delivered(within=seconds(2)).journey_of(journey.visitor)

Open it before the first write: it looks only at what came after. Nothing of it outlives the `with`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline_lib.analytics.journeys import EventDetail, JourneySummary, event_details_of, journeys_of
from pipeline_lib.hops.application import Application
from pipeline_lib.hops.chain import Chain, open_chain
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.journey import CHECKOUT, Act, Assignment, Event, Variant, Visitor
from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.verify.budget import Budget, seconds
from pipeline_lib.verify.expect import Expectation, NotAsExpected
from pipeline_lib.verify.verdict import Verdict

__all__ = ["Delivery", "Journey", "NotAsExpected", "Pipeline", "Promise", "open_pipeline", "seconds"]

EVIDENCE = Path(".throughline") / "evidence"


@dataclass
class Journey:
    """A visitor on the way through an experiment. `committed` and `events` grow with what the visitor does."""

    application: Application
    visitor: Visitor = field(default_factory=Visitor)
    experiment_id: int = CHECKOUT
    assignment: Assignment | None = None
    events: list[Event] = field(default_factory=list)
    committed: list[Committed] = field(default_factory=list)

    def assign(self, variant: Variant) -> None:
        """Creates the user, and in another transaction the assignment with its outbox row."""
        with self.application.transaction() as change:
            change.add_user(self.visitor.user_id)
        with self.application.transaction() as change:
            self.assignment = change.assign(self.visitor, variant, self.experiment_id)
        self.committed += change.committed

    def record(self, act: Act) -> Event:
        """The visitor does something: the event with its outbox row, committed together."""
        event = act.by(self.visitor, instant.now(), self.experiment_id)
        with self.application.transaction() as change:
            change.record(event)
        self.events.append(event)
        self.committed += change.committed
        return event

    def record_and_roll_back(self, act: Act) -> Sequence[OutboxMessage]:
        """The visitor does something and the transaction is rolled back; returns what was written in it."""
        with self.application.transaction() as change:
            change.record(act.by(self.visitor, instant.now(), self.experiment_id))
            change.roll_back()
        return change.written


@dataclass(frozen=True)
class Delivery:
    """Messages that were delivered: the verdict, and the analysts' view of them."""

    verdict: Verdict
    analysts: Client

    def journey_of(self, visitor: Visitor) -> JourneySummary:
        """The visitor's one journey as analysts see it; raises AssertionError if there is none or another."""
        journeys = journeys_of(self.analysts, visitor.user_id)
        assert len(journeys) == 1, f"analysts see {len(journeys)} journeys of {visitor.user_id}, not 1"
        return journeys[0]

    def events_of(self, visitor: Visitor) -> list[EventDetail]:
        """The visitor's events as analysts see them, in the order of their own times."""
        return event_details_of(self.analysts, visitor.user_id)


@dataclass(frozen=True)
class Promise:
    """What is expected of some messages."""

    expectation: Expectation
    analysts: Client

    def delivered(self, within: Budget | None = None) -> Delivery:
        """Raises NotAsExpected, which tells where each message is, unless all are delivered, once and unchanged."""
        return Delivery(self.expectation.delivered(within), self.analysts)

    def verdict(self, within: Budget | None = None) -> Verdict:
        """The verdict, good or bad."""
        return self.expectation.verdict(within)


@dataclass(frozen=True)
class Pipeline:
    """An open pipeline; `name` is what a failure's evidence is filed under."""

    chain: Chain
    analysts: Client
    name: str = "expectation"
    evidence: Path = EVIDENCE

    def begin_journey(self) -> Journey:
        """A new visitor, of whom nothing is known yet."""
        return Journey(self.chain.application)

    def expect(self, committed: Sequence[Committed]) -> Promise:
        """To be followed by `delivered`."""
        return Promise(Expectation(self.chain, self.name, self.evidence, committed), self.analysts)

    def never(self, rolled_back: Sequence[OutboxMessage], within: Budget | None = None) -> Verdict:
        """Raises NotAsExpected if one of the messages, which were never committed, is anywhere behind a fence."""
        return Expectation(self.chain, self.name, self.evidence, rolled_back=rolled_back).delivered(within)


@contextmanager
def open_pipeline(endpoints: Endpoints, name: str = "expectation", evidence: Path = EVIDENCE) -> Iterator[Pipeline]:
    """A stack's pipeline; raises UserError if a system is not there or refuses."""
    with open_chain(endpoints) as chain, closing(Client(chain.clickhouse.endpoint, "analyst")) as analysts:
        yield Pipeline(chain, analysts, name, evidence)
