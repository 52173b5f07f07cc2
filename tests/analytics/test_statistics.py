"""False alarms: over a thousand A/A tests their share is what alpha says, at one look and at any number of them."""

import numpy as np
import pytest
from scipy import stats
from tea_tasting.aggr import Aggregates

from pipeline_lib.analytics.statistics import compare, half_width, sample_ratio_p_value

TESTS, PEEKERS, ALPHA = 1000, 300, 0.05


def aggregated(values: np.ndarray) -> Aggregates:
    return Aggregates(
        count_=len(values), mean_={"spent": float(values.mean())}, var_={"spent": float(values.var(ddof=1))}, cov_={}
    )


def test_false_alarms_at_one_look_are_as_many_as_alpha_says() -> None:
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(TESTS):
        pair = {name: aggregated(random.exponential(20, 500)) for name in ("control", "treatment")}
        (told,) = compare(pair, "control", "treatment", ["spent"], ALPHA)
        assert told.interval.excludes_zero == (told.p_value < ALPHA)
        alarms += told.interval.excludes_zero
    assert stats.binomtest(alarms, TESTS, ALPHA).pvalue > 0.001


def test_whoever_looks_all_the_time_is_not_fooled() -> None:
    random = np.random.default_rng(2)
    looks = np.unique(np.geomspace(100, 5000, 15).astype(int))
    fooled_once = fooled_always = 0
    for _ in range(PEEKERS):
        spent = {name: random.random(looks[-1]) for name in ("control", "treatment")}
        told = [
            compare(
                {name: aggregated(values[:n]) for name, values in spent.items()},
                "control",
                "treatment",
                ["spent"],
                ALPHA,
            )[0]
            for n in looks
        ]
        fooled_once += any(one.interval.excludes_zero for one in told)
        fooled_always += any(one.always_valid.excludes_zero for one in told)
    # Looked at all the time, an interval for one look alarms several times as often as it says.
    assert fooled_once > 2 * ALPHA * PEEKERS
    assert stats.binomtest(fooled_always, PEEKERS, ALPHA, alternative="greater").pvalue > 0.001


def test_an_always_valid_interval_narrows_with_the_data() -> None:
    widths = [half_width(users, ALPHA) for users in (100, 1000, 10_000, 100_000, 1_000_000)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("users", "weights"),
    [({"a": 520, "b": 480}, {"a": 1, "b": 1}), ({"a": 90, "b": 110, "c": 100}, {"a": 1, "b": 1, "c": 1})],
)
def test_the_sample_ratio_is_held_to_chi_squared(users: dict[str, int], weights: dict[str, float]) -> None:
    assert sample_ratio_p_value(users, weights) == pytest.approx(stats.chisquare(list(users.values())).pvalue)
