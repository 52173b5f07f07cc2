"""The locks of what comes from PyPI, written anew by uv: `python -m tools.setup.locks [uv's options]`.

Versions that still fit are kept; `--upgrade` takes the newest. The locks hold names, versions and hashes, and no host:
where packages come from is the affair of the machine that installs them.
"""

import sys

from tools.setup.command import run
from tools.setup.python_env import PYTHON_LOCK, ROOT
from tools.setup.reporting import reported
from tools.setup.uv import TOOLS, ensure_uv, uv_environment

SOURCES = {
    PYTHON_LOCK: ["pyproject.toml", "--extra", "embedded", "--extra", "dev"],
    TOOLS / "bootstrap.lock": ["tools/bootstrap.in"],
    TOOLS / "go.lock": ["tools/go.in"],
    TOOLS / "clickhouse-image.lock": ["tools/clickhouse-image.in"],
}
"""Each lock, and what uv is told to make it from."""

OPTIONS = [
    "--generate-hashes",
    "--no-emit-index-url",
    "--universal",
    "--python-version=3.11",
    "--custom-compile-command=make lock",
]


def write_locks(options: list[str]) -> None:
    """Writes all locks, giving uv the options too."""
    uv = ensure_uv()
    for lock, source in SOURCES.items():
        run(
            [uv, "pip", "compile", *OPTIONS, *options, *source, f"--output-file={lock.relative_to(ROOT)}"],
            cwd=ROOT,
            env=uv_environment(),
            failure=f"{lock} could not be written; uv's last words are below. Mend what it names in "
            f"{source[0]}, or the way to PyPI, and run `make lock` again.",
        )
        print(f"{lock.relative_to(ROOT)}: {lock.read_text().count('==')} packages")


if __name__ == "__main__":
    sys.exit(reported(lambda: write_locks(sys.argv[1:])))
