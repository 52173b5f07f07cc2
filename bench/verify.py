"""What a verification takes beyond the pipeline's own time, and how much memory, by the number of events.

`python -m bench.verify [--events 10000 100000 1000000] [--rounds 3]`. Each round writes the events as journeys, as fast
as can be, and verifies exactly them, with `throughline verify` as a user runs it. `judged_s` is from the fence being
out of ClickHouse, when the last row is queryable, to the verdict; `elapsed_s` is the whole command, its own start
included; `memory_mb` is the most that the command's process held. Then the same events are verified once more, by
`--since`, when all of it stands in the topic already and there is nothing to wait for but the reading:
`since_elapsed_s`, `since_memory_mb`. Of the largest number one round is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from bench.measure import keep, spread, stack_or_its_own
from pipeline_lib.model import instant
from pipeline_lib.verify.bulk.journeys import MESSAGES

TARGETS_S = {10_000: 3, 1_000_000: 20}
MEMORY_FACTOR = 1.2
WITHIN_S = 1800


def main() -> None:
    """Prints the figures of each number of events beside their targets, and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stack", help="measure this one instead of a fresh one")
    arguments = parser.parse_args()

    def measure(stack: str) -> None:
        results = []
        for events in arguments.events:
            rounds = 1 if events == max(arguments.events) > min(arguments.events) else arguments.rounds
            measured = [one_round(stack, events) for _ in range(rounds)]
            figures = {name: spread([one[name] for one in measured]) for name in measured[0]}
            results.append({"events": events, "target_judged_s": TARGETS_S.get(events), **figures})
            print(json.dumps(results[-1]), flush=True)
            load = [round(one, 1) for one in os.getloadavg()]
            keep("verify", {"load_average_at_end": load, "memory_factor_target": MEMORY_FACTOR, "rounds": results})
        most = {one["events"]: one["memory_mb"]["max"] for one in results}
        print(f"memory: {most[max(most)] / most[min(most)]:.2f} times that of the fewest; target {MEMORY_FACTOR}")

    with stack_or_its_own(arguments.stack) as stack:
        measure(stack)


def one_round(stack: str, events: int) -> dict[str, float]:
    """The figures of one verification; ends the measurement if it does not pass."""
    began = instant.to_text(instant.now())
    told, elapsed_s, memory_mb = _verify(stack, "--journeys", str(events // MESSAGES), "--within", str(WITHIN_S))
    _, since_s, since_memory_mb = _verify(stack, "--since", began)
    return {
        **{name: told[name] for name in ("prepared_s", "waited_s", "judged_s")},
        "elapsed_s": elapsed_s,
        "memory_mb": memory_mb,
        "since_elapsed_s": since_s,
        "since_memory_mb": since_memory_mb,
    }


def _verify(stack: str, *arguments: str) -> tuple[dict[str, float], float, float]:
    """What one `throughline verify` said, its seconds, and its most megabytes."""
    command = [sys.executable, "-m", "stacks.cli", "verify", "--stack", stack, "--json", *arguments]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        told = ran.stdout.read()
        _, status, used = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
    if ran.returncode:
        raise SystemExit(told[-2000:])
    return json.loads(told), time.perf_counter() - start, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
