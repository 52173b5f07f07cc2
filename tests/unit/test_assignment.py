"""The choice of a variant: even over users by weight, and independent between experiments."""

from collections import Counter
from decimal import Decimal

import pytest

from pipeline_lib.model.assignment import choose
from pipeline_lib.model.journey import Variant

USERS = [f"user-{number}" for number in range(4_000)]


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), ("0.1", "0.2", "0.7"), (0, 1, 1)])
def test_users_are_shared_out_by_weight(weights: tuple[int | str, ...]) -> None:
    variants = [Variant(number, str(number), Decimal(weight)) for number, weight in enumerate(weights)]
    given = Counter(choose(variants, 1, user).id for user in USERS)
    total = sum(variant.weight for variant in variants)
    for variant in variants:
        assert given[variant.id] == pytest.approx(len(USERS) * float(variant.weight / total), rel=0.1)


def test_the_choices_of_two_experiments_are_independent() -> None:
    variants = [Variant(1, "control"), Variant(2, "treatment")]
    both = Counter((choose(variants, 1, user).id, choose(variants, 2, user).id) for user in USERS)
    assert all(number == pytest.approx(len(USERS) / 4, rel=0.15) for number in both.values())


@pytest.mark.parametrize("variants", [[], [Variant(1, "control", Decimal(0))]])
def test_without_a_weight_there_is_no_choice(variants: list[Variant]) -> None:
    with pytest.raises(ValueError, match="experiment 7 has no variant with a weight"):
        choose(variants, 7, "user")
