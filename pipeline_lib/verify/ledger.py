"""The ledger: what was committed, held against the sightings at each hop.

For each committed message and each hop: it was seen there once and unchanged, or it is

- **lost**: the fence is out and it was not seen, or it was refused (a dead letter);
- **missing**: not seen, and the fence is not out either, so that it may still come;
- **duplicated**: counted more than once by the analysts;
- **redelivered**: there more than once where that is no failure: in the topic, or in ClickHouse as a copy that is
  collapsed into one;
- **reordered**: in its partition before one that its writer committed earlier, or before an earlier one of its key;
- **corrupted**: seen with another field than was committed;
- **skewed**: told to have happened after it was recorded, or written by a clock that is not PostgreSQL's.

What was seen of the same users and never committed is **unexpected**. A message is told of at the first hop where
something is wrong with it: what follows from that is not told again.

What the topic holds of a committed message, Connect wrote there: the connector's tasks, its transforms and its
producer. So what is wrong with it is Connect's, and Kafka's is what nobody but Kafka can have done, or what somebody
else has put there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pipeline_lib.model import instant
from pipeline_lib.model.outbox import FENCE, Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify.expected import fields_at, time_of

Kind = Literal["lost", "missing", "duplicated", "redelivered", "reordered", "corrupted", "skewed", "unexpected"]
HOPS = ("postgres", "connect", "kafka", "clickhouse")
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far a writer's clock may be from PostgreSQL's, and a transaction's end from the writing of its outbox row."""

Told = tuple[int, "Finding"]
"""A finding with the outbox row that it is about."""


@dataclass(frozen=True)
class Finding:
    """Something wrong (or, if `harmless`, worth telling) with one message at one hop; `words` say what was seen."""

    kind: Kind
    hop: str
    id: str
    words: str

    @property
    def harmless(self) -> bool:
        """Whether the analysts see the right thing all the same."""
        return self.kind == "redelivered"


def judge(
    committed: Sequence[Committed],
    sightings: Mapping[str, Sequence[Sighting]],
    fence_out: Mapping[str, bool],
    lost_fences: Sequence[Committed] = (),
) -> list[Finding]:
    """All findings, by hop in the order of the pipeline; `fence_out` tells for each hop whether absence is a fact.

    `lost_fences` are markers that never came to the topic, though later ones did.
    """
    return [finding for _, finding in judge_rows(committed, sightings, fence_out, lost_fences)]


def judge_rows(
    committed: Sequence[Committed],
    sightings: Mapping[str, Sequence[Sighting]],
    fence_out: Mapping[str, bool],
    lost_fences: Sequence[Committed] = (),
) -> list[Told]:
    """The same, each with the outbox row that it is about."""
    findings: list[Told] = []
    told: set[int] = set()
    known = {message.outbox_id for message in committed}
    for hop in HOPS:
        seen = _by_row(sightings[hop])
        here = [
            *((message.outbox_id, finding) for message in committed for finding in _of(message, hop, seen, fence_out)),
            *((outbox_id, _unexpected(hop, copies[0])) for outbox_id, copies in seen.items() if outbox_id not in known),
        ]
        if hop == "connect":
            here += _reordered(committed, _by_row(sightings["kafka"]))
            here += [(mark.outbox_id, Finding("lost", hop, FENCE, f"marker {mark.id}")) for mark in lost_fences]
        findings += [(outbox_id, finding) for outbox_id, finding in here if outbox_id not in told]
        told |= {outbox_id for outbox_id, finding in here if not finding.harmless}
    return findings


def _by_row(sightings: Sequence[Sighting]) -> dict[int, list[Sighting]]:
    seen: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        seen.setdefault(sighting.outbox_id, []).append(sighting)
    return seen


def _of(
    message: Committed, hop: str, seen: Mapping[int, Sequence[Sighting]], fence_out: Mapping[str, bool]
) -> Iterator[Finding]:
    copies = seen.get(message.outbox_id, ())
    refusals = [copy.refused for copy in copies if copy.refused is not None]
    taken = [copy for copy in copies if copy.refused is None and not copy.collapsed]
    if refusals and not taken:
        yield Finding("lost", hop, message.id, f"dead letter: {refusals[0]}")
    elif not taken:
        yield Finding("lost" if fence_out[hop] else "missing", hop, message.id, "not seen")
    stored = [copy for copy in copies if copy.refused is None]
    if len(stored) > 1 and hop != "kafka":  # in the topic it is Connect's
        kind: Kind = "redelivered" if hop == "connect" or len(taken) == 1 else "duplicated"
        at = ", ".join(str(copy.position or copy.outbox_id) for copy in stored)
        yield Finding(kind, hop, message.id, f"{len(stored)} times, at {at}")
    for copy in taken:
        differences = _differences(fields_at(hop, message.message), copy.fields)
        if differences:
            yield Finding("corrupted", hop, message.id, "; ".join(differences))
            break
    if hop == "postgres" and taken and taken[0].at is not None:
        yield from _skewed(message, taken[0].at)


def _differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    return [
        difference
        for name in expected
        if name not in seen or expected[name] != seen[name]
        for difference in _difference(name, expected[name], seen.get(name, "nothing"))
    ]


def _difference(name: str, committed: Any, seen: Any) -> list[str]:
    """Of an object only the fields that differ, so that it can be read."""
    if isinstance(committed, Mapping) and isinstance(seen, Mapping):
        keys = [key for key in {**committed, **seen} if committed.get(key, _ABSENT) != seen.get(key, _ABSENT)]
        pairs = ((key, committed.get(key, _ABSENT), seen.get(key, _ABSENT)) for key in keys)
        return [f"{name}.{key}: committed {one!s}, seen {other!s}" for key, one, other in pairs]
    return [f"{name}: committed {committed!s}, seen {seen!s}"]


class _Absent:
    def __str__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _skewed(message: Committed, recorded_at: datetime) -> Iterator[Finding]:
    told = time_of(message.message)
    if told is not None and told > recorded_at + CLOCK_TOLERANCE:
        words = f"told to have happened at {instant.to_text(told)}, recorded at {instant.to_text(recorded_at)}"
    elif abs(message.committed_at - recorded_at) > CLOCK_TOLERANCE:
        sent, row = instant.to_text(message.committed_at), instant.to_text(recorded_at)
        words = f"committed at {sent} by the writer's clock, at {row} by PostgreSQL's"
    else:
        return
    yield Finding("skewed", "postgres", message.id, words)


def _unexpected(hop: str, sighting: Sighting) -> Finding:
    what = sighting.refused or f"outbox row {sighting.outbox_id}, which is none of those that were committed"
    return Finding("unexpected", hop, sighting.id, what)


def _reordered(committed: Sequence[Committed], seen: Mapping[int, Sequence[Sighting]]) -> Iterator[Told]:
    """Those that stand behind a later one, by the first time that each was delivered.

    Of one writer the order of commits is that of its outbox ids, whatever the key; between writers it is known only
    within a key, which is theirs to keep.
    """
    furthest: dict[tuple[str, str], tuple[TopicPosition, str]] = {}
    for message in sorted(committed, key=lambda one: one.outbox_id):
        positions = [copy.position for copy in seen.get(message.outbox_id, ())]
        first = min((at for at in positions if isinstance(at, TopicPosition)), default=None)
        if first is None:
            continue
        lines = [("key", message.id)]
        if message.writer:
            lines.append((message.writer, str(first.partition)))
        before = max((furthest[line] for line in lines if line in furthest), default=None)
        if before is not None and first < before[0]:
            words = f"at {first}, and {before[1]}, committed earlier, at {before[0]}"
            yield message.outbox_id, Finding("reordered", "connect", message.id, words)
        for line in lines:
            furthest[line] = max(furthest.get(line, (first, message.id)), (first, message.id))
