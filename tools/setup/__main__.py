"""Steps 2 and 3, in the environment that step 1 made: `python -m tools.setup`."""

import sys

from pipeline_lib.model.errors import UserError
from tools.setup.jars import ensure_jars
from tools.setup.pulumi import ensure_pulumi


def main() -> int:
    """Exit status 0 if everything that a stack needs is there."""
    try:
        worked = [ensure_jars(), ensure_pulumi()]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. `make setup` goes on where it stopped.", file=sys.stderr)
        return 130
    if any(worked):
        print("Set-up is complete.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
