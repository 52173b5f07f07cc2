"""A `dockerd` of ours: started in a session of its own, known by its pid file, ended by its pid."""

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.wait import until
from tools.engine.answering import Answer, ask

START_S = 60
STOP_S = 60
"""dockerd gives each container ten seconds to stop."""

LAST_WORDS = 15


@dataclass(frozen=True)
class Daemon:
    """Where one keeps what: the pid and the log; its data are where the package's own service would have them."""

    pid_file: Path = Path("/run/throughline-dockerd.pid")
    log: Path = Path("/var/log/throughline-dockerd.log")
    host: str = ""
    """The Docker URL of its socket; empty for the default one."""
    program: Sequence[str] = ("dockerd",)
    options: Sequence[str] = ()

    def pid(self) -> int | None:
        """The pid of the running process that was started with this pid file."""
        try:
            pid = int(self.pid_file.read_text())
            started_with = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"--pidfile={self.pid_file}".encode() in started_with else None

    def start(self) -> Answer:
        """Returns when it answers; a `UserError` with its last lines if it ends or is silent for a minute."""
        listen = [f"--host={self.host}"] if self.host else []
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*self.program, f"--pidfile={self.pid_file}", *listen, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: process.poll() is not None or bool(ask(self.host).version), START_S)
        answer = ask(self.host)
        if not answer.version:
            process.terminate()
            process.wait(STOP_S)
            raise UserError(
                f"dockerd was started and does not answer. Its last words are below, all of them in {self.log}; mend "
                "what they name, or start an engine yourself, and try again.",
                "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_WORDS:]),
            )
        return answer

    def stop(self) -> int | None:
        """Ends it with what runs on it; the pid that it had, None if it does not run."""
        pid = self.pid()
        if pid is None:
            return None
        os.kill(pid, signal.SIGTERM)
        if not until(lambda: self.pid() is None, STOP_S):
            raise UserError(
                f"The Docker engine with the pid {pid} was told to end and still runs after {STOP_S} s; {self.log} "
                "says what it is at. Look for containers that cannot be stopped (`docker ps`)."
            )
        return pid
