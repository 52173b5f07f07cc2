"""A verdict on any number of messages, as a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from stacks.cli.tables import hops_table

if TYPE_CHECKING:
    from pipeline_lib.verify.bulk.run import Outcome
    from pipeline_lib.verify.verdict import HopReport, Verdict


def print_verdict(verdict: "Verdict") -> None:
    """The hops, and what is wrong, if anything."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(
        hops_table(
            (hop.name, hop.expected, hop.seen, hop.percentile_ms(50), hop.percentile_ms(99), _positions(hop))
            for hop in verdict.hops
        )
    )
    console.print(("passed: " if verdict.passed else "failed: ") + verdict.text(), markup=False, soft_wrap=True)


def as_dict(outcome: "Outcome") -> Mapping[str, Any]:
    """For `exact_json`."""
    verdict = outcome.verdict
    counts = verdict.tally.findings if verdict.tally else {}
    return {
        "verdict": "passed" if verdict.passed else "failed",
        "committed": verdict.tally.committed if verdict.tally else len(verdict.committed),
        "hops": [_hop(hop) for hop in verdict.hops],
        "counts": [{"kind": kind, "hop": hop, "count": count} for (hop, kind), count in sorted(counts.items())],
        "findings": [asdict(finding) for finding in verdict.findings],
        "fence_s": _decimal(verdict.fence_s),
        "prepared_s": _decimal(outcome.prepared_s),
        "waited_s": _decimal(verdict.waited_s),
        "judged_s": _decimal(outcome.judged_s),
        "obstacle": asdict(verdict.obstacle) if verdict.obstacle else None,
        "evidence": verdict.evidence,
        "text": verdict.text(),
    }


def _hop(hop: "HopReport") -> dict[str, Any]:
    return {
        "name": hop.name,
        "expected": hop.expected,
        "seen": hop.seen,
        "p50_ms": _decimal(hop.percentile_ms(50)),
        "p99_ms": _decimal(hop.percentile_ms(99)),
        "position": _positions(hop),
    }


def _positions(hop: "HopReport") -> str:
    return ", ".join(str(at) for at in hop.position)


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(f"{number:.3f}")
