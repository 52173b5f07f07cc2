"""Pulumi's plugin for `pulumi_docker`: what a stack on the Docker backend needs beside Pulumi itself.

The official one, if it is installed or can be downloaded: the site is given seconds to answer. Else ours
(`tools/docker_plugin`), installed in the official one's place as a launcher that starts this checkout's Python. Pulumi
keeps plugins in `$PULUMI_HOME/plugins` for all of a user's checkouts, so a launcher of another checkout is made ours.

`python -m tools.setup.docker_plugin` does nothing if there is nothing to do.
"""

import os
import platform
import shlex
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.pulumi_cli import find_pulumi
from tools.setup.command import run
from tools.setup.exclusive import only_one
from tools.setup.progress import Step, step
from tools.setup.reporting import reported

VERSION = "v5.1.0"
"""That of the installed `pulumi_docker`, which asks for exactly this one."""

SERVER = "THROUGHLINE_DOCKER_PLUGIN_SERVER"
"""Environment variable: the URL of a site to download the official plugin from, instead of Pulumi's own."""

OFFICIAL_SERVER = "https://get.pulumi.com/releases/plugins"
EXECUTABLE = "pulumi-resource-docker"
REACHABLE_WITHIN_S = 6.0
INSTALLED_WITHIN_S = 180
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

OURS = "# Throughline's docker plugin (tools/docker_plugin)"
"""The line by which our launcher is known."""


def ensure_docker_plugin() -> bool:
    """Sees to it that Pulumi finds a plugin for `pulumi_docker`; False if there was nothing to do."""
    if _is_there():
        return False
    with only_one(_plugins() / "throughline-set-up.lock"):
        if _is_there():
            return False
        installed = _folder() / EXECUTABLE
        if _is_complete() and is_ours(installed):
            _write_launcher(installed.parent)
            return True
        with step("plugin", f"Pulumi's docker plugin {VERSION} into {_plugins()}") as shown:
            _install(shown)
    return True


def is_ours(executable: Path) -> bool:
    """Whether a plugin's executable is our launcher, of whichever checkout."""
    with executable.open("rb") as file:
        return OURS.encode() in file.read(1000)


def _plugins() -> Path:
    home = os.environ.get("PULUMI_HOME")
    return (Path(home) if home else Path.home() / ".pulumi") / "plugins"


def _folder() -> Path:
    return _plugins() / f"resource-docker-{VERSION}"


def _is_complete() -> bool:
    """Pulumi marks what it has not finished installing."""
    unfinished = _folder().with_name(f"{_folder().name}.partial")
    return (_folder() / EXECUTABLE).is_file() and not unfinished.exists()


def _is_there() -> bool:
    if not _is_complete():
        return False
    installed = _folder() / EXECUTABLE
    return not is_ours(installed) or installed.read_text() == _launcher()


def _launcher() -> str:
    python = shlex.quote(sys.executable)
    return f"""#!/bin/sh
{OURS}, which stands in for Pulumi's own where that cannot be downloaded.
# To have that instead: pulumi plugin install resource docker {VERSION} --reinstall
if [ ! -x {python} ]; then
    echo {python} 'has gone, which ran the docker plugin. Run `throughline up` or `make setup` in a checkout.' >&2
    exit 1
fi
exec {python} -P -m tools.docker_plugin "$@"
"""


def _write_launcher(folder: Path) -> None:
    """Puts our launcher into a folder in one step, since Pulumi may be starting another one just now."""
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".launcher-", delete=False) as file:
        file.write(_launcher())
    draft = Path(file.name)
    draft.chmod(0o755)
    draft.replace(folder / EXECUTABLE)


def _install(shown: Step) -> None:
    try:
        _install_officially(shown)
    except UserError as error:
        # Not reported as an error: that this site cannot be reached is a common case, and ours is the answer.
        shown.note(error.paragraph)
        with tempfile.TemporaryDirectory() as folder:
            _write_launcher(Path(folder))
            _pulumi_installs(["--file", folder], "Pulumi could not install the docker plugin of this checkout")


def _install_officially(shown: Step) -> None:
    server = os.environ.get(SERVER, OFFICIAL_SERVER).rstrip("/")
    machine = platform.machine()
    archive = f"{EXECUTABLE}-{VERSION}-{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}.tar.gz"
    shown.say("looking for the official plugin")
    _must_answer(f"{server}/{archive}")
    shown.say("the official plugin is being downloaded")
    _pulumi_installs(["--server", server], f"the docker plugin from {server} could not be installed, so ours is")


def _must_answer(url: str) -> None:
    """A `UserError` if there is nothing at an URL; looking up a name may hang where there is no internet."""
    # Only a set-up that has to install the plugin pays for this import.
    import httpx

    def ask() -> None:
        with httpx.stream("GET", url, follow_redirects=True, timeout=REACHABLE_WITHIN_S / 2) as answer:
            answer.raise_for_status()

    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(ask).result(timeout=REACHABLE_WITHIN_S)
    except (httpx.HTTPError, TimeoutError) as error:
        raise UserError(f"{url} cannot be had from here, so this checkout's own docker plugin is installed") from error
    finally:
        pool.shutdown(wait=False)


def _pulumi_installs(options: list[str], failure: str) -> None:
    # Pulumi takes a newer version for good enough here, but not when it looks for the plugin: hence --exact.
    command = ["plugin", "install", "resource", "docker", VERSION, "--exact", "--reinstall", *options]
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    run([find_pulumi(), *command], env=environment, failure=failure, limit_s=INSTALLED_WITHIN_S)


if __name__ == "__main__":
    sys.exit(reported(ensure_docker_plugin))
