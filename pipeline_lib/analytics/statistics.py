"""The statistics of an experiment: comparisons, the sample ratio, and intervals that may be looked at any time.

Comparisons are tea-tasting's (https://tea-tasting.e10v.me), over aggregates that Ibis lets ClickHouse compute: no
user's row comes here. A fixed interval holds for the one look that was planned. Whoever looks every minute will see it
exclude zero by chance sooner or later; the always valid interval does so with probability alpha over all looks
together. It is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform
central limit theory and asymptotic confidence sequences", 2024): for a mean of t observations of standard deviation s,

    mean ± s √( 2 (t ρ² + 1) / (t² ρ²) · ln( √(t ρ² + 1) / α ) )

with ρ chosen so that it is narrowest at the number of observations that one expects.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tea_tasting as tt
from ibis.expr.types import Value
from scipy.stats import chisquare
from tea_tasting.aggr import Aggregates

NARROWEST_AT = 10_000
"""The number of users, of both variants together, at which an always valid interval is narrowest."""


@dataclass(frozen=True)
class Interval:
    """From `lower` to `upper`."""

    lower: float
    upper: float

    @property
    def excludes_zero(self) -> bool:
        """Whether all of it is on one side of zero."""
        return self.lower > 0 or self.upper < 0


@dataclass(frozen=True)
class Comparison:
    """A variant's mean of a metric against the control's, per user.

    `difference` is variant minus control with its `interval` at the confidence of one look, `always_valid` at that of
    any number of looks; `lift` is the difference relative to the control's mean, None where that is zero.
    """

    metric: str
    control: str
    variant: str
    control_mean: float
    variant_mean: float
    difference: float
    interval: Interval
    always_valid: Interval
    p_value: float
    lift: float | None
    lift_interval: Interval | None


def moments(metrics: Mapping[str, Value]) -> dict[str, Value]:
    """Mean and variance of each metric, to be computed where the users are, beside whatever else is asked of them."""
    numbers = {name: metric.cast("float64") for name, metric in metrics.items()}
    means = {f"mean {name}": number.mean() for name, number in numbers.items()}
    return means | {f"variance {name}": number.var(how="sample") for name, number in numbers.items()}


def aggregates(users: int, computed: Mapping[str, Any], metrics: Iterable[str]) -> Aggregates:
    """What `moments` were computed to be over so many users."""
    means = {name: computed[f"mean {name}"] for name in metrics}
    return Aggregates(users, means, {name: computed[f"variance {name}"] for name in means}, {})


def compare(
    by_variant: Mapping[str, Aggregates], control: str, variant: str, metrics: Sequence[str], alpha: float
) -> list[Comparison]:
    """Each metric of a variant against the control: Welch's t-test.

    The always valid intervals hold for all variants of `by_variant` together: each has its share of alpha (Bonferroni).
    """
    others = max(1, len(by_variant) - 1)
    experiment = tt.Experiment({name: tt.Mean(name, confidence_level=1 - alpha) for name in metrics})
    pair = {name: by_variant[name] for name in (control, variant)}
    result = experiment.analyze(pair, control=control)
    found = []
    for name in metrics:
        told = result[name]
        has_lift = told.control != 0
        found.append(
            Comparison(
                metric=name,
                control=control,
                variant=variant,
                control_mean=told.control,
                variant_mean=told.treatment,
                difference=told.effect_size,
                interval=Interval(told.effect_size_ci_lower, told.effect_size_ci_upper),
                always_valid=always_valid(told.effect_size, pair[control], pair[variant], name, alpha / others),
                p_value=told.pvalue,
                lift=told.rel_effect_size if has_lift else None,
                lift_interval=Interval(told.rel_effect_size_ci_lower, told.rel_effect_size_ci_upper)
                if has_lift
                else None,
            )
        )
    return found


def always_valid(difference: float, control: Aggregates, variant: Aggregates, metric: str, alpha: float) -> Interval:
    """The interval around a difference of means that holds at every look."""
    users = control.count() + variant.count()
    error = math.sqrt(sum(one.var(metric) / one.count() for one in (control, variant)))
    # The deviation of one observation, had the difference been the mean of `users` of them.
    deviation = error * math.sqrt(users)
    half = deviation * half_width(users, alpha)
    return Interval(difference - half, difference + half)


def half_width(observations: int, alpha: float) -> float:
    """Half the width of the confidence sequence at so many observations of standard deviation 1."""
    log = -2 * math.log(alpha)
    rho2 = (log + math.log(log + 1)) / NARROWEST_AT
    spread = observations * rho2 + 1
    return math.sqrt(2 * spread / (observations**2 * rho2) * math.log(math.sqrt(spread) / alpha))


def sample_ratio_p_value(users: Mapping[str, int], weights: Mapping[str, float]) -> float | None:
    """How likely users are divided at least as unevenly among the variants, if they were by these weights.

    Pearson's chi-squared test over all variants at once; 0 if a variant without weight has users, None without users.
    """
    whole, weight = sum(users.values()), sum(weights.values())
    if whole == 0 or weight <= 0:
        return None
    if any(count for variant, count in users.items() if weights.get(variant, 0) == 0):
        return 0.0
    weighted = {variant: share for variant, share in weights.items() if share > 0}
    if len(weighted) < 2:
        return 1.0
    expected = [whole * share / weight for share in weighted.values()]
    return float(chisquare([users.get(variant, 0) for variant in weighted], expected).pvalue)
