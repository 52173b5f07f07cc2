"""The proof: breaks a stack on purpose, one defect at a time, and tells what the verdict named and how soon.

`python -m bench.prove [--stack NAME]`. Prints a line a defect, writes the table into `docs/proof.md` and the figures to
`bench/results/proof.json`; the exit status is 0 only if each defect was named and no healthy run had one. A stack that
is given must have the transforms on its plugin path; without it, one of the proof's own is brought up.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import page
from bench.measure import RESULTS, endpoints, quantiles, stack_of_its_own
from pipeline_lib.pipeline import open_pipeline
from tests.sabotage.compiler import compile_transforms
from tests.sabotage.defects import DEFECTS
from tests.sabotage.site import open_site
from tests.sabotage.trial import HEALTHY_RUNS, Outcome, healthy, run

DOCUMENT = Path(__file__).parents[1] / "docs" / "proof.md"
SOON_S = 1
"""A terminal failure is to be told of so soon after it can be seen."""


def main() -> int:
    """Proves, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", help="break this one instead of a fresh one")
    arguments = parser.parse_args()
    if arguments.stack:
        return prove(arguments.stack)
    with tempfile.TemporaryDirectory() as folder:
        plugins = compile_transforms(Path(folder))
        with stack_of_its_own("embedded", f"connect.plugins={plugins}") as stack:
            return prove(stack)


def prove(stack: str) -> int:
    """The exit status of all defects and the healthy runs on a stack."""
    where = endpoints(stack)
    outcomes = []
    for defect in DEFECTS:
        with open_pipeline(where, defect.name) as pipeline, open_site(where, pipeline) as site:
            outcome = run(site, defect)
        outcomes.append(outcome)
        kind, hop = outcome.named
        print(f"{defect.name:48} {kind:12} {hop:11} {outcome.seconds:6.2f} s  {'; '.join(outcome.faults)}", flush=True)
    with open_pipeline(where, "healthy") as pipeline:
        seconds = []
        for _ in range(HEALTHY_RUNS):
            began = time.perf_counter()
            healthy(pipeline)  # raises if there is anything to tell
            seconds.append(time.perf_counter() - began)
    summary = _summary(outcomes, seconds)
    print(f"\n{summary}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "proof.json").write_text(json.dumps([_figures(outcome) for outcome in outcomes], indent=2) + "\n")
    page.put(DOCUMENT, f"{_table(outcomes)}\n{summary}\n")
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def _figures(outcome: Outcome) -> dict[str, object]:
    kind, hop = outcome.named
    return {
        "defect": outcome.defect.name,
        "hop_expected": outcome.defect.hop,
        "hop_named": hop,
        "kind_expected": outcome.defect.kind,
        "kind_named": kind,
        "seconds": round(outcome.seconds, 3),
    }


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [
        "| defect | named | at | seconds to the verdict | of them after it could be seen |",
        "|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        kind, hop = outcome.named
        visible = outcome.after_visible_s
        after = "" if visible is None else f"{visible:.2f}"
        rows.append(f"| {outcome.defect.name} | {kind} | {hop} | {outcome.seconds:.2f} | {after} |")
    return "\n".join(rows) + "\n"


def _summary(outcomes: Sequence[Outcome], healthy_s: Sequence[float]) -> str:
    spread = quantiles(healthy_s)
    terminal = {outcome.defect.name: outcome.after_visible_s for outcome in outcomes if outcome.after_visible_s}
    late = [name for name, after_s in terminal.items() if after_s > SOON_S]
    named = sum(not outcome.faults for outcome in outcomes)
    return (
        f"{named} of {len(outcomes)} defects were named as they should be. {len(healthy_s)} healthy journeys in a row "
        f"had none, each in {spread['p50']:.2f} s (p50) to {spread['max']:.2f} s (max), the writing included. Of "
        f"{len(terminal)} terminal failures {len(terminal) - len(late)} were told of within {SOON_S} s of when they "
        f"could be seen{'; later: ' + ', '.join(late) if late else ''}."
    )


if __name__ == "__main__":
    sys.exit(main())
