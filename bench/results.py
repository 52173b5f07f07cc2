"""What an experiment's results take, by the number of events in ClickHouse.

`python -m bench.results [--events 10000000] [--experiments 1 20] [--rounds 5]`. The events are written into the events
table of a stack of its own by SQL, and belong to so many experiments; what is measured is asked of one of them as an
analyst: `results_s` (totals and comparisons), the other questions of `throughline results`, and `together_s`, all of
them one after the other, as the command asks them. The command's own start, of Python and its libraries, is not in it.
`parts` tells how far ClickHouse had merged the table; nothing waits for that.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.measure import endpoints, keep, spread, stack_of_its_own
from pipeline_lib.analytics.funnel import funnel_of, time_on_page
from pipeline_lib.analytics.journeys import paths_of
from pipeline_lib.analytics.results import results_of
from pipeline_lib.hops.clickhouse import Client

TARGET_S = 1
FIRST_EXPERIMENT = 1000
CHUNK = 1_000_000
WEIGHTS = {"control": 1.0, "treatment": 1.0}
QUESTIONS: dict[str, Callable[[Client], object]] = {
    "results_s": lambda analysts: results_of(analysts, FIRST_EXPERIMENT, WEIGHTS),
    "funnel_s": lambda analysts: funnel_of(analysts, FIRST_EXPERIMENT),
    "time_on_page_s": lambda analysts: time_on_page(analysts, FIRST_EXPERIMENT),
    "journeys_s": lambda analysts: paths_of(analysts, FIRST_EXPERIMENT),
}


def main() -> None:
    """Prints the figures of each number of experiments beside the target, and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--experiments", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    measured = []
    with stack_of_its_own() as stack:
        clickhouse = endpoints(stack).clickhouse
        with closing(Client(clickhouse, "admin")) as admin, closing(Client(clickhouse, "analyst")) as analysts:
            for experiments in arguments.experiments:
                fill(admin, arguments.events, experiments)
                figures = measure(analysts, arguments.rounds)
                parts = admin.rows("SELECT count() AS parts FROM system.parts WHERE active AND table = 'events'")
                load = [round(one, 1) for one in os.getloadavg()]
                measured.append({"experiments": experiments, **parts[0], "load_average_at_end": load, **figures})
                print(json.dumps(measured[-1]), flush=True)
                keep("results", {"events": arguments.events, "target_s": TARGET_S, "measured": measured})


def fill(admin: Client, events: int, experiments: int) -> None:
    """Puts the events in place of those that are there."""
    text = Path(__file__).with_name("fill_events.sql").read_text()
    admin.run("TRUNCATE TABLE events")
    for first in range(0, events, CHUNK):
        admin.run(text, {"experiments": experiments, "first": first, "rows": min(CHUNK, events - first)})


def measure(analysts: Client, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds that each question takes, and all together."""
    taken: dict[str, list[float]] = {name: [] for name in (*QUESTIONS, "together_s")}
    for _ in range(rounds):
        for name, ask in QUESTIONS.items():
            start = time.perf_counter()
            ask(analysts)
            taken[name].append(time.perf_counter() - start)
        taken["together_s"].append(sum(taken[name][-1] for name in QUESTIONS))
    return {name: spread(values) for name, values in taken.items()}


if __name__ == "__main__":
    main()
