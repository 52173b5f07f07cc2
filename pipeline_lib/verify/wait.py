"""The wait: looks again and again until there is an answer, nothing more can come of it, or the budget is spent.

The first pause is 5 ms; each is two thousandths longer than the one before, up to 250 ms, so that what was waited for
is noticed at most 5 ms and two thousandths of the wait later than it came. A pause ends early when the caller's `sleep`
does, as the Kafka tail's.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_result, stop_after_delay
from tenacity.wait import wait_exponential

from pipeline_lib.verify.budget import Budget

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.25
GROWTH = 1.002

Answer = TypeVar("Answer")


def until(
    look: Callable[[], Answer | None],
    *,
    within: Budget,
    sleep: Callable[[float], None],
    may_pass: Callable[[BaseException], bool] = lambda _: False,
) -> Answer | None:
    """The first answer of `look` that is not None; None when the budget is spent.

    Errors that `may_pass` by themselves are looked past until then. Every other error comes out at once: a look that
    cannot succeed is not repeated.
    """
    retrying = Retrying(
        retry=retry_if_result(lambda answer: answer is None) | retry_if_exception(may_pass),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, exp_base=GROWTH, max=LONGEST_PAUSE_S),
        stop=stop_after_delay(within.seconds),
        sleep=sleep,
        retry_error_callback=_none,
    )
    return retrying(look)


def _none(_: RetryCallState) -> Any:
    return None
