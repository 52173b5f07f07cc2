"""An experiment's results: what came of each variant, and whether it is better than the control.

Users count under the variant that they were assigned to, whether they saw it or not. Rates and revenue are per user.
There is no winner

- when users are not divided among the variants as the weights say (a sample ratio mismatch: something is wrong with the
  assignment or with its recording, and no comparison of such groups means anything);
- when there is too little data for the statistics to hold;
- when the always valid interval of the conversion rate's difference does not exclude zero.

The winner is told by that interval, since results are looked at any time. Revenue is Decimal, and by currency.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import ibis
from tea_tasting.aggr import Aggregates

from pipeline_lib import sql
from pipeline_lib.analytics.statistics import Comparison, aggregates, compare, moments, sample_ratio_p_value
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.errors import UserError

CONTROL = "control"
ALPHA = 0.05
MISMATCH_BELOW = 0.001
"""A sample ratio is a mismatch if chance would give it less often than this."""
FEWEST = 10
"""Of converted and of other users in each variant, for the difference of rates to be as good as normal."""
RATE = "conversion_rate"
REVENUE = "revenue_per_user"
"""A metric for each currency, whose name comes after it."""


@dataclass(frozen=True)
class VariantTotals:
    """What came of one variant; `revenue` by currency, from the assignment on, refunds taken off."""

    variant: str
    users: int
    exposed_users: int
    converted_users: int
    conversions: int
    revenue: Mapping[str, Decimal]

    @property
    def rate(self) -> float:
        """Converted users by users."""
        return self.converted_users / self.users if self.users else 0.0


@dataclass(frozen=True)
class Results:
    """What is known of an experiment now.

    `sample_ratio_p_value` is None where no user is assigned. There are no comparisons after a `refusal` (a sample ratio
    mismatch) or a `caution` (too little data).
    """

    experiment_id: int
    variants: tuple[VariantTotals, ...]
    unassigned_users: int
    sample_ratio_p_value: float | None
    comparisons: tuple[Comparison, ...]
    winner: str | None
    refusal: str | None
    caution: str | None
    alpha: float


def results_of(
    analysts: Client, experiment_id: int, weights: Mapping[str, float], control: str = CONTROL, alpha: float = ALPHA
) -> Results:
    """The results as they are now; `weights` by variant tell how users should be divided.

    Raises UserError for a control that is no variant, or an alpha that is no probability.
    """
    if control not in weights:
        raise UserError(
            f"Experiment {experiment_id} has no variant '{control}' to compare with: it has "
            f"{', '.join(sorted(weights)) or 'none at all'}. Name one of its variants as the control."
        )
    if not 0 < alpha < 1:
        raise UserError(f"Alpha is the share of false alarms, between 0 and 1, such as 0.05; {alpha} was given.")
    read = _read(analysts, experiment_id)
    totals = {variant: total for variant, (total, _) in read.items()}
    variants = tuple(
        totals.get(variant, VariantTotals(variant, 0, 0, 0, 0, {})) for variant in sorted({*totals, *weights})
    )
    assigned = tuple(one for one in variants if one.variant)
    unassigned = totals[""].users if "" in totals else 0
    p_value = sample_ratio_p_value({one.variant: one.users for one in assigned}, weights)
    refusal = _refusal(assigned, weights, p_value)
    caution = None if refusal else _caution(assigned)
    comparisons: tuple[Comparison, ...] = ()
    if refusal is None and caution is None:
        metrics = [RATE, *sorted({f"{REVENUE} {currency}" for one in assigned for currency in one.revenue})]
        by_variant = {one.variant: read[one.variant][1] for one in assigned}
        others = [variant for variant in by_variant if variant != control]
        comparisons = tuple(found for one in others for found in compare(by_variant, control, one, metrics, alpha))
    return Results(
        experiment_id=experiment_id,
        variants=assigned,
        unassigned_users=unassigned,
        sample_ratio_p_value=p_value,
        comparisons=comparisons,
        winner=_winner(comparisons, control),
        refusal=refusal,
        caution=caution,
        alpha=alpha,
    )


def _read(analysts: Client, experiment_id: int) -> dict[str, tuple[VariantTotals, Aggregates]]:
    """By variant the exact totals, and the statistics of each metric per user, of one pass over the users."""
    rows = analysts.rows(sql.read("clickhouse", "questions/currencies"), experiment_id=experiment_id)
    currencies = [row["currency"] for row in rows]
    everybody = ibis.clickhouse.from_connection(analysts.driver).table("experiment_users")
    users = everybody.filter(everybody.experiment_id == experiment_id)
    revenue = {currency: users.revenue.get(currency, 0) for currency in currencies}
    metrics = {RATE: users.is_converted, **{f"{REVENUE} {currency}": value for currency, value in revenue.items()}}
    by_variant = users.group_by("variant_key").aggregate(
        users=users.count(),
        exposed=users.is_exposed.cast("int64").sum(),
        converted=users.is_converted.cast("int64").sum(),
        conversions=users.conversions.sum(),
        **{f"total {currency}": value.sum() for currency, value in revenue.items()},
        **moments(metrics),
    )
    return {
        row["variant_key"]: (_totals(row, currencies), aggregates(row["users"], row, metrics))
        for row in by_variant.to_pyarrow().to_pylist()
    }


def _totals(row: Mapping[str, Any], currencies: Sequence[str]) -> VariantTotals:
    revenue = {currency: Decimal(f"{row[f'total {currency}'].normalize():f}") for currency in currencies}
    return VariantTotals(
        row["variant_key"],
        row["users"],
        row["exposed"],
        row["converted"],
        row["conversions"],
        {currency: total for currency, total in revenue.items() if total},
    )


def _refusal(variants: tuple[VariantTotals, ...], weights: Mapping[str, float], p_value: float | None) -> str | None:
    if p_value is None or p_value >= MISMATCH_BELOW:
        return None
    whole, users = sum(weights.values()), sum(one.users for one in variants)
    shares = ", ".join(
        f"{one.variant} has {one.users} users where {users * weights.get(one.variant, 0) / whole:.0f} belong"
        for one in variants
    )
    return (
        f"SAMPLE RATIO MISMATCH: {shares}. By chance that happens with probability {p_value:.1g}. Something is wrong "
        "with how users are assigned, or with how assignments are recorded; until it is found nothing is compared."
    )


def _caution(variants: tuple[VariantTotals, ...]) -> str | None:
    few = [one for one in variants if min(one.converted_users, one.users - one.converted_users) < FEWEST]
    if not few:
        return None
    counts = ", ".join(f"{one.variant} {one.converted_users} of {one.users}" for one in few)
    return (
        f"Too little data: at least {FEWEST} users of each variant must have converted, and {FEWEST} not; so far it is "
        f"{counts}. There is no winner yet."
    )


def _winner(comparisons: tuple[Comparison, ...], control: str) -> str | None:
    """The variant whose rate is surely above the control's, the highest of several; the control if it beats all."""
    rates = [one for one in comparisons if one.metric == RATE]
    better = [one for one in rates if one.always_valid.lower > 0]
    if better:
        return max(better, key=lambda one: one.variant_mean).variant
    return control if rates and all(one.always_valid.upper < 0 for one in rates) else None
