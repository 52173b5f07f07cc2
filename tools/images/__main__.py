"""`python -m tools.images`: what `make images` runs.

python -m tools.images                                             all that are built from packages
python -m tools.images archive FILE SHA256 TAG                     an image out of an archive, as TAG
python -m tools.images test-clickhouse                             the ClickHouse of the project's own tests
"""

import sys
from pathlib import Path

from tools.images.archive import ensure_archive
from tools.images.build import build_images
from tools.images.clickhouse_for_tests import ensure_test_clickhouse
from tools.setup.reporting import reported


def build_all() -> None:
    """Builds what is missing; says so on standard output."""
    made = build_images()
    print(f"Made: {', '.join(made)}." if made else "All images are there, made from these sources.")


def load_archive(file: str, sha256: str, tag: str) -> None:
    """Loads an archive unless its image is there; says so on standard output."""
    loaded = ensure_archive(Path(file), sha256, tag)
    print(f"{tag}: loaded from {file}." if loaded else f"{tag}: is there, from this archive.")


def load_test_clickhouse() -> None:
    """Fetches and loads the tests' ClickHouse unless it is there; says so on standard output."""
    print(f"{ensure_test_clickhouse()}: is there.")


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    match arguments:
        case []:
            return reported(build_all)
        case ["archive", file, sha256, tag]:
            return reported(lambda: load_archive(file, sha256, tag))
        case ["test-clickhouse"]:
            return reported(load_test_clickhouse)
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
