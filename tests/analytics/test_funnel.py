"""The funnel counts who took the steps in their order and in time; time on page is exact."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from pipeline_lib.analytics.funnel import Funnel, TimeOnPage, funnel_of, time_on_page
from pipeline_lib.analytics.journeys import Path, paths_of
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.errors import UserError
from tests.analytics.simulated import Act, User, buys, put

_experiments = count(10_000)


def acts(*types: str, every_s: float = 1) -> tuple[Act, ...]:
    return tuple(Act(type_, (number + 1) * every_s) for number, type_ in enumerate(types))


def test_users_are_counted_by_how_far_they_got(admin: Client, analysts: Client) -> None:
    experiment = next(_experiments)
    users = [
        User("all", "control", acts("exposure", "page_view", "click", "conversion")),
        User("half", "control", acts("exposure", "page_view")),
        User("again", "control", acts("exposure", "exposure", "page_view", "page_view", "click")),
        User("wrong way", "control", acts("conversion", "click", "page_view", "exposure")),
        User("at once", "treatment", acts("exposure", "page_view", "click", "conversion", every_s=0)),
        User("not assigned", "", acts("exposure", "page_view")),
    ]
    put(admin, experiment, users, times=2)
    steps = ("exposure", "page_view", "click", "conversion")
    assert funnel_of(analysts, experiment) == [
        Funnel("control", steps, (4, 3, 2, 1)),
        Funnel("treatment", steps, (1, 1, 1, 1)),
    ]


def test_steps_count_within_the_window(admin: Client, analysts: Client) -> None:
    experiment = next(_experiments)
    put(admin, experiment, [User("slow", "control", acts("exposure", "click", every_s=60))])
    asked = [funnel_of(analysts, experiment, ("exposure", "click"), timedelta(seconds=s))[0].users for s in (59, 60)]
    assert asked == [(1, 0), (1, 1)]


@pytest.mark.parametrize("steps", [(), ("",), tuple("abcdefghi"), ("click", "click")])
def test_steps_that_cannot_be_are_refused(analysts: Client, steps: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="from one to 8 steps"):
        funnel_of(analysts, 1, steps)


def test_time_on_page_is_summed_by_variant(admin: Client, analysts: Client) -> None:
    experiment = next(_experiments)
    stays = (Act("page_view", 1, page="/a", duration_seconds=Decimal("1.5")), Act("page_view", 2, page="/a"))
    more = (Act("page_view", 3, page="/a", duration_seconds=Decimal("0.25")), buys("1"))
    put(admin, experiment, [User("u", "control", stays), User("v", "control", more), User("w", "", stays)], times=2)
    (told,) = time_on_page(analysts, experiment)
    assert told == TimeOnPage("control", "/a", 2, Decimal("1.75"))
    assert told.average_seconds == Decimal("0.875")


def test_the_most_frequent_journeys_come_first(admin: Client, analysts: Client) -> None:
    experiment = next(_experiments)
    long, short = acts("exposure", "click", "conversion"), acts("exposure")
    users = [
        User("a", "control", long),
        User("b", "control", long),
        User("c", "treatment", short),
        User("d", "", short),
    ]
    put(admin, experiment, users, times=2)
    assert paths_of(analysts, experiment) == [
        Path("control", ("exposure", "click", "conversion"), 2),
        Path("treatment", ("exposure",), 1),
    ]
    assert paths_of(analysts, experiment, most=1) == [Path("control", ("exposure", "click", "conversion"), 2)]
