"""Drives the program of `program.py` through Pulumi's Automation API, and tells what it does in a line a resource.

Pulumi runs in a session of its own, so that a Ctrl-C reaches only us; it is passed on once, and Pulumi then finishes
what it has begun, writes its state and gives back its lock before we go.
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeVar

import psutil
from pulumi import automation
from pulumi.automation import errors, events
from pulumi.automation._stack import StackInitMode  # nowhere else, though a stack is made with it
from semver import VersionInfo

from pipeline_lib.model.errors import UserError
from stacks.config import PROJECT
from stacks.config_text import parse, with_settings
from stacks.outputs import missing
from stacks.program import run, see_to_plugins
from stacks.pulumi_cli import PULUMI_VERSION, find_pulumi
from stacks.state import ROOT, environment

Say = Callable[[str], None]
T = TypeVar("T")
_LOCKED_BY = re.compile(r"file://(?P<file>/[^?\s]+)\S*: created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")
_COLOUR = re.compile(r"<\{%.*?%\}>")


class InterruptedUpdateError(Exception):
    """A Ctrl-C that Pulumi has answered to."""


class _Pulumi(automation.PulumiCommand):
    """The Pulumi command line, run in a session of its own."""

    def __init__(self, path: Path) -> None:
        self.command = str(path)
        # The least that it can be, which is all that the Automation API wants to know; asking takes a command more.
        self.version = VersionInfo.parse(PULUMI_VERSION.removeprefix("v"))

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: automation.OnOutput | None = None,
        on_error: automation.OnOutput | None = None,
    ) -> automation.CommandResult:
        """As the inherited one; raises InterruptedUpdateError after a Ctrl-C."""
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        interrupted = False
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            start_new_session=True,
        ) as process:

            def listen(stream: IO[str], to: list[str], also: automation.OnOutput | None) -> None:
                for line in stream:
                    to.append(line.rstrip())
                    if also:
                        also(line.rstrip())

            ears = [
                threading.Thread(target=listen, args=(process.stdout, said["stdout"], on_output)),
                threading.Thread(target=listen, args=(process.stderr, said["stderr"], on_error)),
            ]
            for ear in ears:
                ear.start()
            while process.poll() is None:
                try:
                    process.wait()
                except KeyboardInterrupt:
                    interrupted = True
                    process.send_signal(signal.SIGINT)
            for ear in ears:
                ear.join()
        if interrupted:
            raise InterruptedUpdateError
        result = automation.CommandResult("\n".join(said["stdout"]), "\n".join(said["stderr"]), process.returncode)
        if process.returncode != 0:
            raise errors.create_command_error(result)
        return result


def up(stack_name: str, settings: Mapping[str, str], say: Say) -> None:
    """Brings the stack up; `settings` are set in its config first, if the whole of it is then valid."""
    stack = _stack(stack_name)
    progress = Progress(say)

    def brought_up() -> None:
        if settings:
            _configure(stack, settings)
        _see_to_plugins(stack)
        stack.up(on_event=progress.on_event, show_secrets=False)

    def made_and_brought_up() -> None:
        stack.workspace.create_stack(stack_name)
        brought_up()

    try:
        _tell("up", stack, progress, brought_up)
    except errors.StackNotFoundError:
        _tell("up", stack, progress, made_and_brought_up)


def down(stack_name: str, say: Say) -> None:
    """Destroys everything in the stack, and the stack with its config."""
    stack = _stack(stack_name)
    _see_to_plugins(stack)
    progress = Progress(say)
    try:
        _tell(
            "down", stack, progress, lambda: stack.destroy(on_event=progress.on_event, remove=True, show_secrets=False)
        )
    except errors.StackNotFoundError:
        raise missing(stack_name) from None


class _Workspace(automation.LocalWorkspace):
    """A workspace that does not run Pulumi, 0.2 s each time, for answers that nobody reads."""

    def select_stack(self, stack_name: str, show_secrets: bool | None = None) -> None:
        """Nothing: each command names its stack."""

    def stack_outputs(self, stack_name: str) -> automation.OutputMap:  # noqa: ARG002  the name is the interface's
        """None; `stacks.outputs` is where to ask."""
        return {}


class _Stack(automation.Stack):
    """A stack whose `up` and `destroy` do not ask for the history that they have just written."""

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002  the name is the interface's
        """That it was done, of which a failure would have been raised; `pulumi stack history` knows more."""
        return automation.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


def _stack(name: str) -> _Stack:
    """The stack of this name, which may not be there: the first command then raises StackNotFoundError."""
    workspace = _Workspace(
        work_dir=str(ROOT), program=run, env_vars=environment(), pulumi_command=_Pulumi(find_pulumi())
    )
    return _Stack(name, workspace, StackInitMode.SELECT)


def _unless_locked(stack: str, operation: Callable[[], T]) -> T:
    """`operation()`, with the lock of a process that died on this machine taken away; raises UserError if locked."""
    try:
        return operation()
    except errors.ConcurrentUpdateError as locked:
        holder = _LOCKED_BY.search(str(locked))
        if holder and holder["host"] == socket.gethostname() and _is_dead(int(holder["pid"])):
            Path(holder["file"]).unlink(missing_ok=True)
        else:
            by = f" by process {holder['pid']} on {holder['host']}" if holder else ""
            raise UserError(
                f"Another `up` or `down` of the stack '{stack}' is under way{by}: wait for it to end and try again. If "
                f"it is known to be dead, `pulumi cancel --stack {stack}` takes its lock away."
            ) from None
    return _unless_locked(stack, operation)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _configure(stack: automation.Stack, settings: Mapping[str, str]) -> None:
    values = {key: value.value for key, value in stack.get_all_config().items()}
    parse(with_settings(values, settings))
    stack.set_all_config({key: automation.ConfigValue(value) for key, value in settings.items()}, path=True)


def _see_to_plugins(stack: automation.Stack) -> None:
    """The program does the same, but a refresh comes before it, and `down` does without it."""
    try:
        config = stack.workspace.stack_settings(stack.name).config or {}
    except FileNotFoundError:  # a stack without any config
        return
    see_to_plugins(str(config.get(f"{PROJECT}:backend")))


def _tell(doing: str, stack: automation.Stack, progress: "Progress", operation: Callable[[], object]) -> None:
    """Runs `operation`, with what may go wrong told as a UserError."""
    try:
        _unless_locked(stack.name, operation)
    except InterruptedUpdateError:
        raise UserError(
            f"`{doing}` of the stack '{stack.name}' was interrupted. What was begun is in the stack's state"
            f"{progress.running()}; `throughline up --stack {stack.name}` goes on from there, and `throughline down "
            f"--stack {stack.name}` takes everything away."
        ) from None
    except errors.StackNotFoundError:
        raise
    except errors.CommandError as failed:
        reasons = progress.reasons or [_said(failed)]
        raise UserError(f"`{doing}` of the stack '{stack.name}' failed. " + "\n\n".join(reasons)) from None


def _said(failed: errors.CommandError) -> str:
    """What Pulumi wrote to its standard error, without the frame that the Automation API puts around it."""
    return str(failed).partition("stderr:")[2].strip().removeprefix("error: ") or str(failed)


class Progress:
    """A line for each resource that changes, with the seconds since the start; keeps the reasons of failures."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.reasons: list[str] = []
        self._start = time.monotonic()
        self._begun: set[str] = set()

    def on_event(self, event: events.EngineEvent) -> None:
        """Listens to Pulumi's engine."""
        if event.resource_pre_event and event.resource_pre_event.metadata.op in _DOING:
            self._begun.add(_name(event.resource_pre_event.metadata.urn))
        elif event.res_outputs_event and event.res_outputs_event.metadata.op in _DOING:
            metadata = event.res_outputs_event.metadata
            self._begun.discard(_name(metadata.urn))
            if "::pulumi:" not in metadata.urn:  # the stack itself and Pulumi's providers
                kept = metadata.op == "delete" and metadata.old is not None and metadata.old.retain_on_delete
                self._line(_name(metadata.urn), "kept" if kept else _DOING[metadata.op])
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            told = _COLOUR.sub("", event.diagnostic_event.message).strip().removeprefix("error: ")
            # What ends the program itself is told a second time, with this before it.
            self._reason(told.removeprefix("an unhandled error occurred: "))
        elif event.diagnostic_event and event.diagnostic_event.severity == "warning":
            self.say(_COLOUR.sub("", event.diagnostic_event.message).strip())

    def running(self) -> str:
        """What was begun and not finished, as a part of a sentence."""
        return f", with {', '.join(sorted(self._begun))} unfinished" if self._begun else ""

    def _line(self, name: str, done: str) -> None:
        self.say(f"{time.monotonic() - self._start:6.1f} s  {name} {done}")

    def _reason(self, message: str) -> None:
        if message not in ("update failed", "") and message not in self.reasons:
            self.reasons.append(message)


_DOING: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "create-replacement": "created anew",
    "delete": "deleted",
    "delete-replaced": "deleted, to be created anew",
}


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
