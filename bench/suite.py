"""How long all features take on a stack that is up, with two workers and in random order, and whether it is ever else
than green.

`python -m bench.suite [--runs 20] [--workers 2] [--seed 1]`. Each run has another order, told by its seed; the time is
the whole command's, its own start included. Ends at the first run that fails or leaks, with what pytest said.
`slowest` is the slowest scenario that is not tagged slow, without the wait for its turn while another is alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from bench.measure import keep, spread, stack_or_its_own

TARGETS = {"suite_s": 150, "slowest_s": 5}
FEATURES = str(Path(__file__).parents[1] / "features")


@dataclass(frozen=True)
class Run:
    """One run that passed: its seconds, and those of its slowest scenario that is not tagged slow."""

    seconds: float
    scenarios: int
    slowest: str
    slowest_s: float


def main() -> None:
    """Prints a line a run, and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", help="use this one instead of a fresh one")
    arguments = parser.parse_args()

    def measure(stack: str) -> None:
        slow = _slow()
        runs = []
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            runs.append(_run(stack, arguments.workers, seed, slow))
            print(json.dumps({"seed": seed, **vars(runs[-1])}), flush=True)
            figures = {
                "suite_s": spread([run.seconds for run in runs]),
                "slowest_s": spread([run.slowest_s for run in runs]),
            }
            keep(
                "suite", {"workers": arguments.workers, "scenarios": runs[-1].scenarios, "targets": TARGETS, **figures}
            )

    with stack_or_its_own(arguments.stack) as stack:
        measure(stack)


def _run(stack: str, workers: int, seed: int, slow: set[str]) -> Run:
    order = ["--random-order", "--random-order-bucket=global", f"--random-order-seed={seed}"]
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        told = [f"--junit-xml={report.name}", "-o", "junit_duration_report=call", "-q", "-n", str(workers)]
        start = time.perf_counter()
        ran = _pytest(FEATURES, "--stack", stack, *told, *order)
        seconds = time.perf_counter() - start
        if ran.returncode:
            raise SystemExit(f"The run with seed {seed} failed.\n{ran.stdout}{ran.stderr}")
        cases = ElementTree.parse(report.name).findall(".//testcase")
    took = {case.get("name", ""): float(case.get("time", 0)) for case in cases}
    quick = {name: taken for name, taken in took.items() if name not in slow}
    slowest = max(quick, key=lambda name: quick[name])
    return Run(round(seconds, 1), len(took), slowest, quick[slowest])


def _slow() -> set[str]:
    """The names of the scenarios that are tagged slow."""
    listed = _pytest(FEATURES, "--collect-only", "-q", "-m", "slow").stdout
    return {line.rpartition("::")[2] for line in listed.splitlines() if "::" in line}


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
