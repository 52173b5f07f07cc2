"""`python -m tools.engine up|down`, or `while COMMAND…`."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence

from pipeline_lib.model.errors import UserError
from tools.engine.answering import Answer, ask, where
from tools.engine.daemon import Daemon
from tools.setup.command import run
from tools.setup.exclusive import only_one
from tools.setup.progress import step
from tools.setup.reporting import reported

PACKAGES = {"dockerd": "docker.io", "docker": "docker-cli", "ssh": "openssh-client"}
"""Programs, and the packages of Debian that bring them; in some releases the first brings both."""


def up(daemon: Daemon) -> str:
    """Sees to it that an engine answers; what there is then, in a sentence."""
    answer = ask(daemon.host)
    if answer.version:
        return f"Docker {answer.version} answers at {where()}."
    _refuse_what_is_not_ours(answer)
    with only_one(daemon.pid_file.with_suffix(".lock")):
        _install()
        answer = ask(daemon.host)  # the package may have started its service, and another `up` its engine
        if answer.version:
            return f"Docker {answer.version} answers at {where()}."
        with step("engine", "dockerd, for want of an engine that answers"):
            answer = daemon.start()
    return f"Docker {answer.version} answers: dockerd with the pid {daemon.pid()}, which `down` ends."


def down(daemon: Daemon) -> str:
    """Ends the engine that `up` started; what was done, in a sentence."""
    pid = daemon.stop()
    return f"dockerd with the pid {pid} has ended." if pid else "There is no engine of ours: nothing was ended."


def during(daemon: Daemon, command: Sequence[str]) -> int:
    """Runs a command while an engine answers; its exit status. An engine that was there before stays."""
    before = daemon.pid()
    print(up(daemon), flush=True)
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        if before is None and daemon.pid() is not None:
            print(down(daemon))


def _refuse_what_is_not_ours(answer: Answer) -> None:
    if os.environ.get("DOCKER_HOST"):
        raise UserError(
            f"The Docker engine that DOCKER_HOST names ({where()}) does not answer: {answer.reason}. Start it, or name "
            "another one, or unset DOCKER_HOST to use this machine's own."
        )
    if answer.denied:
        raise UserError(
            f"There is a Docker engine on this machine, but this user may not talk to it: {answer.reason}. Add the "
            "user to the group of the engine's socket (`usermod -aG docker NAME`, then log in anew) or run this as "
            "root."
        )
    if _distribution() != "debian" or os.geteuid() != 0:
        raise UserError(
            f"No Docker engine answers at {where()}: {answer.reason}. Only as root on Debian one is brought up by this "
            "command; here, install Docker (Docker Desktop, or your distribution's `docker.io` or `docker`), start it, "
            "and try again. DOCKER_HOST names an engine elsewhere."
        )


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def _install() -> None:
    for program, package in PACKAGES.items():
        if shutil.which(program) is None:
            with step("engine", f"Debian's package {package}"):
                install_from_debian(package)


def install_from_debian(package: str) -> None:
    """Installs a package of Debian's by apt-get, as root; a `UserError` with apt-get's last lines if it cannot."""
    failure = (
        f"apt-get could not install Debian's package {package}; its last words are below. Mend what they name "
        f"(`apt-get install {package}` by hand shows all of them) and try again."
    )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=quiet, failure=failure)
    run(["apt-get", "install", "--yes", "--no-install-recommends", package], env=quiet, failure=failure)


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    verbs = {"up": up, "down": down}
    if arguments[:1] == ["while"] and arguments[1:]:
        status: list[int] = []
        return reported(lambda: status.append(during(Daemon(), arguments[1:]))) or status[0]
    if len(arguments) != 1 or arguments[0] not in verbs:
        print("python -m tools.engine up|down, or while COMMAND…", file=sys.stderr)
        return 2
    return reported(lambda: print(verbs[arguments[0]](Daemon())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
