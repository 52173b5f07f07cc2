"""How long `up`, a no-op `up`, `demo` and `down` take, and how much memory an idle stack holds.

`python -m bench.start [--rounds 5] [--backend docker]`. Every time is that of the whole command, its own start
included; the first row is the one that `demo` sees through the whole pipeline right after.
"""

import argparse
import json
import os
import time

from bench.measure import BACKENDS, keep, result_name, settings, spread, throughline, timed

TARGETS = {
    "embedded": {"up_s": 15, "noop_up_s": 3, "demo_s": 4, "journey_s": 1, "down_s": 6, "idle_memory_mb": 1600},
    "docker": {"up_s": 35, "noop_up_s": 4, "demo_s": 4, "journey_s": 1, "down_s": 15, "idle_memory_mb": 2400},
}


def main() -> None:
    """Prints each figure's median and spread beside its target, and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0])
    arguments = parser.parse_args()
    targets = TARGETS[arguments.backend]
    rounds = [measured(arguments.backend) for _ in range(arguments.rounds)]
    result = {name: spread([one[name] for one in rounds]) for name in targets}
    for name, target in targets.items():
        print(f"{name:<16} at most {target:>5}: { ({key: round(value, 2) for key, value in result[name].items()}) }")
    keep(result_name("start", arguments.backend), result)


def measured(backend: str) -> dict[str, float]:
    """One life of a stack."""
    stack = f"bench-{os.getpid()}"
    figures = {"up_s": timed("up", "--stack", stack, *settings(backend))}
    try:
        throughline("demo", "--stack", stack, "--json")  # the first one, and the JVMs' first
        figures["noop_up_s"] = timed("up", "--stack", stack)
        start = time.perf_counter()
        journey = json.loads(throughline("demo", "--stack", stack, "--json").stdout)
        figures["demo_s"] = time.perf_counter() - start
        figures["journey_s"] = journey["elapsed_s"]
        parts = json.loads(throughline("status", "--stack", stack, "--json").stdout)["parts"]
        figures["idle_memory_mb"] = sum(part["memory_mb"] for part in parts)
    finally:
        figures["down_s"] = timed("down", "--stack", stack)
    return figures


if __name__ == "__main__":
    main()
