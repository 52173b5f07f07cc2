"""Steps before the first hop: users, and the variants that they are given."""

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from pytest_bdd import given, parsers, then, when

from pipeline_lib import workload
from pipeline_lib.hops.application import NotRunning
from pipeline_lib.model.assignment import choose
from pipeline_lib.model.journey import CHECKOUT, CONTROL, Experiment, Variant, buys
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.pipeline import Journey, Pipeline

REFUSALS: Mapping[str, type[Exception]] = {
    "the user exists": UniqueViolation,
    "the user has a variant already": UniqueViolation,
    "the experiment is not running": NotRunning,
    "there is no such user": ForeignKeyViolation,
    "the variant is another experiment's": ForeignKeyViolation,
}
SIGMAS = 6
"""A share is so far from the true one less than once in a hundred million runs."""


def _experiment(pipeline: Pipeline, journey: Journey, weights: str, status: str = "running") -> Experiment:
    named = (one.rsplit(" ", 1) for one in weights.split(", "))
    name = f"e2e_experiment_{secrets.token_hex(6)}"
    experiment = pipeline.chain.postgres.create_experiment(name, {key: Decimal(of) for key, of in named}, status)
    journey.experiment_id = experiment.id
    return experiment


def _refused(act: Callable[[], object]) -> Exception:
    with pytest.raises((psycopg.Error, NotRunning)) as refusal:
        act()
    return refusal.value


def _named(experiment: Experiment, key: str) -> Variant:
    return next(variant for variant in experiment.variants if variant.key == key)


@given("an experiment of control and treatment", target_fixture="experiment")
def experiment_of_two(pipeline: Pipeline, journey: Journey) -> Experiment:
    return _experiment(pipeline, journey, "control 1, treatment 1")


@given(parsers.parse("an experiment that is {status}"), target_fixture="experiment")
def experiment_in_status(pipeline: Pipeline, journey: Journey, status: str) -> Experiment:
    return _experiment(pipeline, journey, "control 1, treatment 1", status)


@given(parsers.parse("an experiment whose variants weigh {weights}"), target_fixture="experiment")
def experiment_of_weights(pipeline: Pipeline, journey: Journey, weights: str) -> Experiment:
    return _experiment(pipeline, journey, weights)


@given("a user")
@when("a user is created")
def user(journey: Journey) -> None:
    journey.arrive()


@when("a user of the same id is created", target_fixture="refusal")
def user_again(journey: Journey) -> Exception:
    return _refused(journey.arrive)


@given(parsers.parse("the user is assigned to {variant:w}"))
@when(parsers.parse("the user is assigned to {variant:w}"))
def joins(journey: Journey, experiment: Experiment, variant: str) -> None:
    journey.join(_named(experiment, variant))


@when(parsers.parse("someone tries to assign the user to {variant:w}"), target_fixture="refusal")
def joins_in_vain(journey: Journey, experiment: Experiment, variant: str) -> Exception:
    return _refused(lambda: journey.join(_named(experiment, variant)))


@when("someone tries to assign the user to a variant of another experiment", target_fixture="refusal")
def joins_foreign_variant(journey: Journey) -> Exception:
    return _refused(lambda: journey.join(CONTROL))


@when("the assignment to control is rolled back", target_fixture="rolled_back")
def assignment_rolled_back(journey: Journey, experiment: Experiment) -> Sequence[OutboxMessage]:
    with journey.application.transaction() as change:
        change.assign(journey.visitor, _named(experiment, "control"), experiment.id)
        change.roll_back()
    return change.written


@when(
    parsers.parse("two requests assign the user at once, to control and to treatment, and the first is {ending}"),
    target_fixture="kept",
)
def two_at_once(pipeline: Pipeline, journey: Journey, experiment: Experiment, ending: str) -> Variant:
    both = [_named(experiment, key) for key in ("control", "treatment")]
    commits = {"committed": True, "rolled back": False}[ending]
    return workload.assign_twice_at_once(pipeline, journey, both, commits=commits)


@when("the user is assigned to control of another experiment too")
def in_another_too(journey: Journey) -> None:
    replace(journey, experiment_id=CHECKOUT).join(CONTROL)


@when(parsers.parse("{users:d} users are assigned by weight"), target_fixture="given_variants")
def assigned_by_weight(journey: Journey, users: int) -> Mapping[str, Sequence[str]]:
    return workload.assign_many(journey, users)


@then(parsers.parse("it is refused because {reason}"))
def refused_because(refusal: Exception, reason: str) -> None:
    assert type(refusal) is REFUSALS[reason], refusal


@then("the user exists and has no variant")
def exists(pipeline: Pipeline, journey: Journey) -> None:
    assert pipeline.chain.postgres.is_user(journey.visitor.user_id)
    assert pipeline.chain.postgres.domain_rows(journey.visitor.user_id) == []


@then("each variant has its share of them, as far as chance goes")
def has_its_share(experiment: Experiment, given_variants: Mapping[str, Sequence[str]]) -> None:
    users = sum(map(len, given_variants.values()))
    total = sum(variant.weight for variant in experiment.variants)
    for variant in experiment.variants:
        share = float(variant.weight / total)
        seen = len(given_variants.get(variant.key, ()))
        assert abs(seen - users * share) <= SIGMAS * math.sqrt(users * share * (1 - share)), (variant, seen)


@then("each would be given the same variant again")
def same_again(experiment: Experiment, given_variants: Mapping[str, Sequence[str]]) -> None:
    for key, users in given_variants.items():
        assert {choose(experiment.variants, experiment.id, user).key for user in users} == {key}


@when(parsers.parse("{users:d} users are assigned one after the other"))
def assigned_in_turn(pipeline: Pipeline, journey: Journey, users: int) -> None:
    for _ in range(users):
        other = pipeline.begin_journey()
        other.assign(CONTROL)
        journey.committed += other.committed


@when(
    parsers.parse("the user is assigned to control of another experiment too, and buys there for {price} {currency}"),
    target_fixture="elsewhere",
)
def buys_elsewhere(journey: Journey, price: str, currency: str) -> Journey:
    other = replace(journey, experiment_id=CHECKOUT, committed=[], events=[])
    other.join(CONTROL)
    other.record(buys(Decimal(price), currency, score=1))
    journey.committed += other.committed
    return other
