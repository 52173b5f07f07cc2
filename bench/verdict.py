"""What the harness adds: from the last row being queryable to the verdict, for the reference journey.

`python -m bench.verdict [--journeys 200]`. Another thread asks ClickHouse for new rows, every 5 ms over bare HTTP,
until it has got an answer with the journey's last row: then the clock starts, and it stops when the verdict is there.
"""

import argparse
import threading
import time

from bench.latency import watch
from bench.measure import endpoints, keep, quantiles, stack_or_its_own
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS
from pipeline_lib.pipeline import open_pipeline

WARM_UP = 10


def main() -> None:
    """Prints the share and keeps it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journeys", type=int, default=200)
    parser.add_argument("--stack", help="measure this one instead of a fresh one")
    arguments = parser.parse_args()

    def measure(stack: str) -> None:
        shares = shares_ms(endpoints(stack), arguments.journeys)
        share = {key: round(value, 1) for key, value in quantiles(shares).items()}
        print(f"last row queryable to verdict, ms: {share}", flush=True)
        keep("verdict", {"unit": "ms", "share": share})

    with stack_or_its_own(arguments.stack) as stack:
        measure(stack)


def shares_ms(where: Endpoints, journeys: int) -> list[float]:
    """Milliseconds of each journey, without a warm-up; negative if the verdict was first."""
    shares = []
    with open_pipeline(where) as pipeline:
        for number in range(WARM_UP + journeys):
            journey = pipeline.begin_journey()
            journey.assign(CONTROL)
            for act in REFERENCE_ACTS:
                journey.record(act)
            last = journey.committed[-1].outbox_id
            seen: dict[int, float] = {}
            watcher = threading.Thread(target=watch, args=(where, last - 1, seen, lambda: last in seen))  # noqa: B023
            watcher.start()
            pipeline.expect(journey.committed).delivered()
            verdict_at = time.perf_counter()
            watcher.join()
            if number >= WARM_UP:
                shares.append((verdict_at - seen[last]) * 1000)
    return shares


if __name__ == "__main__":
    main()
