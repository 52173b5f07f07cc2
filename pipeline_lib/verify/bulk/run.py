"""A verification from what is asked to the verdict.

    for journeys: the audit of the topic begins, the journeys are written
    since a moment: the audit begins there, and the outbox is read meanwhile
    for ids: the outbox is read, and the audit begins at what it holds
    a fence is written and waited for; for journeys, the outbox is read meanwhile
    the audit ends at the fence
    the suspects are found and judged

What comes into the outbox while others' messages are verified is not asked about: it is behind what was read. It may
still stand in the topic before the fence, so a stray is looked for in the outbox once more.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from pipeline_lib import sql
from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.postgres import connect
from pipeline_lib.model import instant
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import Lsn, TopicPosition
from pipeline_lib.verify import evidence
from pipeline_lib.verify.budget import Budget
from pipeline_lib.verify.bulk import journeys, moments
from pipeline_lib.verify.bulk.asked import Asked, Events, Journeys, Since, ids_in
from pipeline_lib.verify.bulk.audit import Audit
from pipeline_lib.verify.bulk.rowbinary import string
from pipeline_lib.verify.bulk.scratch import COMMITTED_COLUMNS, OUTBOX_COLUMNS, Scratch, open_scratch
from pipeline_lib.verify.bulk.suspects import AsksFor, Findings, judge, select
from pipeline_lib.verify.ledger import CLOCK_TOLERANCE, HOPS
from pipeline_lib.verify.verdict import HopReport, Tally, Verdict
from pipeline_lib.verify.watch import FenceWatch, Watch

IDS_ASKED = 10_000
"""Of so many ids the rows are asked for by id; of more, the whole outbox is read."""
LOOKED_UP = 10_000


class Shown(Protocol):
    """Who is told how far it is."""

    def expect(self, messages: int, start: Sequence[TopicPosition]) -> None:
        """So many messages will have come to each hop, in the topic from `start` on."""
        ...

    def wrote(self, messages: int) -> None:
        """So many more are committed."""
        ...


class Silent:
    """Tells nobody."""

    def expect(self, messages: int, start: Sequence[TopicPosition]) -> None:
        """Nothing."""

    def wrote(self, messages: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Outcome:
    """The verdict, and the seconds that it took to write journeys or read the outbox, and, once the wait for the fence
    was over, to end the audit and judge."""

    verdict: Verdict
    prepared_s: float
    judged_s: float


@dataclass(frozen=True)
class Range:
    """What is looked at: the topic from `start`, and rows of ClickHouse since; what is older is not `asked` about."""

    asks_for: AsksFor
    start: tuple[TopicPosition, ...]
    asked_us: int
    since_us: int


def is_fence(value: bytes | None) -> bool:
    """Whether a message may be a fence's; of the others a tail need not know more than that they came."""
    return b'"fence"' in (value or b"")


def verify(
    endpoints: Endpoints, chain: Chain, asked: Asked, within: Budget, evidence_root: Path, shown: Shown
) -> Outcome:
    """The verdict, its evidence filed if something is wrong; `within` is for the fence to come out.

    Raises UserError if a system goes away, or if what is asked makes no sense.
    """
    began = time.monotonic()
    try:
        with ExitStack() as closing_:
            scratch = closing_.enter_context(open_scratch(endpoints.clickhouse))
            verification = _Verification(endpoints, chain, scratch, shown, closing_)
            verdict = verification.verdict(asked, within)
            judged = time.monotonic()
    except Exception as error:
        gone = next((hop.name for hop in chain.hops if hop.may_pass(error)), None)
        if gone is None:
            raise
        raise UserError(
            f"{gone} went away during the verification: {str(error).splitlines()[0]}. See `throughline status`; "
            "`throughline up` mends a stack."
        ) from None
    if not verdict.passed:
        verdict = replace(verdict, evidence=str(evidence.file(evidence_root, "verify", verdict, chain)))
    return Outcome(verdict, verification.waiting_since - began, judged - verification.waiting_since - verdict.waited_s)


class _Verification:
    """One verification on an open chain."""

    def __init__(self, endpoints: Endpoints, chain: Chain, scratch: Scratch, shown: Shown, closing_: ExitStack) -> None:
        self._endpoints = endpoints
        self._chain = chain
        self._scratch = scratch
        self._shown = shown
        self._closing = closing_
        self.waiting_since = self._waited = 0.0

    def verdict(self, asked: Asked, within: Budget) -> Verdict:
        """What has become of what is asked about."""
        if isinstance(asked, Journeys):
            return self._of_journeys(asked, within)
        return self._since(asked, within) if isinstance(asked, Since) else self._of_events(asked, within)

    def _of_journeys(self, asked: Journeys, within: Budget) -> Verdict:
        (now,) = self._scratch.rows("now")
        range_ = Range("users", self._chain.kafka.tail.start, now["now_us"], now["now_us"])
        audit = self._audit(range_.start)
        self._shown.expect(asked.number * journeys.MESSAGES, range_.start)
        rows = journeys.write(self._endpoints.postgres, asked, self._shown.wrote)
        self._scratch.load("committed", COMMITTED_COLUMNS, "RowBinary", rows)
        with ThreadPoolExecutor(1) as beside:
            reading = beside.submit(self._read_outbox, "o.id >= %(first)s", {"first": self._chain.postgres.first_id})
            watch, fence = self._wait(within)
        reading.result()
        return self._verdict(range_, audit, watch, fence, within)

    def _since(self, asked: Since, within: Budget) -> Verdict:
        moment = self._moment(asked.moment)
        start = self._start(moment)
        # The topic is read while the outbox is.
        audit = self._audit(start)
        if moment is None:
            self._read_outbox("true")
        else:
            self._read_outbox("o.created_at >= %(moment)s", {"moment": moment})
        told = self._commit_outbox(only_asked=False)
        asked_us = instant.to_microseconds(moment) if moment is not None else told["oldest_us"]
        return self._of_outbox(audit, Range("all", start, asked_us, _with_margin(asked_us)), told["rows"], within)

    def _of_events(self, asked: Events, within: Budget) -> Verdict:
        ids = ids_in(asked.file)
        first = list(islice(ids, IDS_ASKED + 1))
        self._scratch.load("asked", ["aggregate_id"], "RowBinary", (string(id_.encode()) for id_ in _both(first, ids)))
        if len(first) > IDS_ASKED:
            self._read_outbox("true")
        else:
            self._read_outbox("o.aggregate_id = ANY (%(ids)s)", {"ids": first})
        told = self._commit_outbox(only_asked=True)
        self._scratch.run("commit_unknown")
        asked_us = told["oldest_us"] or told["now_us"]
        start = self._start(instant.from_microseconds(asked_us))
        audit = self._audit(start)
        return self._of_outbox(audit, Range("ids", start, asked_us, _with_margin(asked_us)), told["rows"], within)

    def _start(self, moment: datetime | None) -> tuple[TopicPosition, ...]:
        start = moments.positions_since(self._endpoints.kafka, self._chain.kafka.tail.start, moment)
        moments.refuse_forgotten(self._endpoints.kafka, start)
        return start

    def _commit_outbox(self, *, only_asked: bool) -> dict[str, Any]:
        self._scratch.run("commit_outbox", only_asked=only_asked)
        (told,) = self._scratch.rows("oldest", only_asked=only_asked)
        return told

    def _of_outbox(self, audit: Audit, range_: Range, rows: int, within: Budget) -> Verdict:
        self._shown.expect(rows, range_.start)
        self._shown.wrote(rows)
        watch, fence = self._wait(within)
        return self._verdict(range_, audit, watch, fence, within)

    def _moment(self, since: Lsn | datetime | None) -> datetime | None:
        if not isinstance(since, Lsn):
            return since
        (end,) = self._chain.postgres.position()
        if since > end:
            raise UserError(f"--since {since} is not written yet: the WAL ends at {end}.")
        return moments.written_at(self._endpoints.kafka, self._chain.kafka.tail.start, since) or instant.now()

    def _read_outbox(self, scope: str, parameters: dict[str, Any] | None = None) -> None:
        question = sql.read("postgres", "verify/outbox").replace(":scope", scope)
        with (
            closing(connect(self._endpoints.postgres, "owner", answers_within_s=None)) as connection,
            connection.cursor() as cursor,
            cursor.copy(f"COPY ({question}) TO STDOUT".encode(), parameters) as rows,
        ):
            self._scratch.load("outbox", OUTBOX_COLUMNS, "TabSeparated", (bytes(row) for row in rows))

    def _audit(self, start: Sequence[TopicPosition]) -> Audit:
        audit = Audit(self._endpoints.kafka, start, self._scratch)
        self._closing.callback(audit.close)
        return audit

    def _wait(self, within: Budget) -> tuple[Watch, FenceWatch]:
        self.waiting_since = time.monotonic()
        watch = Watch(self._chain, (), within)
        fence = watch.run()
        self._waited = time.monotonic() - self.waiting_since
        return watch, fence

    def _verdict(self, range_: Range, audit: Audit, watch: Watch, fence: FenceWatch, within: Budget) -> Verdict:
        # What is behind the fence may belong to what was committed since.
        audit.finish(fence.marks or self._chain.kafka.position())
        select(self._scratch, asks_for=range_.asks_for, asked_us=range_.asked_us, since_us=range_.since_us)
        findings = judge(
            self._scratch,
            fence.out_of(),
            topic=self._endpoints.kafka.topic,
            since_us=range_.since_us,
            in_outbox=self._in_outbox if range_.asks_for != "users" else lambda _: (),
        )
        return self._told(findings, watch, fence, within)

    def _in_outbox(self, ids: Sequence[int]) -> Collection[int]:
        with closing(connect(self._endpoints.postgres, "owner")) as connection:
            found = connection.execute("SELECT id FROM outbox WHERE id = ANY (%s)", [list(ids)]).fetchall()
        return {id_ for (id_,) in found}

    def _told(self, findings: Findings, watch: Watch, fence: FenceWatch, within: Budget) -> Verdict:
        (counts,) = self._scratch.rows("counts")
        counts["connect"] = counts["kafka"]
        movements = {hop.name: watch.movement_of(hop) for hop in self._chain.hops}
        return Verdict(
            committed=tuple(findings.committed),
            findings=findings.in_order(),
            hops=tuple(
                HopReport(
                    hop,
                    counts["expected"],
                    counts[hop],
                    tuple(counts[f"{hop}_ms"]),
                    movements[hop].position,
                    movements[hop].still_s,
                )
                for hop in HOPS
            ),
            sightings=findings.sightings,
            waited_s=self._waited,
            budget_s=within.seconds,
            fence_s=fence.out_s,
            fence_marks=fence.marks,
            obstacle=fence.obstacle,
            tally=Tally(counts["expected"], findings.counts),
        )


def _with_margin(moment_us: int) -> int:
    """The moment as ClickHouse's clock may have it."""
    return max(0, moment_us - instant.microseconds(CLOCK_TOLERANCE))


def _both(first: Iterable[str], rest: Iterable[str]) -> Iterator[str]:
    yield from first
    yield from rest
