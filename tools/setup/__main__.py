"""Steps 2 and 3, in the environment that step 1 made: `python -m tools.setup`."""

import sys

from tools.setup.jars import ensure_jars
from tools.setup.pulumi import ensure_pulumi
from tools.setup.reporting import reported


def fetch_what_is_missing() -> None:
    """Sees to everything that a stack needs beside Python packages."""
    worked = [ensure_jars(), ensure_pulumi()]
    if any(worked):
        print("Set-up is complete.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(reported(fetch_what_is_missing))
