"""The verdict: the ledger's findings with their evidence, and how it reads when something is wrong.

A failure fits one screen: what is wrong and between which hops, each event concerned with where it was at each hop, how
far every hop is and whether it still moves, and the folder with everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from statistics import quantiles

from pipeline_lib.hops.protocol import Obstacle
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Position, TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify.ledger import HOPS, Finding

ROWS_SHOWN = 12
LINE = 240
STUCK_AFTER_S = 2
"""A hop that has been seen at one position for longer does not move."""


@dataclass(frozen=True)
class HopReport:
    """One hop's part: how many of the messages it has seen, how long after COMMIT was sent, and how far it is."""

    name: str
    expected: int
    seen: int
    latencies_ms: tuple[float, ...]
    position: tuple[Position, ...]
    still_s: float

    @property
    def moving(self) -> bool:
        """Whether it was seen to move lately, or not looked at for long enough to say that it does not."""
        return self.still_s < STUCK_AFTER_S

    def percentile_ms(self, percent: int) -> float | None:
        """A percentile of the latencies, interpolated; None if nothing was seen."""
        if len(self.latencies_ms) < 2:
            return self.latencies_ms[0] if self.latencies_ms else None
        return quantiles(self.latencies_ms, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True)
class Tally:
    """Of a verdict that holds only the first findings of each kind: how many messages and findings there are."""

    committed: int
    findings: Mapping[tuple[str, str], int]
    """By hop and kind."""


@dataclass(frozen=True)
class Verdict:
    """What became of the committed messages.

    `fence_s` is how long the fence took to come out of the last hop, None if it did not; `waited_s` and `budget_s` are
    the time waited and the most that it could have been. `obstacle` is what was found to be in the way of everything.
    With a `tally`, `committed`, `findings` and `sightings` are only those of the findings that are shown.
    """

    committed: tuple[Committed, ...]
    findings: tuple[Finding, ...]
    hops: tuple[HopReport, ...]
    sightings: Mapping[str, Sequence[Sighting]]
    waited_s: float
    budget_s: float
    fence_s: float | None
    fence_marks: tuple[Position, ...] = ()
    obstacle: Obstacle | None = None
    evidence: str | None = field(default=None, compare=False)
    tally: Tally | None = None

    @property
    def passed(self) -> bool:
        """Whether analysts see exactly what was committed, and it is known that nothing else will come."""
        return self.fence_s is not None and all(finding.harmless for finding in self.findings)

    @property
    def cause(self) -> tuple[str, str] | None:
        """What is wrong in two words, kind and hop: an obstacle's, else the first finding's; None if nothing is."""
        if self.obstacle is not None:
            return self.obstacle.kind, self.obstacle.hop
        first = min(self.findings, key=lambda finding: finding.harmless, default=None)
        return (first.kind, first.hop) if first is not None else None

    def hop(self, name: str) -> HopReport:
        """The report of one hop."""
        return next(report for report in self.hops if report.name == name)

    def text(self) -> str:
        """All of it, in at most a screen."""
        lines = [self._headline()]
        if self.obstacle is not None:
            lines += [
                "",
                *(f"  {line[:LINE]}" for line in f"{self.obstacle.hop}: {self.obstacle.words}".splitlines()[:10]),
            ]
        concerned = {finding.id: finding for finding in reversed(self.findings)}
        if concerned:
            shown = [
                ("event", *HOPS),
                *((id_, *self._cells(id_, finding)) for id_, finding in list(concerned.items())[::-1][:ROWS_SHOWN]),
            ]
            widths = [max(len(row[column]) for row in shown) for column in range(len(HOPS))]
            lines += ["", *("  " + _padded(row, widths) for row in shown)]
            number = sum(self.tally.findings.values()) if self.tally else len(concerned)
            if number > ROWS_SHOWN:
                lines.append(f"  … and {number - ROWS_SHOWN} more")
        lines += ["", "  positions   " + "   ".join(_position(report) for report in self.hops)]
        if self.evidence is not None:
            lines.append(f"  evidence    {self.evidence}")
        return "\n".join(lines)

    def _headline(self) -> str:
        fence = f"fence out after {self.fence_s:.2f} s" if self.fence_s is not None else "the fence is not out"
        waited = f"({fence}; waited {self.waited_s:.1f} of {self.budget_s:g} s)"
        wrong = [finding for finding in self.findings if not finding.harmless]
        committed = self.tally.committed if self.tally else len(self.committed)
        if not wrong:
            return f"nothing is wrong with {committed} committed events so far {waited}"
        clauses = []
        for (hop, kind), findings in groupby(wrong, key=lambda finding: (finding.hop, finding.kind)):
            number = self.tally.findings[hop, kind] if self.tally else len(list(findings))
            count = f"{number}" if kind == "unexpected" else f"{number} of {committed}"
            events = "event is" if number == 1 and kind == "unexpected" else "events are"
            waiting = kind == "missing" and self.obstacle is None
            pace = f" ({'slow' if self.hop(hop).moving else 'stuck'})" if waiting else ""
            clauses.append(f"{count} {events} {kind} {_place(kind, hop)}{pace}")
        return f"{', '.join(clauses)} {waited}"

    def _cells(self, id_: str, finding: Finding) -> list[str]:
        told = HOPS.index(finding.hop)
        cells = []
        for index, hop in enumerate(HOPS):
            here = [sighting for sighting in self.sightings[hop] if sighting.id == id_ and sighting.refused is None]
            if index == told:
                cells.append(_wrong(finding, here, self.fence_marks))
            elif not here:
                cells.append("–")
            elif hop == "connect":
                cells.append("read")
            elif hop == "postgres":
                lsn = next((message.lsn for message in self.committed if message.id == id_), None)
                cells.append(str(lsn) if lsn is not None else f"row {here[0].outbox_id}")
            else:
                cells.append(str(here[0].position))
        return cells


def _wrong(finding: Finding, here: Sequence[Sighting], fence_marks: Sequence[Position]) -> str:
    place = f"{here[0].position} " if here and here[0].position is not None else ""
    if finding.words == "not seen":
        behind = ", ".join(str(mark) for mark in fence_marks)
        return f"–  behind the fence at {behind}" if finding.kind == "lost" and behind else "–"
    return f"{place}{finding.words}"


def _place(kind: str, hop: str) -> str:
    index = HOPS.index(hop)
    return f"between {HOPS[index - 1]} and {hop}" if kind in ("lost", "missing") and index else f"at {hop}"


def _position(report: HopReport) -> str:
    # There is one topic; its name would only push the rest off the screen.
    told = (f"-{at.partition}@{at.offset}" if isinstance(at, TopicPosition) else str(at) for at in report.position)
    position = ", ".join(told) or "none yet"
    pace = "moving" if report.moving else f"still for {report.still_s:.0f} s"
    return f"{report.name} {position} ({pace})"


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    # The last column is as wide as its words; it is the one that breaks off at the screen's edge.
    return "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def commit_ms(committed: Sequence[Committed]) -> tuple[float, ...]:
    """From COMMIT sent to COMMIT answered, for each message."""
    return tuple((message.acknowledged_at - message.committed_at).total_seconds() * 1000 for message in committed)


def latencies_ms(committed: Sequence[Committed], sightings: Sequence[Sighting]) -> tuple[float, ...]:
    """From COMMIT sent to the first sighting, for each message that was seen with a time."""
    first: dict[int, datetime] = {}
    for sighting in sightings:
        if sighting.at is not None and sighting.refused is None:
            first[sighting.outbox_id] = min(sighting.at, first.get(sighting.outbox_id, sighting.at))
    return tuple(
        (first[message.outbox_id] - message.committed_at).total_seconds() * 1000
        for message in committed
        if message.outbox_id in first
    )
