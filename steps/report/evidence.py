"""What a step saw, for a reader of the report: rows, envelopes, positions and latency; what analysts were told.

It is read from the step's own arguments after it has run, so that steps need not say it.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from pipeline_lib.pipeline import Delivery, Journey
from pipeline_lib.trial import Trial
from pipeline_lib.verify.verdict import Verdict
from steps.report.record import Attachment

MOST_SIGHTINGS = 10
JSON = "application/json"
NAMES = {"postgres": "outbox rows", "connect": "capture", "kafka": "envelopes", "clickhouse": "rows"}
"""How a reader is told what is seen at a hop."""
QUANTILES = (50, 95, 99)


def evidence_of(hop: str, arguments: Mapping[str, object]) -> list[Attachment]:
    """Of a step of this hop; steps of other modules are told of at the last one."""
    found: dict[str, Any] = {}
    for value in arguments.values():
        found |= _told(value, hop if hop in NAMES else "clickhouse")
    return [
        Attachment(name, JSON, json.dumps(to_jsonable_python(value, fallback=str), indent=2, ensure_ascii=False))
        for name, value in found.items()
    ]


def _told(value: object, hop: str) -> dict[str, Any]:
    match value:
        case Delivery():
            return {NAMES[hop]: _seen(value.verdict, hop), "latency": _latency(value.verdict)}
        case Journey() if hop == "postgres" and value.committed:
            return {"committed": [{"lsn": str(one.lsn), "message": one.message} for one in value.committed]}
        case Trial() if value.verdict is not None:
            return {**value.told, "latency": _latency(value.verdict)}
        case dict():
            return {name: told for inner in value.values() for name, told in _told(inner, hop).items()}
    return {}


def _seen(verdict: Verdict, hop: str) -> dict[str, Any]:
    report = verdict.hop(hop)
    sightings = [
        {"position": str(one.position), "at": one.at, "id": one.id, **one.fields} for one in verdict.sightings[hop]
    ]
    return {
        "seen": f"{report.seen} of {report.expected}",
        "position": [str(at) for at in report.position],
        "first": sightings[:MOST_SIGHTINGS],
    }


def _latency(verdict: Verdict) -> dict[str, str]:
    """From COMMIT to each hop."""
    return {
        report.name: ", ".join(f"p{one} {report.percentile_ms(one):.1f} ms" for one in QUANTILES)
        for report in verdict.hops
        if report.latencies_ms
    }
