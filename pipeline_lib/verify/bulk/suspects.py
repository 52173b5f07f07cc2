"""From the tables of a verification to its findings: SQL selects the suspects, `ledger.judge` decides, page by page.

A page is a range of outbox ids. What was committed before a message of the page and stands behind it in the topic is
loaded with it, though it may belong to another page: only findings about the page itself are kept.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipeline_lib.hops.connect import sighting_of as connect_sighting_of
from pipeline_lib.hops.kafka import sighting_of as topic_sighting_of
from pipeline_lib.hops.postgres import message_of
from pipeline_lib.hops.postgres import sighting_of as outbox_sighting_of
from pipeline_lib.hops.tail import read_message
from pipeline_lib.hops.typed_rows import sighting_of as typed_sighting_of
from pipeline_lib.hops.typed_rows import sightings_of as typed_sightings_of
from pipeline_lib.model import instant
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Lsn, TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify.ledger import CLOCK_TOLERANCE, HOPS, Finding, judge_rows

PAGE = 2000
"""Messages that are judged at once."""
KEPT = 100
"""Findings of each kind and hop that are kept to be shown; all are counted."""

AsksFor = Literal["all", "users", "ids"]
"""What else counts beside the committed: everything since a time, all of their users, or only what has their ids."""

Sightings = dict[str, list[Sighting]]


class Tables(Protocol):
    """A `Scratch`, or in a test what stands for one."""

    def run(self, name: str, **parameters: object) -> None:
        """A statement of `sql/clickhouse/verify/`."""
        ...

    def rows(self, name: str, *, final: bool = False, **parameters: object) -> list[dict[str, Any]]:
        """A question of `sql/clickhouse/verify/`; `final` where it has rows of the pipeline collapsed."""
        ...


@dataclass
class Findings:
    """All findings counted, and the first of each kind with what was committed and seen of their messages."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: list[Finding] = field(default_factory=list)
    committed: list[Committed] = field(default_factory=list)
    sightings: Sightings = field(default_factory=lambda: {hop: [] for hop in HOPS})

    def add(
        self,
        told: Iterable[tuple[int, Finding]],
        committed: Iterable[Committed],
        sightings: Mapping[str, Sequence[Sighting]],
    ) -> None:
        """The findings of a page, with all that was loaded for it."""
        shown = set()
        for outbox_id, finding in told:
            self.counts[finding.hop, finding.kind] += 1
            if self.counts[finding.hop, finding.kind] <= KEPT:
                self.kept.append(finding)
                shown.add(outbox_id)
        self.committed += [message for message in committed if message.outbox_id in shown]
        for hop, seen in sightings.items():
            self.sightings[hop] += [sighting for sighting in seen if sighting.outbox_id in shown]

    def in_order(self) -> tuple[Finding, ...]:
        """Those kept, by hop and kind."""
        return tuple(sorted(self.kept, key=lambda one: (HOPS.index(one.hop), one.harmless, one.kind)))


def select(tables: Tables, *, asks_for: AsksFor, asked_us: int, since_us: int, everything: bool = False) -> None:
    """Finds the suspects; with `everything` each message is one. Times are in microseconds after 1970: rows are looked
    at since one, and strays are told of since the other."""
    tables.run("fill_ways", since_us=since_us, tolerance_us=instant.microseconds(CLOCK_TOLERANCE))
    tables.run("find_reordered")
    tables.run("find_suspects", everything=everything)
    tables.run("find_strays", scope=asks_for, asked_us=asked_us, since_us=since_us)


def judge(
    tables: Tables,
    fence_out: Mapping[str, bool],
    *,
    topic: str,
    since_us: int,
    in_outbox: Callable[[Sequence[int]], Collection[int]] = lambda _: (),
    page: int = PAGE,
) -> Findings:
    """What is wrong with the suspects. A stray that `in_outbox` knows was committed, only not among what is asked."""
    findings = Findings()
    after = -(2**63)
    while ids := tables.rows("next_suspects", after=after, page=page):
        strays = [row["outbox_id"] for row in ids if row["stray"]]
        others = set(in_outbox([stray for stray in strays if stray > 0])) if strays else set()
        bounds: dict[str, Any] = {"after": after, "upto": ids[-1]["outbox_id"]}
        committed = [_committed(row) for row in tables.rows("load_committed", **bounds)]
        sightings = _sightings(tables, topic, {**bounds, "since_us": since_us}, others)
        # What the topic holds of what was not committed, nobody knows to be the connector's.
        known = {message.outbox_id for message in committed}
        sightings["connect"] = [one for one in sightings["connect"] if one.outbox_id in known]
        here = {row["outbox_id"] for row in ids}
        told = [(id_, finding) for id_, finding in judge_rows(committed, sightings, fence_out) if id_ in here]
        findings.add(told, committed, sightings)
        after = bounds["upto"]
    return findings


def _committed(row: Mapping[str, Any]) -> Committed:
    committed_at, message = instant.from_microseconds(row["committed_us"]), message_of(row)
    if not row["writer"]:
        return Committed.by_others(message, row["outbox_id"], committed_at)
    acknowledged_at = instant.from_microseconds(row["acknowledged_us"])
    return Committed(message, row["outbox_id"], Lsn(row["lsn"]), committed_at, acknowledged_at, row["writer"])


def _sightings(tables: Tables, topic: str, about: Mapping[str, Any], others: Collection[int]) -> Sightings:
    bounds = {"after": about["after"], "upto": about["upto"]}
    messages = [(row["outbox_id"], _topic_message(row, topic)) for row in tables.rows("load_topic", **bounds)]
    envelopes = [message for _, message in messages if message.envelope is not None]
    rows = tables.rows("load_events", **about)
    seen: Sightings = {
        "postgres": [
            outbox_sighting_of(row, instant.from_microseconds(row["created_us"]))
            for row in tables.rows("load_outbox", **bounds)
        ],
        "connect": [connect_sighting_of(message) for message in envelopes],
        "kafka": [
            topic_sighting_of(message)
            if message.envelope is not None
            else Sighting(
                "kafka", str(message.position), outbox_id, message.position, message.received_at, refused=message.fault
            )
            for outbox_id, message in messages
        ],
        "clickhouse": [
            *typed_sightings_of(rows, lambda: tables.rows("load_events", final=True, **about)),
            *map(typed_sighting_of, tables.rows("load_dead_letters", **about)),
        ],
    }
    return {hop: [one for one in sightings if one.outbox_id not in others] for hop, sightings in seen.items()}


def _topic_message(row: Mapping[str, Any], topic: str) -> Any:
    """Bytes come as hexadecimal: the driver would read them as UTF-8."""
    key, value = (None if row[name] is None else bytes.fromhex(row[name]) for name in ("key", "value"))
    at = instant.from_microseconds(row["produced_ms"] * 1000)
    return read_message(TopicPosition(topic, row["partition"], row["offset"]), key, value, at)
