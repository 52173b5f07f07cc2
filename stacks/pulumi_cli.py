"""Which Pulumi command line a stack is driven by: the one on PATH if it will do, else the one that set-up cached.

A `pulumi` will do if it is at least `PULUMI_VERSION` and has its language host for Python beside it, since a program in
Python cannot run without. Pulumi looks for language hosts beside its own executable, links resolved, so we do too.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.cache import cache_folder

PULUMI_VERSION = "v3.259.0"
"""The version that set-up installs and the oldest that is taken from PATH: older ones were never tried."""

LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Found:
    """A `pulumi` and why it will not do; `objection` is empty if it will."""

    path: Path
    objection: str


def cached_pulumi_folder() -> Path:
    """Where set-up keeps Pulumi: `bin/` in it is laid out as the official installer's `--install-root` does."""
    return cache_folder() / "pulumi" / PULUMI_VERSION


def cached_pulumi() -> Path:
    """The cached executable's path, whether it is there or not."""
    return cached_pulumi_folder() / "bin" / "pulumi"


def pulumi_on_path() -> Found | None:
    """The `pulumi` that a shell would start, judged; None if there is none."""
    command = shutil.which("pulumi")
    if command is None:
        return None
    path = Path(command).absolute()
    return Found(path, objection_to(path))


def find_pulumi() -> Path:
    """The executable to use; its folder holds the language host too. A `UserError` says what was looked at."""
    on_path = pulumi_on_path()
    if on_path and not on_path.objection:
        return on_path.path.resolve()
    if cached_pulumi().is_file():
        return cached_pulumi()
    seen = f"{on_path.path} {on_path.objection}" if on_path else "there is no `pulumi` on PATH"
    raise UserError(
        f"No usable Pulumi was found: {seen}, and none is cached at {cached_pulumi()}. Run `make setup`, which "
        f"installs Pulumi {PULUMI_VERSION} there, or put one at least as new on PATH."
    )


def objection_to(path: Path) -> str:
    """Why a `pulumi` will not do, as the end of a sentence that begins with its path; empty if it will."""
    try:
        said = subprocess.run(
            [path, "version"],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run ({error})"
    version = _numbers(said)
    if version is None:
        return "does not tell its version"
    if version < (_numbers(PULUMI_VERSION) or ()):
        return f"is {said}, older than {PULUMI_VERSION}"
    if not (path.resolve().parent / LANGUAGE_HOST).is_file():
        return f"has no {LANGUAGE_HOST} beside it"
    return ""


def _numbers(version: str) -> tuple[int, ...] | None:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(number) for number in match.groups()) if match else None
