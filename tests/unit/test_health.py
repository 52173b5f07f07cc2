"""The hops' health beside a wait: what is in the way, who does not answer, and what is raised where it is waited."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import Obstacle
from pipeline_lib.model.position import Lsn
from pipeline_lib.verify.budget import TIME_SCALE, Budget
from pipeline_lib.verify.health import Health
from pipeline_lib.verify.wait import until


@dataclass
class Hop:
    """A hop that answers what it is told to; a ConnectionError of its may pass."""

    name: str = "kafka"
    answers: Callable[[], Obstacle | None] = lambda: None
    at: Lsn = field(default_factory=lambda: Lsn(1))
    asked: int = 0

    def position(self) -> tuple[Lsn]:
        return (self.at,)

    def obstacle(self) -> Obstacle | None:
        self.asked += 1
        return self.answers()

    def may_pass(self, error: BaseException) -> bool:
        return isinstance(error, ConnectionError)

    def has_refused(self, ids: list[str]) -> bool:
        return bool(ids)


@dataclass
class Hops:
    """A chain of one hop."""

    hop: Hop
    beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))

    @property
    def hops(self) -> tuple[Hop]:
        return (self.hop,)

    @property
    def clickhouse(self) -> Hop:
        return self.hop


@pytest.fixture
def health_of() -> Iterator[Callable[[Hop], Health]]:
    chains: list[Hops] = []

    def make(hop: Hop) -> Health:
        chains.append(Hops(hop))
        return Health(cast(Chain, chains[-1]), ())

    yield make
    for chain in chains:
        chain.beside.shutdown()  # returns only because nobody is asked any more once a wait is over


HealthOf = Callable[[Hop], Health]


def awaited(look: Callable[[], Any]) -> Any:
    return until(lambda: look() or None, within=Budget(10), sleep=time.sleep)


def silent() -> None:
    raise ConnectionError("nobody there")


def test_what_is_in_the_way_is_told(health_of: HealthOf) -> None:
    paused = Obstacle("kafka", "paused", "the connector is PAUSED")
    with health_of(Hop(answers=lambda: paused)) as health:
        assert awaited(health.obstacle) == paused


def test_a_hop_that_does_not_answer_for_long_is_gone(health_of: HealthOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIME_SCALE, "0.1")  # 0.5 s
    hop = Hop(answers=silent)
    with health_of(hop) as health:
        found = awaited(health.obstacle)
    assert (found.hop, found.kind) == ("kafka", "gone")
    assert hop.asked > 1


def test_a_hop_that_answers_now_and_then_is_not_gone(health_of: HealthOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIME_SCALE, "0.06")  # 0.3 s, which is longer than from one look to the next
    hop = Hop()
    hop.answers = lambda: silent() if hop.asked % 2 else None
    with health_of(hop) as health:
        assert awaited(lambda: hop.asked >= 5)
        assert health.obstacle() is None


def test_an_error_that_cannot_pass_is_raised_where_it_is_waited(health_of: HealthOf) -> None:
    def refuse() -> None:
        raise PermissionError("not for you")

    with health_of(Hop(answers=refuse)) as health, pytest.raises(PermissionError, match="not for you"):
        awaited(health.obstacle)


def test_a_hop_that_stands_is_told_from_one_that_moves(health_of: HealthOf) -> None:
    hop = Hop()
    health = health_of(hop)
    first = health.movement_of(cast(Any, hop))
    stood = health.movement_of(cast(Any, hop))
    hop.at = Lsn(2)
    moved = health.movement_of(cast(Any, hop))
    assert (first.position, moved.position) == ((Lsn(1),), (Lsn(2),))
    assert moved.still_s <= stood.still_s
