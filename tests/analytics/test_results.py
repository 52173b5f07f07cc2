"""Experiment results: totals to the cent, comparisons as scipy has them, and when nothing is decided."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count

import numpy as np
import pytest
from scipy import stats

from pipeline_lib.analytics.results import RATE, Results, results_of
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.errors import UserError
from tests.analytics.simulated import Act, User, buys, put

EVEN = {"control": 1.0, "treatment": 1.0}
_experiments = count(100)

Run = Callable[..., Results]


@pytest.fixture
def run(admin: Client, analysts: Client) -> Run:
    """The results of an experiment that these users took part in."""

    def of(users: list[User], weights: dict[str, float] = EVEN, **options: object) -> Results:
        experiment = next(_experiments)
        put(admin, experiment, users)
        return results_of(analysts, experiment, weights, **options)  # type: ignore[arg-type]

    return of


def crowd(variant: str, users: int, converted: int, value: str = "10") -> list[User]:
    return [User(f"{variant}-{n}", variant, (buys(value),) if n < converted else ()) for n in range(users)]


def test_totals_are_exact(run: Run) -> None:
    users = [
        User("a", "control", (Act("exposure"), buys("0.10"), buys("0.20", after_s=2), buys("-0.05", after_s=3))),
        User("b", "control", (buys("5", "EUR"),)),
        User("c", "treatment", (Act("click"),)),
        User("d", "", (buys("99"),)),
    ]
    results = run(users)
    control, treatment = results.variants
    assert (control.users, control.exposed_users, control.converted_users, control.conversions) == (2, 1, 2, 3)
    assert control.revenue == {"EUR": Decimal(5), "USD": Decimal("0.25")}
    assert (treatment.users, treatment.conversions, treatment.revenue) == (1, 0, {})
    assert results.unassigned_users == 1


def test_what_was_delivered_twice_counts_once(admin: Client, analysts: Client) -> None:
    experiment = next(_experiments)
    put(admin, experiment, [User("a", "control", (Act("exposure"), buys("0.10"), buys("0.10")))], times=2)
    (control, _) = results_of(analysts, experiment, EVEN).variants
    assert (control.users, control.conversions, control.revenue) == (1, 2, {"USD": Decimal("0.2")})


def test_a_conversion_before_the_assignment_is_not_the_variants(run: Run) -> None:
    (control, _) = run([User("a", "control", (buys("7", after_s=-60), buys("3", after_s=60)))]).variants
    assert (control.conversions, control.revenue) == (1, {"USD": Decimal(3)})


def test_a_user_of_two_experiments_counts_in_each_for_itself(admin: Client, analysts: Client) -> None:
    first, second = next(_experiments), next(_experiments)
    put(admin, first, [User("both", "control", (buys("1"),))])
    put(admin, second, [User("both", "treatment", (buys("2"),))])
    assert results_of(analysts, first, EVEN).variants[0].revenue == {"USD": Decimal(1)}
    assert results_of(analysts, second, EVEN).variants[1].revenue == {"USD": Decimal(2)}


def test_comparisons_are_those_of_scipy(run: Run) -> None:
    random = np.random.default_rng(7)
    spent = {"control": random.gamma(2, 10, 300), "treatment": random.gamma(2, 12, 310)}
    bought = {name: random.random(len(values)) < 0.4 for name, values in spent.items()}
    users = [
        User(f"{name}-{n}", name, (buys(f"{value:.2f}"),) if bought[name][n] else ())
        for name, values in spent.items()
        for n, value in enumerate(values)
    ]
    per_user = {name: np.where(bought[name], np.round(values, 2), 0) for name, values in spent.items()}
    results = run(users)
    for metric, values in ((RATE, bought), ("revenue_per_user USD", per_user)):
        (seen,) = [one for one in results.comparisons if one.metric == metric]
        wanted = stats.ttest_ind(values["treatment"].astype(float), values["control"].astype(float), equal_var=False)
        interval = wanted.confidence_interval(0.95)
        assert seen.p_value == pytest.approx(wanted.pvalue)
        assert (seen.interval.lower, seen.interval.upper) == pytest.approx((interval.low, interval.high))
        assert seen.difference == pytest.approx(values["treatment"].mean() - values["control"].mean())
        assert seen.lift == pytest.approx(values["treatment"].mean() / values["control"].mean() - 1)
        assert seen.always_valid.lower < seen.interval.lower < seen.interval.upper < seen.always_valid.upper


def test_a_variant_that_is_surely_better_wins(run: Run) -> None:
    results = run([*crowd("control", 1000, 100), *crowd("treatment", 1000, 300)])
    assert results.winner == "treatment"


def test_the_control_wins_over_a_variant_that_is_surely_worse(run: Run) -> None:
    assert run([*crowd("control", 1000, 300), *crowd("treatment", 1000, 100)]).winner == "control"


def test_what_one_look_would_call_better_does_not_win_yet(run: Run) -> None:
    results = run([*crowd("control", 1000, 200), *crowd("treatment", 1000, 245)])
    (rate,) = [one for one in results.comparisons if one.metric == RATE]
    assert rate.p_value < 0.05
    assert rate.interval.excludes_zero
    assert not rate.always_valid.excludes_zero
    assert results.winner is None


def test_of_several_variants_the_best_wins_if_all_intervals_together_say_so(run: Run) -> None:
    two = run([*crowd("control", 1000, 100), *crowd("treatment", 1000, 300)])
    users = [*crowd("control", 1000, 100), *crowd("treatment", 1000, 300), *crowd("best", 1000, 400)]
    three = run(users, {"control": 1, "treatment": 1, "best": 1})
    assert three.winner == "best"
    (alone,) = [one.always_valid for one in two.comparisons if one.metric == RATE]
    (among,) = [one.always_valid for one in three.comparisons if (one.metric, one.variant) == (RATE, "treatment")]
    assert among.lower < alone.lower < alone.upper < among.upper


def test_a_sample_ratio_mismatch_is_refused(run: Run) -> None:
    results = run([*crowd("control", 600, 100), *crowd("treatment", 400, 300)])
    assert results.refusal is not None
    assert results.refusal.startswith("SAMPLE RATIO MISMATCH: control has 600 users where 500 belong")
    assert results.sample_ratio_p_value == pytest.approx(stats.chisquare([600, 400]).pvalue)
    assert (results.comparisons, results.winner) == ((), None)


def test_uneven_weights_are_no_mismatch(run: Run) -> None:
    results = run([*crowd("control", 600, 100), *crowd("treatment", 400, 80)], {"control": 3, "treatment": 2})
    assert results.refusal is None
    assert results.comparisons != ()


def test_users_of_a_variant_that_has_no_weight_are_a_mismatch(run: Run) -> None:
    results = run([*crowd("control", 50, 20), *crowd("stray", 1, 0)], {"control": 1, "treatment": 0})
    assert "stray has 1 users where 0 belong" in str(results.refusal)


def test_too_little_data_decides_nothing(run: Run) -> None:
    results = run([*crowd("control", 20, 9), *crowd("treatment", 20, 15)])
    assert results.caution is not None
    assert "control 9 of 20, treatment 15 of 20" in results.caution
    assert (results.comparisons, results.winner) == ((), None)


def test_an_experiment_without_users_says_so(run: Run) -> None:
    results = run([User("nobody", "", (Act("click"),))])
    assert [one.users for one in results.variants] == [0, 0]
    assert results.sample_ratio_p_value is None
    assert results.caution is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [({"control": "blue"}, "no variant 'blue' to compare with"), ({"alpha": 5}, "between 0 and 1")],
)
def test_what_cannot_be_asked_is_refused(run: Run, options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        run(crowd("control", 1, 0), **options)
