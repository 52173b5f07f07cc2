"""Waits and budgets: what is retried and what is not, and when it ends."""

from itertools import count

import pytest

from pipeline_lib.model.errors import UserError
from pipeline_lib.verify.budget import TIME_SCALE, Budget, seconds
from pipeline_lib.verify.wait import LONGEST_PAUSE_S, until


def _is_connection_error(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


def test_the_first_answer_ends_the_wait() -> None:
    looks = count(1)
    pauses: list[float] = []
    assert until(lambda: 3 if next(looks) == 3 else None, within=Budget(60), sleep=pauses.append) == 3
    assert pauses == pytest.approx([0.005, 0.00501])


def test_the_pauses_grow_to_a_quarter_of_a_second() -> None:
    looks = count(1)
    pauses: list[float] = []
    until(lambda: True if next(looks) == 2500 else None, within=Budget(60), sleep=pauses.append)
    assert pauses == sorted(pauses)
    assert max(pauses) == LONGEST_PAUSE_S


def test_an_answer_that_is_false_is_an_answer() -> None:
    assert until(lambda: False, within=Budget(60), sleep=lambda _: None) is False


def test_a_spent_budget_gives_nothing() -> None:
    looks = count(1)
    assert until(lambda: None if next(looks) else True, within=Budget(0.01), sleep=lambda _: None) is None


def test_what_may_pass_is_looked_past() -> None:
    looks = count(1)

    def look() -> str:
        if next(looks) < 3:
            raise ConnectionError
        return "there"

    assert until(look, within=Budget(60), sleep=lambda _: None, may_pass=_is_connection_error) == "there"


def test_what_may_pass_and_does_not_ends_with_the_budget() -> None:
    def look() -> str:
        raise ConnectionError

    assert until(look, within=Budget(0.01), sleep=lambda _: None, may_pass=_is_connection_error) is None


def test_any_other_error_comes_out_at_once() -> None:
    looks = count(1)

    def look() -> None:
        raise TypeError(next(looks))

    with pytest.raises(TypeError, match=r"^1$"):
        until(look, within=Budget(60), sleep=lambda _: None, may_pass=_is_connection_error)


def test_budgets_are_stretched_on_slow_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIME_SCALE, raising=False)
    assert seconds(2).seconds == 2
    monkeypatch.setenv(TIME_SCALE, "2.5")
    assert seconds(2).seconds == 5


@pytest.mark.parametrize("scale", ["", "fast", "0", "-1", "nan", "inf"])
def test_a_scale_that_is_no_positive_number_is_refused(monkeypatch: pytest.MonkeyPatch, scale: str) -> None:
    monkeypatch.setenv(TIME_SCALE, scale)
    with pytest.raises(UserError, match=f"{TIME_SCALE} is '{scale}'"):
        seconds(2)
