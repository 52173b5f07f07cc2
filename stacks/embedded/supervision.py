"""One supervisord a stack: it owns the parts' processes, restarts what crashes and rotates their logs.

Processes outlive the command that started them because supervisord is a daemon; this module only writes its config,
starts it when it is not there, and talks to it over its XML-RPC socket (http://supervisord.org/api.html).
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import psutil
from supervisor.xmlrpc import SupervisorTransport

from pipeline_lib.model.errors import UserError
from stacks.wait import until

State = Literal["RUNNING", "STARTING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN", "ABSENT"]
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_NO_SUCH_NAME = 10  # supervisor.xmlrpc.Faults.BAD_NAME


@dataclass(frozen=True)
class Command:
    """How to start a part; `user` is the account to drop to, if any."""

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    stop_signal: Literal["TERM", "INT"] = "TERM"
    user: str | None = None


@dataclass(frozen=True)
class ProcessInfo:
    """What supervisord says of a part; `pid` is 0 and `age_s` 0 when it does not run."""

    state: State
    pid: int
    age_s: float
    said: str


class Supervisor:
    """The supervisord of the stack whose folder is `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._config = folder / "supervisord.conf"
        self._programs = folder / "programs"
        self.logs = folder / "logs"

    # -- the daemon ----------------------------------------------------------------------------------------------

    @property
    def socket(self) -> Path:
        """The socket's path: in the stack's folder, or in a short place where that is too long for a socket."""
        path = self.folder / "supervisor.sock"
        if len(str(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"throughline-{digest}.sock"

    def is_alive(self) -> bool:
        """Whether supervisord answers."""
        try:
            self._call("getState")
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def ensure(self) -> None:
        """Starts supervisord unless it answers; several callers at once start one."""
        with self._locked():
            if self.is_alive():
                return
            self._programs.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            # Programs that an earlier supervisord had are added again by whoever asks for them.
            for program in self._programs.glob("*.conf"):
                program.unlink()
            self._config.write_text(_daemon_config(self))
            started = subprocess.run(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._config)],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
            )
            if started.returncode != 0 or not until(self.is_alive, seconds=20):
                raise UserError(
                    f"The stack's supervisor could not be started (exit status {started.returncode}). "
                    f"Its log is {self.logs / 'supervisord.log'}; try `throughline up` again.",
                    (started.stdout + started.stderr).strip(),
                )

    def shut_down(self) -> None:
        """Ends supervisord and every part, supervised or stray, without the goodbye that only their data would need."""
        with self._locked():
            daemon = self._pid()
            if daemon is not None:
                psutil.Process(daemon).suspend()  # else it would restart what is killed before it
            end(processes_of(self.folder), kill=True)
            self.socket.unlink(missing_ok=True)

    def _pid(self) -> int | None:
        try:
            return cast(int, self._call("getPID"))
        except (OSError, xmlrpc.client.Error):
            return None

    # -- programs ------------------------------------------------------------------------------------------------

    def start(self, name: str, command: Command) -> None:
        """Runs `command` as the program `name`, in place of one that runs under that name."""
        self.remove(name)
        (self._programs / f"{name}.conf").write_text(_program_config(self, name, command))
        with self._locked():  # reloadConfig is not meant for several callers at once
            self._call("reloadConfig")
            self._call("addProcessGroup", name)

    def remove(self, name: str, *, kill: bool = False) -> None:
        """Stops the program and forgets it; `kill` spares it the goodbye."""
        if self.info(name).state != "ABSENT":
            with contextlib.suppress(xmlrpc.client.Fault):  # not running is as good as stopped
                self._call("stopProcess", name, False)
                if kill:
                    self._call("signalProcess", name, "KILL")
            if not until(lambda: self.info(name).state in _AT_REST, seconds=30):
                raise UserError(f"{name} does not stop: end its process {self.info(name).pid} and try again.")
            self._call("removeProcessGroup", name)
        (self._programs / f"{name}.conf").unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """Kills the program with SIGKILL and leaves it to be started again; raises UserError if it does not run."""
        try:
            self._call("signalProcess", name, "KILL")
        except (xmlrpc.client.Fault, OSError):
            raise UserError(f"{name} does not run, so it cannot be killed. `throughline up` brings it back.") from None

    def info(self, name: str) -> ProcessInfo:
        """The program's state; ABSENT when supervisord does not have it or is not there."""
        try:
            told = self._call("getProcessInfo", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _NO_SUCH_NAME:
                return ProcessInfo("ABSENT", 0, 0.0, "")
            raise
        except OSError:
            return ProcessInfo("ABSENT", 0, 0.0, "supervisord does not answer")
        age = float(told["now"] - told["start"]) if told["pid"] else 0.0
        return ProcessInfo(cast(State, told["statename"]), told["pid"], age, told["spawnerr"] or told["description"])

    def log_of(self, name: str) -> Path:
        """The program's log, standard output and error in one file."""
        return self.logs / f"{name}.log"

    def log_size(self, name: str) -> int:
        """How many bytes the program's log has by now."""
        log = self.log_of(name)
        return log.stat().st_size if log.exists() else 0

    def last_words(self, name: str, since: int = 0, lines: int = 15) -> str:
        """The last lines of the program's log, of those written after its first `since` bytes."""
        if not self.log_size(name):
            return ""
        with self.log_of(name).open("rb") as file:
            file.seek(max(since, self.log_size(name) - 64 * 1024))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    # -- plumbing ------------------------------------------------------------------------------------------------

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


_AT_REST = ("STOPPED", "EXITED", "FATAL", "UNKNOWN", "ABSENT")


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process whose command line names a file below `folder`: the stack's own, supervised or not."""
    found = []
    for process in psutil.process_iter(["cmdline", "pid"]):
        if process.pid != os.getpid() and any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def end(processes: Sequence[psutil.Process], *, kill: bool = False) -> None:
    """Ends processes with all that they started, asking first unless `kill`; returns when they are gone."""
    family = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
    if not kill:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, family = psutil.wait_procs(family, timeout=10)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)


def _daemon_config(supervisor: Supervisor) -> str:
    user = "user=root\n" if os.geteuid() == 0 else ""
    return f"""[supervisord]
identifier=throughline
directory=/
logfile={_escaped(str(supervisor.logs / "supervisord.log"))}
logfile_maxbytes=1MB
logfile_backups=1
pidfile={_escaped(str(supervisor.folder / "supervisord.pid"))}
umask=077
nocleanup=true
{user}
[unix_http_server]
file={_escaped(str(supervisor.socket))}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=programs/*.conf
"""


def _program_config(supervisor: Supervisor, name: str, command: Command) -> str:
    environment = ",".join(f'{key}="{_escaped(value)}"' for key, value in command.environment.items())
    user = f"user={command.user}\n" if command.user else ""
    return f"""[program:{name}]
command={_escaped(shlex.join(command.argv))}
directory={_escaped(str(command.directory))}
environment={environment}
autorestart=true
startsecs=1
startretries=10
stopsignal={command.stop_signal}
stopwaitsecs=10
redirect_stderr=true
stdout_logfile={_escaped(str(supervisor.log_of(name)))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
{user}"""


def _escaped(text: str) -> str:
    """supervisord expands %(name)s in its config."""
    return text.replace("%", "%%")
