"""The wait of whoever brings something up: looks again and again until it is there, or the time is up."""

from collections.abc import Callable

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether `true()` became so within `seconds`; what it raises comes out at once."""
    looks = Retrying(
        retry=retry_if_result(lambda seen: not seen),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        stop=stop_after_delay(seconds),
        retry_error_callback=lambda _: False,
    )
    return looks(true)
