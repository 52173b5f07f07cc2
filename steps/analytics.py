"""Steps behind the last hop: experiments that visitors take part in, and what analysts are told of them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_bdd import given, parsers, then, when

from pipeline_lib.analytics.funnel import funnel_of, time_on_page
from pipeline_lib.analytics.journeys import paths_of
from pipeline_lib.analytics.results import RATE
from pipeline_lib.analytics.statistics import Comparison
from pipeline_lib.model.journey import Act, Visitor, buys, clicks, sees, views
from pipeline_lib.pipeline import Pipeline
from pipeline_lib.trial import Participant, Trial, begin_trial
from steps.stack import throughline

Table = Sequence[Sequence[str]]
Trials = dict[str, Trial]
Names = dict[str, Visitor]

REFERENCE_WAY = (sees("/landing"), clicks("/product"), buys(Decimal("7.50"), "USD", score=0))
ACTS = {
    r"sees (\S+)": sees,
    r"views (\S+) for (\d+) seconds": lambda page, seconds: views(page, int(seconds)),
    r"clicks": lambda: clicks("/product"),
    r"buys for (\S+) (\w+)": lambda value, currency: buys(Decimal(value), currency, score=0),
    r"gets (\S+) (\w+) back": lambda value, currency: buys(-Decimal(value), currency, score=0),
}
"""What visitors do, in the words of the features."""


def _act(words: str) -> Act:
    for pattern, make in ACTS.items():
        if match := re.fullmatch(pattern, words):
            return make(*match.groups())
    raise ValueError(f"nobody knows how a visitor '{words}'")


def _visits(words: str) -> list[list[Act]]:
    """Visits are separated by semicolons, acts by commas."""
    return [[_act(act.strip()) for act in visit.split(",")] for visit in words.split(";") if visit.strip()]


def _rows(table: Table) -> Iterator[dict[str, str]]:
    head, *rows = table
    return (dict(zip(head, row, strict=True)) for row in rows)


def _money(words: str) -> dict[str, Decimal]:
    """'15.50 EUR, 0.30 USD' by currency."""
    pairs = (one.split() for one in words.split(", ") if one)
    return {currency: Decimal(value) for value, currency in pairs}


@pytest.fixture
def trials() -> Trials:
    """The scenario's experiments by subject."""
    return {}


@pytest.fixture
def names() -> Names:
    """The scenario's visitors by name."""
    return {}


@given(parsers.parse("an experiment on {subject} with half of the visitors in control and half in treatment"))
def begins(pipeline: Pipeline, trials: Trials, subject: str) -> None:
    trials[subject] = begin_trial(pipeline, next(iter(trials.values()), None))


@when(parsers.parse("these visitors take part in the experiment on {subject}:"))
def take_part(trials: Trials, names: Names, subject: str, datatable: Table) -> None:
    trials[subject].take_part(
        [
            Participant(
                names.setdefault(row["visitor"], Visitor()),
                row["variant"],
                _visits(row["does"]),
                [act for visit in _visits(row.get("before", "")) for act in visit],
            )
            for row in _rows(datatable)
        ]
    )


@when(
    parsers.parse(
        "{controls:d} visitors of control, of whom {control_buyers:d} buy for {control_price}, and {treatments:d} of "
        "treatment, of whom {treatment_buyers:d} buy for {treatment_price}, take part in the experiment on {subject}"
    )
)
def many_take_part(
    trials: Trials,
    controls: int,
    control_buyers: int,
    control_price: str,
    treatments: int,
    treatment_buyers: int,
    treatment_price: str,
    subject: str,
) -> None:
    groups = (
        ("control", controls, control_buyers, control_price),
        ("treatment", treatments, treatment_buyers, treatment_price),
    )
    trials[subject].take_part(
        [
            Participant(Visitor(), variant, _visits(f"buys for {price}") if number < buyers else ())
            for variant, users, buyers, price in groups
            for number in range(users)
        ]
    )


@when(
    parsers.parse(
        '{name} of {variant} sees "/landing", clicks and buys in the experiment on {subject}, and it is recorded '
        "in the opposite order"
    )
)
def recorded_backwards(trials: Trials, names: Names, name: str, variant: str, subject: str) -> None:
    names[name] = Visitor()
    trials[subject].take_part([Participant(names[name], variant, [REFERENCE_WAY])], backwards=True)


@when(
    parsers.parse(
        '{name} of {variant} sees "/landing", clicks and buys in the experiment on {subject}, all at the same moment'
    )
)
def at_the_same_moment(trials: Trials, names: Names, name: str, variant: str, subject: str) -> None:
    names[name] = Visitor()
    trials[subject].take_part([Participant(names[name], variant, [REFERENCE_WAY])], every=timedelta(0))


@then(parsers.parse("the results of the experiment on {subject} are:"))
def results_are(trials: Trials, subject: str, datatable: Table) -> None:
    told = {one.variant: one for one in trials[subject].results().variants}
    for row in _rows(datatable):
        one = told.pop(row["variant"])
        counts = (one.users, one.exposed_users, one.converted_users, one.conversions)
        assert counts == tuple(int(row[name]) for name in ("visitors", "exposed", "buyers", "purchases"))
        assert one.rate == pytest.approx(float(row["rate"].rstrip("%")) / 100, abs=0.0005)
        assert one.revenue == _money(row["revenue"])
    assert told == {}


@then(parsers.parse("`throughline results` tells the same as the results of the experiment on {subject}"))
def command_tells_the_same(stack: str, trials: Trials, subject: str) -> None:
    told = trials[subject].results()
    shown = json.loads(throughline("results", trials[subject].experiment.name, "--stack", stack, "--json"))
    variants = [
        {**asdict(one), "revenue": {of: f"{sum_:f}" for of, sum_ in one.revenue.items()}} for one in told.variants
    ]
    assert shown["results"]["variants"] == variants
    assert (shown["results"]["winner"], shown["results"]["caution"]) == (told.winner, told.caution)


@then(
    parsers.parse(
        '`throughline results` says "{words}" of the experiment on {subject} and has exit status {exit_status:d}'
    )
)
def command_refuses(stack: str, trials: Trials, words: str, subject: str, exit_status: int) -> None:
    name = trials[subject].experiment.name
    assert words in throughline("results", name, "--stack", stack, exit_status=exit_status)


@then(parsers.parse("{users:d} visitor of the experiment on {subject} was never assigned"))
def never_assigned(trials: Trials, users: int, subject: str) -> None:
    assert trials[subject].results().unassigned_users == users


@then(parsers.parse("the revenue of the experiment on {subject} is:"))
def revenue_is(trials: Trials, subject: str, datatable: Table) -> None:
    told = {one.variant: one.revenue for one in trials[subject].results().variants}
    assert told == {row["variant"]: _money(row["revenue"]) for row in _rows(datatable)}


@then(parsers.parse("the winner of the experiment on {subject} is {variant:w}"), target_fixture="comparisons")
def wins(trials: Trials, variant: str, subject: str) -> Sequence[Comparison]:
    results = trials[subject].results()
    assert results.winner == variant
    return results.comparisons


@then(parsers.parse("the experiment on {subject} has no winner yet"))
def nothing_wins(trials: Trials, subject: str) -> None:
    assert trials[subject].results().winner is None


@then(
    parsers.parse(
        "the rate of {variant:w} is {points:f} percentage points above that of control, and the interval around that "
        "leaves out zero"
    )
)
def rate_is_above(comparisons: Sequence[Comparison], variant: str, points: float) -> None:
    (rate,) = [one for one in comparisons if (one.variant, one.metric) == (variant, RATE)]
    assert rate.difference == pytest.approx(points / 100)
    assert 0 < rate.always_valid.lower < rate.interval.lower < rate.difference
    assert rate.difference < rate.interval.upper < rate.always_valid.upper


@then(
    parsers.parse(
        "the revenue per visitor of {variant:w} is {difference:f} {currency:w} above that of control, {lift:d} percent "
        "more"
    )
)
def revenue_is_above(
    comparisons: Sequence[Comparison], variant: str, difference: float, currency: str, lift: int
) -> None:
    (revenue,) = [one for one in comparisons if (one.variant, one.metric) == (variant, f"revenue_per_user {currency}")]
    assert (revenue.difference, revenue.lift) == pytest.approx((difference, lift / 100))


@then(parsers.parse("one look at the experiment on {subject} would call {variant:w} better"))
def one_look(trials: Trials, subject: str, variant: str) -> None:
    results = trials[subject].results()
    (rate,) = [one for one in results.comparisons if (one.variant, one.metric) == (variant, RATE)]
    assert rate.p_value < results.alpha
    assert rate.interval.lower > 0


@then(parsers.parse('the results of the experiment on {subject} say "{words}"'))
def results_say(trials: Trials, subject: str, words: str) -> None:
    results = trials[subject].results()
    assert words in (results.refusal or results.caution or "")


@then(parsers.parse("nothing is compared in the experiment on {subject}"))
def nothing_compared(trials: Trials, subject: str) -> None:
    results = trials[subject].results()
    assert (results.comparisons, results.winner) == ((), None)


@then(parsers.parse("analysts see that {name} went {way} in the experiment on {subject}"))
def went(trials: Trials, names: Names, name: str, way: str, subject: str) -> None:
    assert trials[subject].journey_of(names[name]).journey == tuple(way.split(", "))


@then(parsers.parse("analysts see {sessions:d} sessions of {name} in the experiment on {subject}"))
def sessions_seen(trials: Trials, names: Names, sessions: int, name: str, subject: str) -> None:
    assert trials[subject].journey_of(names[name]).sessions == sessions


@then(
    parsers.parse(
        "analysts see {name}'s actions in the experiment on {subject} in the order of their ids, each time they ask"
    )
)
def in_the_order_of_ids(trials: Trials, names: Names, name: str, subject: str) -> None:
    trial, visitor = trials[subject], names[name]
    events = trial.actions_of(visitor)
    assert len({event.occurred_at for event in events}) == 1
    assert [event.id for event in events] == sorted(event.id for event in events)
    asked = {trial.journey_of(visitor).journey for _ in range(3)}
    assert asked == {tuple(event.event_type for event in events)}


@then(parsers.parse("the most frequent journeys of the experiment on {subject} are:"))
def most_frequent(trials: Trials, subject: str, datatable: Table) -> None:
    told = [(one.variant, ", ".join(one.journey), one.users) for one in trials[subject].ask(paths_of)]
    assert told == [(row["variant"], row["journey"], int(row["visitors"])) for row in _rows(datatable)]


@then(parsers.parse("the funnel of the experiment on {subject} is:"))
def funnel_is(trials: Trials, subject: str, datatable: Table) -> None:
    head, *rows = datatable
    told = trials[subject].ask(funnel_of, head[1:])
    assert [[one.variant, *map(str, one.users)] for one in told] == rows


@then(parsers.parse("the time on page in the experiment on {subject} is:"))
def time_on_page_is(trials: Trials, subject: str, datatable: Table) -> None:
    told = trials[subject].ask(time_on_page)
    assert [(one.variant, one.page, one.views, one.seconds, one.average_seconds) for one in told] == [
        (row["variant"], row["page"], *(Decimal(row[name]) for name in ("views", "seconds", "on average")))
        for row in _rows(datatable)
    ]
