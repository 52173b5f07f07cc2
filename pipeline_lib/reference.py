"""The reference journey, sent through a pipeline and judged: a visitor of the checkout experiment who converts.

The visitor is assigned to control, sees /landing, views /product for 15 seconds, clicks the call to action and buys for
39.99 USD with a score of 88. Analysts must see that journey, a total value of 40.99, the score, and one session.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline_lib.analytics.journeys import EventDetail, JourneySummary
from pipeline_lib.model.journey import CHECKOUT, CONTROL, REFERENCE_ACTS, Visitor
from pipeline_lib.pipeline import NotAsExpected, Pipeline
from pipeline_lib.verify.budget import Budget
from pipeline_lib.verify.verdict import HopReport, Verdict


@dataclass(frozen=True)
class HopLine:
    """What was seen at one step of the way; latencies are from COMMIT sent, and None where nothing was seen."""

    name: str
    expected: int
    seen: int
    p50_ms: Decimal | None
    p99_ms: Decimal | None
    position: str


@dataclass(frozen=True)
class Report:
    """The journey as it was seen; `elapsed_s` is from the first commit to the verdict."""

    hops: tuple[HopLine, ...]
    verdict: Verdict
    journey: JourneySummary | None
    events: tuple[EventDetail, ...]
    elapsed_s: Decimal
    differences: tuple[str, ...]
    """Where the analysts' view is not the reference journey."""

    @property
    def passed(self) -> bool:
        """Whether everything arrived once and unchanged, and reads as it should."""
        return self.verdict.passed and not self.differences and all(hop.seen == hop.expected for hop in self.hops)

    def as_dict(self) -> Mapping[str, Any]:
        """For `exact_json`."""
        return {
            "verdict": "passed" if self.passed else "failed",
            "hops": [asdict(hop) for hop in self.hops],
            "journey": _plain(asdict(self.journey)) if self.journey else None,
            "events": [_plain(asdict(event)) for event in self.events],
            "elapsed_s": self.elapsed_s,
            "failure": None if self.passed else "\n".join([self.verdict.text(), *self.differences]),
        }


def run(pipeline: Pipeline, within: Budget | None = None) -> Report:
    """Sends a new visitor through the pipeline and says what was seen of it."""
    journey = pipeline.begin_journey()
    began = time.perf_counter()
    journey.assign(CONTROL)
    for act in REFERENCE_ACTS:
        journey.record(act)
    promise = pipeline.expect(journey.committed)
    try:
        delivery = promise.delivered(within)
    except NotAsExpected as failure:
        return Report(_hops(pipeline, journey.visitor, failure.verdict), failure.verdict, None, (), _since(began), ())
    summary = delivery.journey_of(journey.visitor)
    events = tuple(delivery.events_of(journey.visitor))
    elapsed_s = _since(began)
    differences = tuple(
        f"analysts see {name} {getattr(summary, name)}, not {value}"
        for name, value in asdict(expected(journey.visitor)).items()
        if getattr(summary, name) != value
    )
    hops = _hops(pipeline, journey.visitor, delivery.verdict)
    return Report(hops, delivery.verdict, summary, events, elapsed_s, differences)


def expected(visitor: Visitor) -> JourneySummary:
    """What analysts must see of the reference journey."""
    return JourneySummary(
        user_id=visitor.user_id,
        experiment_id=CHECKOUT,
        variant_key=CONTROL.key,
        journey=tuple(act.event_type for act in REFERENCE_ACTS),
        total_events=len(REFERENCE_ACTS),
        total_value=Decimal("40.99"),
        conversion_score=Decimal(88),
        sessions=1,
    )


def _since(began: float) -> Decimal:
    return Decimal(f"{time.perf_counter() - began:.3f}")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Times as ISO 8601 text; Decimals without the zeros that a column's scale adds."""
    shown = {key: value.normalize() for key, value in values.items() if isinstance(value, Decimal)}
    times = {key: value.isoformat() for key, value in values.items() if isinstance(value, datetime)}
    return {**values, **shown, **times}


def _hops(pipeline: Pipeline, visitor: Visitor, verdict: Verdict) -> tuple[HopLine, ...]:
    """The report's five steps: the domain's rows and the outbox are both PostgreSQL's, told apart."""
    outbox, *rest = verdict.hops
    rows = len(pipeline.chain.postgres.domain_rows(visitor.user_id))
    return (_line("postgres", outbox, rows), _line("outbox", outbox), *(_line(hop.name, hop) for hop in rest))


def _line(name: str, hop: HopReport, seen: int | None = None) -> HopLine:
    return HopLine(
        name=name,
        expected=hop.expected,
        seen=hop.seen if seen is None else seen,
        p50_ms=_rounded(hop.percentile_ms(50)),
        p99_ms=_rounded(hop.percentile_ms(99)),
        position=", ".join(str(at) for at in hop.position),
    )


def _rounded(milliseconds: float | None) -> Decimal | None:
    return None if milliseconds is None else Decimal(f"{milliseconds:.1f}")
