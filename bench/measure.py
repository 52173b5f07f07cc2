"""What the measurements share: a stack of their own, quantiles, and where results are kept."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from bench import page
from bench.page import RESULTS
from pipeline_lib.model.endpoints import Endpoints
from tools.images.stack_settings import SELF_BUILT, as_arguments

BACKENDS = ("embedded", "docker")


def throughline(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `throughline`; raises CalledProcessError, with what it printed shown, if it fails."""
    ran = subprocess.run([sys.executable, "-m", "stacks.cli", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.stderr.write(ran.stdout + ran.stderr)
        ran.check_returncode()
    return ran


def timed(*arguments: str) -> float:
    """Seconds that a `throughline` command takes, its own start included."""
    start = time.perf_counter()
    throughline(*arguments)
    return time.perf_counter() - start


def endpoints(stack: str) -> Endpoints:
    """The stack's endpoints, with its secrets."""
    return Endpoints.model_validate_json(
        throughline("endpoints", "--stack", stack, "--json", "--show-secrets").stdout,
    )


@contextlib.contextmanager
def stack_of_its_own(backend: str = "embedded", *chosen: str) -> Iterator[str]:
    """A stack, with `chosen` settings such as `kafka.heap=1g`, that is taken away again, whatever happens."""
    name = f"bench-{os.getpid()}"
    try:
        more = (word for setting in chosen for word in ("--set", setting))
        throughline("up", "--stack", name, *settings(backend), *more)
        yield name
    finally:
        throughline("down", "--stack", name)


@contextlib.contextmanager
def stack_or_its_own(given: str | None) -> Iterator[str]:
    """The stack that was given, left as it is; else one of its own."""
    if given:
        yield given
        return
    with stack_of_its_own() as stack:
        yield stack


def settings(backend: str) -> list[str]:
    """Arguments of `throughline up`; on Docker the images are those that `make test-docker` builds."""
    return as_arguments(SELF_BUILT) if backend == "docker" else []


def result_name(measured: str, backend: str) -> str:
    """One file a backend; the first backend's has no suffix."""
    return measured if backend == BACKENDS[0] else f"{measured}-{backend}"


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """n, p50, p95, p99 and max, in the unit of `values`."""
    p50, p95, p99 = np.quantile(values, [0.5, 0.95, 0.99])
    return {"n": len(values), "p50": float(p50), "p95": float(p95), "p99": float(p99), "max": max(values)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """n, median, min and max."""
    return {"n": len(values), "median": float(np.median(values)), "min": min(values), "max": max(values)}


def keep(name: str, result: object) -> None:
    """Writes `bench/results/<name>.json`, with the machine that it was measured on and its load, and the page."""
    RESULTS.mkdir(exist_ok=True)
    load = f"{os.getloadavg()[2]:.1f} over the last 15 minutes, this measurement's own included"
    machine = {
        "cores": os.cpu_count(),
        "load": load,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    text = json.dumps({"measured": time.strftime("%Y-%m-%d"), "machine": machine, "result": result}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    page.write()
