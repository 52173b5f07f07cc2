"""The watch over a fence on its way: where it is, and whether waiting for it can still help.

What is waited for is never a message but the fence behind it. Waiting ends before the budget when it cannot help:

- something is in the way of every message, as the hops' `health` tells;
- a message is known to be lost, since the fence is in the topic and it is not, or it is among the dead letters. The
  others are then given a moment more, so that the verdict tells of them too.

A fence is a message like any other, and may be lost like one: as long as none has come to the topic, another is written
now and then. An earlier one that is not there when a later one is was lost, and is told of.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import Hop, Obstacle, ask
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.verify.budget import Budget, seconds
from pipeline_lib.verify.fences import Fence, out_of_kafka, passed, write_fence
from pipeline_lib.verify.health import Health, Movement
from pipeline_lib.verify.wait import until

FENCE_AGAIN_S = 1
"""After how long without a fence in the topic a second is written; a third after twice that, and so on."""
SETTLE_S = 0.5
"""What is given to the other messages when one is known to be lost."""


@dataclass(frozen=True)
class FenceWatch:
    """What became of a fence: where it is in the topic, when it was out of the last hop, and what was in the way.

    `lost` are markers of earlier fences that should stand before it and do not.
    """

    marks: tuple[TopicPosition, ...]
    out_s: float | None
    obstacle: Obstacle | None
    lost: tuple[Committed, ...] = ()

    def out_of(self) -> Mapping[str, bool]:
        """For each hop whether the fence is out of it: what was not seen there never will be."""
        in_topic = bool(self.marks)
        return {"postgres": True, "connect": in_topic, "kafka": in_topic, "clickhouse": self.out_s is not None}


class Watch:
    """A fence written behind `committed`, and what is seen of the hops while it is on its way."""

    def __init__(self, chain: Chain, committed: Sequence[Committed], budget: Budget) -> None:
        self._chain = chain
        self._committed = committed
        self._budget = budget
        self._began = time.monotonic()
        self._health = Health(chain, committed)
        self._fences: list[Fence] = []
        self._write_again_at = self._began
        self._marks: tuple[TopicPosition, ...] = ()
        self._out_s: float | None = None
        self._lost_at: float | None = None

    def run(self) -> FenceWatch:
        """Returns when the fence is out of the last hop, or waiting cannot help, or the budget is spent."""
        with self._health:
            if self._until(self._write) and self._until(self._in_topic):
                self._until(self._out_of_clickhouse)
        lost = ask(self._chain.kafka, self._lost_marks, lambda _: ())
        # What came into the way behind the fence is none of it.
        obstacle = self._health.obstacle() if self._out_s is None else None
        return FenceWatch(self._marks, self._out_s, obstacle, lost)

    def movement_of(self, hop: Hop) -> Movement:
        """How far the hop is now, and since when it has been seen there."""
        return self._health.movement_of(hop)

    def _until(self, look: Callable[[], bool]) -> bool:
        """Whether `look` became true before waiting could not help any more."""

        def look_or_stop() -> bool | None:
            if self._health.obstacle() is not None or self._is_settled():
                return False
            return look() or None

        left = Budget(max(0.0, self._budget.seconds - (time.monotonic() - self._began)))
        sleep = self._chain.kafka.tail.sleeper()
        return bool(until(look_or_stop, within=left, sleep=sleep, may_pass=self._may_pass))

    def _may_pass(self, error: BaseException) -> bool:
        return any(hop.may_pass(error) for hop in self._chain.hops)

    def _write(self) -> bool:
        self._fences.append(write_fence(self._chain.application, self._chain.kafka.tail.partitions))
        self._write_again_at = time.monotonic() + seconds(FENCE_AGAIN_S).seconds * 2 ** (len(self._fences) - 1)
        return True

    def _in_topic(self) -> bool:
        tail = self._chain.kafka.tail
        self._marks = next((marks for fence in self._fences if (marks := out_of_kafka(fence, tail))), ())
        if not self._marks and time.monotonic() > self._write_again_at:
            self._write()
        if self._marks and any(not tail.find([message.id]) for message in self._committed):
            self._lost_at = time.monotonic()
        return bool(self._marks)

    def _lost_marks(self) -> tuple[Committed, ...]:
        """Of the fences written before the one in the topic, which lie before it in their partitions."""
        tail = self._chain.kafka.tail
        found = [fence for fence in self._fences if out_of_kafka(fence, tail)]
        before = self._fences[: self._fences.index(found[0])] if found else []
        return tuple(mark for fence in before for mark in fence.marks if not tail.find([mark.id]))

    def _out_of_clickhouse(self) -> bool:
        if not passed(self._marks, self._chain.clickhouse.position()):
            return False
        self._out_s = time.monotonic() - self._began
        return True

    def _is_settled(self) -> bool:
        if self._lost_at is None and self._health.has_refused:
            self._lost_at = time.monotonic()
        return self._lost_at is not None and time.monotonic() - self._lost_at > seconds(SETTLE_S).seconds
