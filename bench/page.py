"""The page of figures, `docs/measured.md`: what `bench/results/` holds, in the words of a reader, beside the targets.

`python -m bench.page` writes its table anew; every measurement does so when it keeps its results.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parents[1] / "docs" / "measured.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.DOTALL)


Read = Callable[[Any], str]
"""From a file's result to what is told of it."""


def spread(name: str, unit: str, digits: int = 1) -> Read:
    """A median with its least and most."""
    return lambda result: _spread(result[name], unit, digits)


def _spread(found: Mapping[str, float], unit: str, digits: int) -> str:
    low, middle, high = (f"{found[one]:.{digits}f}" for one in ("min", "median", "max"))
    return f"{middle} {unit} (n={found['n']})" if found["n"] == 1 else f"{middle} {unit} ({low}–{high}, n={found['n']})"


def rounds(percentile: str) -> Read:
    """A percentile of several rounds: the median of the rounds', with the least and the most."""

    def read(result: Any) -> str:
        found = [one[percentile] for one in result["rounds"]]
        each = result["rounds"][0]["n"]
        return f"{median(found):.0f} ms ({min(found):.0f}–{max(found):.0f} in {len(found)} rounds of n={each})"

    return read


def share(percentile: str) -> Read:
    """A percentile of the harness's share."""
    return lambda result: f"{result['share'][percentile]:.1f} ms (n={result['share']['n']})"


def events(number: int, name: str, unit: str = "s") -> Read:
    """A figure of the verification of so many events."""
    return lambda result: _spread(next(one for one in result["rounds"] if one["events"] == number)[name], unit, 1)


def experiments(number: int, name: str) -> Read:
    """A figure of the results of one of so many experiments."""
    return lambda result: _spread(next(one for one in result["measured"] if one["experiments"] == number)[name], "s", 2)


def _start(up: str, noop: str, demo: str, down: str, memory: str) -> list[tuple[str, str, Read]]:
    return [
        ("`up`, from nothing", up, spread("up_s", "s")),
        ("`up` with nothing to do", noop, spread("noop_up_s", "s")),
        ("`demo`", demo, spread("demo_s", "s")),
        ("`down`", down, spread("down_s", "s")),
        ("memory when idle", memory, spread("idle_memory_mb", "MB", 0)),
    ]


def _latency(p50: str, p99: str) -> list[tuple[str, str, Read]]:
    return [
        ("commit to queryable at 20/s, p50", p50, rounds("p50")),
        ("commit to queryable at 20/s, p99", p99, rounds("p99")),
    ]


MILLION = 1_000_000
FIGURES: Mapping[tuple[str, str], Sequence[tuple[str, str, Read]]] = {
    ("start", ""): _start("15 s", "3 s", "4 s", "6 s", "1600 MB"),
    ("start-docker", "BACKEND=docker"): _start("35 s", "4 s", "4 s", "15 s", "2400 MB"),
    ("latency", ""): _latency("40 ms", "130 ms"),
    ("latency-docker", "BACKEND=docker"): _latency("100 ms", "300 ms"),
    ("verdict", ""): [
        ("last row queryable to verdict, p50", "15 ms", share("p50")),
        ("last row queryable to verdict, p99", "50 ms", share("p99")),
    ],
    ("verify", ""): [
        ("`verify` of 10,000, beyond the pipeline's own time", "3 s", events(10_000, "judged_s")),
        ("`verify` of 1,000,000, beyond the pipeline's own time", "20 s", events(MILLION, "judged_s")),
        ("`verify --since` of 1,000,000 that stand in the topic", "20 s", events(MILLION, "since_elapsed_s")),
        ("most memory of `verify` at 10,000", "", events(10_000, "memory_mb", "MB")),
        ("most memory of `verify` at 1,000,000", "1.2 times that", events(MILLION, "memory_mb", "MB")),
    ],
    ("results", ""): [
        ("`results` of one of 20 experiments with 10 million events", "1 s", experiments(20, "together_s")),
        ("variants and comparisons of one with 10 million events", "1 s", experiments(1, "results_s")),
    ],
    ("suite", ""): [
        ("all features, two workers, random order", "150 s", spread("suite_s", "s", 0)),
        ("the slowest scenario that is not tagged slow", "5 s", spread("slowest_s", "s")),
    ],
}
"""By the file in `bench/results/` and the argument of its command: what was measured, its target, and where it is."""


def table() -> str:
    """The lines of all results that are there; a measurement of less than all leaves lines out."""
    lines = ["| what | at most | measured | by |", "|---|---|---|---|"]
    for (file, argument), figures in FIGURES.items():
        kept = RESULTS / f"{file}.json"
        if not kept.exists():
            continue
        told = json.loads(kept.read_text())
        command = " ".join(["make", f"bench-{file.partition('-')[0]}", *argument.split()])
        for what, target, read in figures:
            try:
                seen = read(told["result"])
            except (KeyError, StopIteration):
                continue
            lines.append(f"| {what} | {target} | {seen} | `{command}`, {told['measured']} |")
    return "\n".join(lines) + "\n"


def put(document: Path, text: str) -> None:
    """Writes the text in place of what stands between the document's two marks."""
    document.write_text(TABLE.sub(lambda _: text, document.read_text()))


def write() -> None:
    """Writes the table into the page."""
    put(DOCUMENT, table())


if __name__ == "__main__":
    write()
