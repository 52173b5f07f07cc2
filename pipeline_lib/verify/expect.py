"""Expectations of messages that were committed or rolled back: a fence, the wait for it, and one look at every hop.

When the fence is out, one look tells how many times each message is there, and a message that is not there never will
be. How the wait goes, and when it ends sooner, `watch` tells.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import Hop
from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify import evidence, ledger
from pipeline_lib.verify.budget import Budget, seconds
from pipeline_lib.verify.health import Movement
from pipeline_lib.verify.verdict import HopReport, Verdict, commit_ms, latencies_ms
from pipeline_lib.verify.wait import until
from pipeline_lib.verify.watch import Watch

DEFAULT_WITHIN_S = 30
LAST_LOOK_S = 1
"""What a hop that does not answer is given for the last look, when the budget has nothing left."""


class NotAsExpected(AssertionError):  # noqa: N818  (it reads as a sentence in a test's report)
    """The verdict is not what was expected; its text says where each event is."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.text())


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
        watch = Watch(chain, self._committed, budget)
        fence = watch.run()
        left = Budget(0.0 if fence.obstacle else max(LAST_LOOK_S, budget.seconds - (time.monotonic() - began)))
        with ThreadPoolExecutor(len(chain.hops)) as at_once:
            # The last hop first: its look takes longest.
            looking = {hop.name: at_once.submit(self._look, hop, left) for hop in reversed(chain.hops)}
            moving = {hop.name: at_once.submit(watch.movement_of, hop) for hop in chain.hops}
        looked = {name: look.result() for name, look in looking.items()}
        movements = {name: move.result() for name, move in moving.items()}
        fence_out = {name: out and looked[name] is not None for name, out in fence.out_of().items()}
        sightings = {name: seen or [] for name, seen in looked.items()}
        return Verdict(
            committed=self._committed,
            findings=tuple(ledger.judge(self._committed, sightings, fence_out, lost_fences=fence.lost)),
            hops=tuple(self._report(name, sightings[name], movements[name]) for name in ledger.HOPS),
            sightings=sightings,
            waited_s=time.monotonic() - began,
            budget_s=budget.seconds,
            fence_s=fence.out_s,
            fence_marks=fence.marks,
            obstacle=fence.obstacle,
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

    def _look(self, hop: Hop, within: Budget) -> list[Sighting] | None:
        """What the hop has seen; None if it does not answer."""
        payloads = [message.payload for message in self._rolled_back]
        users = {message.user_id for message in self._committed} | {str(one.get("user_id", "")) for one in payloads}
        users.discard("")
        seen = until(
            lambda: hop.sightings(self._committed, users), within=within, sleep=time.sleep, may_pass=hop.may_pass
        )
        if seen is None or not self._rolled_back:
            return seen
        # The same users may well have committed other things; those are not what is asked about.
        asked = {message.aggregate_id for message in self._rolled_back} | {message.id for message in self._committed}
        return [one for one in seen if one.id in asked]

    def _report(self, name: str, sightings: Sequence[Sighting], movement: Movement) -> HopReport:
        ours = {message.outbox_id for message in self._committed}
        seen = {sighting.outbox_id for sighting in sightings if sighting.refused is None} & ours
        latencies = commit_ms(self._committed) if name == "postgres" else latencies_ms(self._committed, sightings)
        return HopReport(name, len(self._committed), len(seen), latencies, movement.position, movement.still_s)
