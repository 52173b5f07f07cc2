"""The ledger: what was committed, held against the sightings at each hop.

For each committed message and each hop: it was seen there once and unchanged, or it is

- **lost**: the fence is out and it was not seen, or it was refused (a dead letter);
- **missing**: not seen, and the fence is not out either, so that it may still come;
- **duplicated**: seen more than once; in Kafka that is **redelivered**, which is no failure, since ClickHouse counts
  a redelivered message once;
- **reordered**: seen before one of the same partition that was committed earlier;
- **corrupted**: seen with another field than was committed.

What was seen of the same users and never committed is **unexpected**. A message is told of at the first hop where
something is wrong with it: what follows from that is not told again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify.expected import fields_at

Kind = Literal["lost", "missing", "duplicated", "redelivered", "reordered", "corrupted", "unexpected"]
HOPS = ("postgres", "connect", "kafka", "clickhouse")


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
    committed: Sequence[Committed], sightings: Mapping[str, Sequence[Sighting]], fence_out: Mapping[str, bool]
) -> list[Finding]:
    """All findings, by hop in the order of the pipeline; `fence_out` tells for each hop whether absence is a fact."""
    findings: list[Finding] = []
    told: set[int] = set()
    known = {message.outbox_id for message in committed}
    for hop in HOPS:
        seen: dict[int, list[Sighting]] = {}
        for sighting in sightings[hop]:
            seen.setdefault(sighting.outbox_id, []).append(sighting)
        here = [
            *((message.outbox_id, finding) for message in committed for finding in _of(message, hop, seen, fence_out)),
            *((outbox_id, _unexpected(hop, copies[0])) for outbox_id, copies in seen.items() if outbox_id not in known),
            *(_reordered(committed, seen) if hop == "kafka" else ()),
        ]
        findings += [finding for outbox_id, finding in here if outbox_id not in told]
        told |= {outbox_id for outbox_id, finding in here if not finding.harmless}
    return findings


def _of(
    message: Committed, hop: str, seen: Mapping[int, Sequence[Sighting]], fence_out: Mapping[str, bool]
) -> Iterator[Finding]:
    copies = seen.get(message.outbox_id, ())
    refusals = [copy.refused for copy in copies if copy.refused is not None]
    taken = [copy for copy in copies if copy.refused is None]
    if refusals and not taken:
        yield Finding("lost", hop, message.id, f"dead letter: {refusals[0]}")
    elif not taken:
        yield Finding("lost" if fence_out[hop] else "missing", hop, message.id, "not seen")
    if len(taken) > 1:
        yield Finding(
            "redelivered" if hop == "kafka" else "duplicated",
            hop,
            message.id,
            "at " + ", ".join(str(copy.position or copy.outbox_id) for copy in taken),
        )
    for copy in taken:
        differences = _differences(fields_at(hop, message.message), copy.fields)
        if differences:
            yield Finding("corrupted", hop, message.id, "; ".join(differences))
            break


def _differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: committed {expected[name]!s}, seen {seen.get(name, 'nothing')!s}"
        for name in expected
        if name not in seen or expected[name] != seen[name]
    ]


def _unexpected(hop: str, sighting: Sighting) -> Finding:
    return Finding("unexpected", hop, sighting.id, f"outbox row {sighting.outbox_id} was not committed by this journey")


def _reordered(committed: Sequence[Committed], seen: Mapping[int, Sequence[Sighting]]) -> Iterator[tuple[int, Finding]]:
    """Those that stand behind a later one of their partition, by the first time that each was delivered."""
    furthest: dict[int, tuple[TopicPosition, str]] = {}
    for message in committed:
        positions = [copy.position for copy in seen.get(message.outbox_id, ())]
        first = min((at for at in positions if isinstance(at, TopicPosition)), default=None)
        if first is None:
            continue
        before = furthest.get(first.partition)
        if before is not None and first < before[0]:
            words = f"at {first}, and {before[1]}, committed earlier, at {before[0]}"
            yield message.outbox_id, Finding("reordered", "kafka", message.id, words)
        else:
            furthest[first.partition] = (first, message.id)
