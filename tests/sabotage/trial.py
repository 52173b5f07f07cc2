"""A defect on trial: healthy, broken, judged, mended, healthy again."""

from dataclasses import dataclass
from datetime import datetime

from pipeline_lib.hops.inventory import inventory_of
from pipeline_lib.model import instant
from pipeline_lib.pipeline import Pipeline, seconds
from pipeline_lib.verify.verdict import Verdict
from tests.sabotage.defect import Defect, reference
from tests.sabotage.site import Site

WITHIN_S = 30
HEALTHY_RUNS = 50


@dataclass(frozen=True)
class Outcome:
    """What the verdict named, asked for at `asked_at` and given at `given_at`.

    `wrong` are the ids to be told of, `left` what the systems keep otherwise than before the defect.
    """

    defect: Defect
    verdict: Verdict
    wrong: frozenset[str]
    asked_at: datetime
    given_at: datetime
    left: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """From the last write to the verdict."""
        return (self.given_at - self.asked_at).total_seconds()

    @property
    def after_visible_s(self) -> float | None:
        """From when a terminal failure could be seen in a system to the verdict; None if the defect is none.

        An obstacle stood before the verdict was asked for. A message is lost when it is a dead letter, or the fence
        is out of the last hop; a fence that was not waited for came to the topic after the last message.
        """
        verdict = self.verdict
        if verdict.obstacle is not None:
            return self.seconds
        if self.defect.kind != "lost":
            return None
        letters = [one.at for one in verdict.sightings["clickhouse"] if one.refused is not None and one.at]
        if not letters and verdict.fence_s is not None:
            return self.seconds - verdict.fence_s
        visible = min(letters) if letters else max(one.at for one in verdict.sightings["kafka"] if one.at)
        return (self.given_at - visible).total_seconds()

    @property
    def named(self) -> tuple[str, str]:
        """Kind and hop, empty where the verdict names nothing."""
        return self.verdict.cause or ("", "")

    @property
    def faults(self) -> list[str]:
        """Where the verdict is not the expected one, and what was not mended; none if all is well."""
        defect, verdict = self.defect, self.verdict
        expected = (defect.kind, defect.hop)
        found: dict[tuple[str, str], set[str]] = {}
        for finding in verdict.findings:
            found.setdefault((finding.kind, finding.hop), set()).add(finding.id)
        faults = list(self.left)
        if self.named != expected:
            faults.append(f"the cause is {self.named}, not {expected}")
        others = found.keys() - {expected} - defect.also
        if verdict.fence_s is None:
            # Waiting was given up: of the other messages nothing can be said but that they are not there yet.
            others = {of for of in others if of[0] != "missing"}
        if verdict.obstacle is None and found.get(expected, set()) != self.wrong:
            faults.append(f"{defect.kind} are {sorted(found.get(expected, ()))}, not {sorted(self.wrong)}")
        return faults + [f"{kind} at {hop} is told of {sorted(found[kind, hop])}" for kind, hop in sorted(others)]


def healthy(pipeline: Pipeline) -> Verdict:
    """The verdict on a reference journey; raises NotAsExpected, or AssertionError if it has anything to tell."""
    journey = pipeline.begin_journey()
    reference(journey)
    verdict = pipeline.expect(journey.committed).delivered(within=seconds(WITHIN_S)).verdict
    assert verdict.findings == (), verdict.findings
    return verdict


def run(site: Site, defect: Defect) -> Outcome:
    """The outcome of breaking a healthy pipeline, which is healthy again afterwards."""
    site.await_ready()
    healthy(site.pipeline)
    before = inventory_of(site.pipeline.chain)
    with defect.broken(site):
        journey = site.pipeline.begin_journey()
        wrong = frozenset(defect.write(site, journey))
        asked_at = instant.now()
        verdict = site.pipeline.expect(journey.committed).verdict(within=seconds(WITHIN_S))
        given_at = instant.now()
    site.await_ready()
    healthy(site.pipeline)
    left = before.changes_to(inventory_of(site.pipeline.chain))
    return Outcome(defect, verdict, wrong, asked_at, given_at, tuple(left))
