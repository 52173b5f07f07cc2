"""Commit → queryable in ClickHouse: single commits at a steady rate, each timed until a query returns its row.

`python -m bench.latency [--commits 300] [--rate 20] [--rounds 3] [--backend docker]`. The clock starts when COMMIT
has returned and stops when an answer with the row has come back, so a query's own time and the 5 ms between two are
in every figure.
"""

import argparse
import random
import threading
import time
from http import HTTPStatus
from pathlib import Path

import psycopg
import urllib3

from bench.measure import BACKENDS, endpoints, keep, quantiles, result_name, stack_of_its_own
from pipeline_lib.model.endpoints import Endpoints, reveal

COMMIT = Path(__file__).with_name("commit.sql")
NEWER = Path(__file__).with_name("newer.sql")
PAUSE_S = 0.005
WARM_UP = 40
GIVE_UP_S = 30


def main() -> None:
    """Prints a line a round and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20, help="commits a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stack", help="measure this one instead of a fresh one")
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help="of a fresh one, or of that stack")
    arguments = parser.parse_args()

    def measure(stack: str) -> None:
        rounds = []
        for number in range(arguments.rounds):
            latencies = measured(endpoints(stack), arguments.commits, arguments.rate)
            rounds.append({key: round(value, 1) for key, value in quantiles(latencies).items()})
            print(f"round {number + 1}: commit to queryable, ms: {rounds[-1]}", flush=True)
        keep(result_name("latency", arguments.backend), {"rate_per_s": arguments.rate, "unit": "ms", "rounds": rounds})

    if arguments.stack:
        measure(arguments.stack)
    else:
        with stack_of_its_own(arguments.backend) as stack:
            measure(stack)


def measured(where: Endpoints, commits: int, rate: float) -> list[float]:
    """Milliseconds from commit to queryable of each commit, those of a warm-up left out."""
    seen: dict[int, float] = {}
    stop = threading.Event()
    with psycopg.connect(reveal(where.postgres.dsn), autocommit=True) as postgres:
        last = postgres.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()
        watcher = threading.Thread(target=watch, args=(where, int(last[0]) if last else 0, seen, stop))
        watcher.start()
        committed: dict[int, float] = {}
        due = time.perf_counter()
        for number in range(WARM_UP + commits):
            due += random.uniform(0.5, 1.5) / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            committed[_commit(postgres, number)] = time.perf_counter()
        deadline = time.monotonic() + GIVE_UP_S
        while committed.keys() - seen.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        watcher.join()
    counted = list(committed)[WARM_UP:]
    if lost := [row for row in counted if row not in seen]:
        raise SystemExit(f"{len(lost)} of {len(counted)} rows were not queryable after {GIVE_UP_S} s: {lost[:5]} …")
    return [(seen[row] - committed[row]) * 1000 for row in counted]


def _commit(postgres: psycopg.Connection, number: int) -> int:
    row = postgres.execute(COMMIT.read_text().encode(), {"id": f"bench-{time.time_ns()}-{number}"}).fetchone()
    if row is None:
        raise SystemExit("PostgreSQL did not say which row it inserted.")
    return int(row[0])


def watch(where: Endpoints, last: int, seen: dict[int, float], stop: threading.Event) -> None:
    """Asks as bare HTTP allows: what the watcher costs is taken from what it watches."""
    analyst = where.clickhouse
    with urllib3.HTTPConnectionPool(
        analyst.host,
        analyst.port,
        headers={"X-ClickHouse-User": analyst.user, "X-ClickHouse-Key": reveal(analyst.password)},
    ) as pool:
        while not stop.is_set():
            answer = pool.request(
                "POST", f"/?database={analyst.database}&param_last={last}", body=NEWER.read_bytes(), retries=False
            )
            now = time.perf_counter()
            if answer.status != HTTPStatus.OK:
                raise SystemExit(answer.data.decode())
            for row in sorted(map(int, answer.data.split())):
                seen.setdefault(row, now)
                last = row
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
