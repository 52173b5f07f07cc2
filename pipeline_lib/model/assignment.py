"""Which variant a user gets: by the variants' weights, and always the same one for the same user and experiment.

The user's place between 0 and 1 is a hash of both ids, so that it is even over users and has nothing to do with the
same users' places in other experiments.
"""

from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256

from pipeline_lib.model.journey import Variant

_BYTES = 8


def choose(variants: Sequence[Variant], experiment_id: int, user_id: str) -> Variant:
    """The user's variant; raises ValueError if none has a weight."""
    digest = sha256(f"{experiment_id}/{user_id}".encode()).digest()[:_BYTES]
    place = Fraction(int.from_bytes(digest), 2 ** (8 * _BYTES)) * sum(Fraction(variant.weight) for variant in variants)
    for variant in variants:
        place -= Fraction(variant.weight)
        if place < 0:
            return variant
    raise ValueError(f"experiment {experiment_id} has no variant with a weight")
