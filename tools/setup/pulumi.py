"""Step 3: a Pulumi that `stacks.pulumi_cli.find_pulumi` takes, by the first way that works.

1. The one on PATH, if it will do. 2. The official installer, which needs a web site that many machines cannot reach:
it is given seconds to answer. 3. Built from Pulumi's Go modules, which takes minutes and needs the registries alone.
What 2 and 3 make is put together beside its place in the cache, tried, and then renamed into it.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.pulumi_cli import PULUMI_VERSION, cached_pulumi, cached_pulumi_folder, objection_to, pulumi_on_path
from tools.setup.command import run
from tools.setup.exclusive import only_one
from tools.setup.progress import Step, step

INSTALLER = "THROUGHLINE_PULUMI_INSTALLER"
"""Environment variable: the URL of an install script that takes the official one's options, instead of that."""

OFFICIAL_INSTALLER = "https://get.pulumi.com/install.sh"
REACHABLE_WITHIN_S = 6.0
INSTALLED_WITHIN_S = 180


def ensure_pulumi() -> bool:
    """Sees to it that there is a usable Pulumi; False if there was nothing to do."""
    if _is_there():
        return False
    with only_one(cached_pulumi_folder().parent / "set-up.lock"):
        if _is_there():
            return False
        passed_over = pulumi_on_path()
        because = f" ({passed_over.path} {passed_over.objection})" if passed_over else ""
        with step("pulumi", f"Pulumi {PULUMI_VERSION} into {cached_pulumi_folder()}{because}") as shown:
            _install(shown)
    return True


def _is_there() -> bool:
    if cached_pulumi().is_file():
        return True
    on_path = pulumi_on_path()
    return on_path is not None and not on_path.objection


def _install(shown: Step) -> None:
    try:
        _in_one_piece(lambda folder: install_officially(folder, shown))
    except UserError as error:
        # Not reported as an error: that this site cannot be reached is the common case, and building is the answer.
        shown.note(error.paragraph)
        # Only a set-up that has to build pays for this import.
        from tools.setup.pulumi_build import build_pulumi

        _in_one_piece(lambda folder: build_pulumi(folder, shown))


def _in_one_piece(fill: Callable[[Path], None]) -> None:
    """Has a new folder filled, tries the Pulumi in its `bin/`, and gives it the place in the cache."""
    place = cached_pulumi_folder()
    for killed in place.parent.glob(".unfinished-*"):
        shutil.rmtree(killed)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=place.parent) as unfinished:
        folder = Path(unfinished) / PULUMI_VERSION
        folder.mkdir()
        fill(folder)
        if objection := objection_to(folder / "bin" / "pulumi"):
            raise UserError(f"The Pulumi that was just installed {objection}.")
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)


def install_officially(folder: Path, shown: Step) -> None:
    """Fills the folder by the official install script; a `UserError` if it cannot be had or does not do it."""
    url = os.environ.get(INSTALLER, OFFICIAL_INSTALLER)
    shown.say("looking for the official installer")
    script = folder.parent / "install.sh"
    script.write_text(_answer_of(url))
    shown.say("the official installer is at work")
    run(
        ["sh", script, "--no-edit-path", "--install-root", folder, "--version", PULUMI_VERSION.removeprefix("v")],
        limit_s=INSTALLED_WITHIN_S,
        failure=f"the installer from {url} did not install Pulumi, so it is built from its Go modules",
    )


def _answer_of(url: str) -> str:
    """The text at an URL; looking up a name may hang where there is no internet, hence the limit on it all."""
    # Only a set-up that has to install Pulumi pays for this import.
    import httpx

    def get() -> str:
        return httpx.get(url, follow_redirects=True, timeout=REACHABLE_WITHIN_S / 2).raise_for_status().text

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(get).result(timeout=REACHABLE_WITHIN_S)
    except (httpx.HTTPError, TimeoutError) as error:
        raise UserError(f"{url} cannot be reached from here, so Pulumi is built from its Go modules") from error
    finally:
        pool.shutdown(wait=False)
