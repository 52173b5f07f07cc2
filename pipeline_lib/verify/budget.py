"""Budgets: how long something may take.

`THROUGHLINE_TIME_SCALE` stretches all of them on a slow machine: 3 gives everything three times as long.
"""

import os
from dataclasses import dataclass

from pipeline_lib.model.errors import UserError

TIME_SCALE = "THROUGHLINE_TIME_SCALE"


@dataclass(frozen=True)
class Budget:
    """A time to wait at most, in seconds, already scaled."""

    seconds: float


def seconds(number: float) -> Budget:
    """So many seconds, stretched by the global factor; raises UserError if that is no positive number."""
    text = os.environ.get(TIME_SCALE, "1")
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise UserError(f"{TIME_SCALE} is '{text}'. Set it to a positive number such as 1 or 2.5, or unset it.")
    return Budget(number * scale)
