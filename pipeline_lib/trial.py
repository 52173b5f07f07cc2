"""A trial: an experiment made for a test, the visitors who take part in it, and what analysts are told of it.

    trial = begin_trial(pipeline)
    trial.take_part([Participant(Visitor(), "control", visits=[[sees("/landing"), clicks("/product")]])])
    trial.results().variants

Visitors act at set intervals from their assignment on, so that a journey of minutes takes no time. What is asked waits
until all that was committed has been delivered.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from pipeline_lib.analytics.journeys import EventDetail, JourneySummary, event_details_of, journeys_of
from pipeline_lib.analytics.results import Results, results_of
from pipeline_lib.hops.application import Transaction
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model import instant
from pipeline_lib.model.journey import Act, Experiment, Visitor
from pipeline_lib.model.outbox import Committed
from pipeline_lib.pipeline import Pipeline
from pipeline_lib.verify.verdict import Verdict

Answer = TypeVar("Answer")

EVERY = timedelta(seconds=10)
"""From one act of a visitor to the next."""


@dataclass(frozen=True)
class Participant:
    """Who takes part: what was done `before` the assignment, and in each of the `visits` from then on.

    A visit is a session. `variant` is empty for one who is never assigned.
    """

    visitor: Visitor
    variant: str
    visits: Sequence[Sequence[Act]] = ()
    before: Sequence[Act] = ()


@dataclass
class Trial:
    """An experiment under test; `committed` grows with what is recorded of it.

    Trials that share visitors share `committed`: a visitor's messages are expected together.
    """

    pipeline: Pipeline
    experiment: Experiment
    committed: list[Committed]
    verdict: Verdict | None = None
    told: dict[str, object] = field(default_factory=dict)
    """What analysts were told last, by the question."""

    def take_part(self, participants: Sequence[Participant], every: timedelta = EVERY, backwards: bool = False) -> None:
        """Records what the participants do, in one transaction; `backwards`: what each did last is recorded first.

        Users are created unless they took part in something before.
        """
        known = {message.user_id for message in self.committed}
        with self.pipeline.chain.application.transaction() as change:
            for one in participants:
                if one.visitor.user_id not in known:
                    change.add_user(one.visitor.user_id)
                self._act(change, one, every, backwards)
        self.committed += change.committed

    def _act(self, change: Transaction, one: Participant, every: timedelta, backwards: bool) -> None:
        joined = instant.now()
        if one.variant:
            (variant,) = [variant for variant in self.experiment.variants if variant.key == one.variant]
            joined = change.assign(one.visitor, variant, self.experiment.id).assigned_at
        events = [
            act.by(one.visitor, joined - number * every, self.experiment.id)
            for number, act in zip(range(len(one.before), 0, -1), one.before, strict=True)
        ]
        done = 0
        for visit in one.visits:
            visitor = replace(one.visitor, session_id=Visitor().session_id)
            for act in visit:
                done += 1
                events.append(act.by(visitor, joined + done * every, self.experiment.id))
        for event in reversed(events) if backwards else events:
            change.record(event)

    def ask(self, question: Callable[..., Answer], *details: object) -> Answer:
        """What analysts are told, once all is delivered, by a question such as `funnel_of`, which takes their client,
        the experiment's id and the details; raises NotAsExpected if not all is delivered."""
        if self.verdict is None or len(self.verdict.committed) < len(self.committed):
            self.verdict = self.pipeline.expect(self.committed).delivered().verdict
        answer = question(self.pipeline.analysts, self.experiment.id, *details)
        self.told = {question.__name__.removesuffix("_of").replace("_", " "): answer}
        return answer

    def results(self) -> Results:
        """What analysts are told of the experiment's variants."""
        return self.ask(results_of, {variant.key: float(variant.weight) for variant in self.experiment.variants})

    def journey_of(self, visitor: Visitor) -> JourneySummary:
        """What analysts are told of a visitor in this experiment; raises AssertionError if that is nothing."""

        def journey(analysts: Client, experiment_id: int) -> list[JourneySummary]:
            return [one for one in journeys_of(analysts, visitor.user_id) if one.experiment_id == experiment_id]

        found = self.ask(journey)
        assert found, f"analysts see no journey of {visitor.user_id} in experiment {self.experiment.id}"
        return found[0]

    def actions_of(self, visitor: Visitor) -> list[EventDetail]:
        """What analysts are told that a visitor did, in any experiment."""

        def actions(analysts: Client, _: int) -> list[EventDetail]:
            return event_details_of(analysts, visitor.user_id)

        return self.ask(actions)


def begin_trial(pipeline: Pipeline, beside: Trial | None = None) -> Trial:
    """A new experiment that is running, with as many users for control as for treatment; its visitors may take part in
    the one `beside` it."""
    name = f"e2e_experiment_{secrets.token_hex(6)}"
    experiment = pipeline.chain.postgres.create_experiment(name, dict.fromkeys(("control", "treatment"), Decimal(1)))
    return Trial(pipeline, experiment, beside.committed if beside else [])
