"""Expectations of messages that were committed or rolled back: a fence, the wait for it, and one look at every hop.

What is waited for is never the messages but the fence behind them. When it is out, one look tells how many times each
message is there, and a message that is not there never will be. Waiting ends sooner when it cannot help: the connector
or its task has FAILED.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline_lib.hops import connect
from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import Hop
from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.model.position import Position, TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify import evidence, ledger
from pipeline_lib.verify.budget import Budget, seconds
from pipeline_lib.verify.fences import Fence, out_of_kafka, passed, write_fence
from pipeline_lib.verify.verdict import HopReport, Verdict, commit_ms, latencies_ms
from pipeline_lib.verify.wait import until

HEALTH_PERIOD_S = 0.25
"""How often the connector is asked whether it has FAILED while something is waited for."""
DEFAULT_WITHIN_S = 30


class NotAsExpected(AssertionError):  # noqa: N818  (it reads as a sentence in a test's report)
    """The verdict is not what was expected; its text says where each event is."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.text())


@dataclass(frozen=True)
class FenceWatch:
    """What became of a fence: where it is in Kafka and after how long it was out of the last hop."""

    marks: tuple[TopicPosition, ...] = ()
    out_s: float | None = None
    stopped: str | None = None


class Expectation:
    """What is expected of some messages; `name` is what a failure's evidence is filed under."""

    def __init__(
        self,
        chain: Chain,
        name: str,
        evidence_root: Path,
        committed: Sequence[Committed] = (),
        rolled_back: Sequence[OutboxMessage] = (),
    ) -> None:
        self._chain = chain
        self._name = name
        self._evidence_root = evidence_root
        self._committed = tuple(committed)
        self._rolled_back = tuple(rolled_back)

    def verdict(self, within: Budget | None = None) -> Verdict:
        """What has become of the messages once the fence is out, or at the end of the budget."""
        budget = within or seconds(DEFAULT_WITHIN_S)
        chain, began = self._chain, time.monotonic()
        before = _positions(chain)
        watch = watch_fence(chain, write_fence(chain.application, chain.kafka.tail.partitions), budget)
        sightings = self._look()
        after = _positions(chain)
        in_kafka, everywhere = bool(watch.marks), watch.out_s is not None
        fence_out = {"postgres": True, "connect": in_kafka, "kafka": in_kafka, "clickhouse": everywhere}
        return Verdict(
            committed=self._committed,
            findings=tuple(ledger.judge(self._committed, sightings, fence_out)),
            hops=tuple(self._report(name, sightings[name], before[name], after[name]) for name in ledger.HOPS),
            sightings=sightings,
            waited_s=time.monotonic() - began,
            budget_s=budget.seconds,
            fence_s=watch.out_s,
            fence_marks=watch.marks,
            stopped=watch.stopped,
        )

    def delivered(self, within: Budget | None = None) -> Verdict:
        """The verdict; raises NotAsExpected, its evidence filed, unless each message was delivered, once and unchanged.

        Of messages that were rolled back it is that none was seen anywhere.
        """
        verdict = self.verdict(within)
        if verdict.passed:
            return verdict
        folder = evidence.file(self._evidence_root, self._name, verdict, self._chain)
        raise NotAsExpected(replace(verdict, evidence=str(folder)))

    def _look(self) -> dict[str, list[Sighting]]:
        payloads = [message.payload for message in self._rolled_back]
        users = {message.user_id for message in self._committed} | {str(one.get("user_id", "")) for one in payloads}
        users.discard("")
        sightings = {hop.name: hop.sightings(self._committed, users) for hop in self._chain.hops}
        if not self._rolled_back:
            return sightings
        # The same users may well have committed other things; those are not what is asked about.
        asked = {message.aggregate_id for message in self._rolled_back} | {message.id for message in self._committed}
        return {hop: [one for one in seen if one.id in asked] for hop, seen in sightings.items()}

    def _report(
        self, name: str, sightings: Sequence[Sighting], before: tuple[Position, ...], after: tuple[Position, ...]
    ) -> HopReport:
        ours = {message.outbox_id for message in self._committed}
        seen = {sighting.outbox_id for sighting in sightings if sighting.refused is None} & ours
        latencies = commit_ms(self._committed) if name == "postgres" else latencies_ms(self._committed, sightings)
        return HopReport(name, len(self._committed), len(seen), latencies, after, moving=before != after)


def watch_fence(chain: Chain, fence: Fence, budget: Budget) -> FenceWatch:
    """Waits until the fence is out of Kafka and ClickHouse, or waiting cannot help, or the budget is spent."""
    began = time.monotonic()
    asked = began
    marks: tuple[TopicPosition, ...] = ()

    def look() -> FenceWatch | None:
        nonlocal asked, marks
        marks = marks or out_of_kafka(fence, chain.kafka.tail) or ()
        if marks and passed(marks, chain.clickhouse.position()):
            return FenceWatch(marks, time.monotonic() - began)
        if time.monotonic() - asked >= HEALTH_PERIOD_S:
            asked = time.monotonic()
            trace = chain.connect.failure()
            if trace is not None:
                return FenceWatch(marks, stopped=f"the connector has FAILED:\n{trace}")
        return None

    found = until(look, within=budget, sleep=chain.kafka.tail.sleeper(), transient=connect.TRANSIENT)
    return found or FenceWatch(marks)


def _positions(chain: Chain) -> Mapping[str, tuple[Position, ...]]:
    return {hop.name: _position(hop) for hop in chain.hops}


def _position(hop: Hop) -> tuple[Position, ...]:
    try:
        return hop.position()
    except connect.TRANSIENT:
        # The hop is not there just now. The verdict is about the events; that this position is unknown is part of it.
        return ()
