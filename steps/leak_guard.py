"""The leak guard, a pytest plugin: a run fails that leaves processes behind, or a shared stack other than it was.

Processes are known by a word in their environment, which whatever the run starts inherits, a daemon too. A stack that
is given with `--stack` is compared before the first test and after the last one, by the run's controller alone, so that
what parallel workers do meanwhile is nobody's leak. A stack of a worker's own is compared by whoever brings it up
(`steps.stack`).
"""

import os
import secrets
from collections.abc import Iterator

import psutil
import pytest

from pipeline_lib.hops.inventory import Inventory
from pipeline_lib.model.endpoints import Endpoints
from steps.stack import endpoints_of, inventory_of_stack, leak_in

RUN = "THROUGHLINE_TEST_RUN"
"""Environment variable: the word of the run that a process belongs to."""
PATIENCE_S = 5
"""What is ending already may take so long."""


def pytest_configure(config: pytest.Config) -> None:
    """Registers the guard, except in a worker of xdist, whose controller has one."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LeakGuard(config.getoption("--stack")), "throughline-leak-guard")


class LeakGuard:
    """The guard of one run; `stack` is a shared one, if any."""

    def __init__(self, stack: str | None) -> None:
        self._stack = stack
        self._word = os.environ[RUN] = secrets.token_hex(8)
        self._before: tuple[Endpoints, Inventory] | None = None
        self._leaks: list[str] = []

    def pytest_sessionstart(self) -> None:
        """Takes the inventory of the shared stack."""
        if self._stack:
            endpoints = endpoints_of(self._stack)
            self._before = endpoints, inventory_of_stack(endpoints)

    @pytest.hookimpl(trylast=True)  # after the fixtures' ends, and after xdist has ended its workers
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Compares, and makes a run fail that would have passed."""
        self._leaks = [*self._changes(), *self._left_processes()]
        if self._leaks and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Names what leaked."""
        for leak in self._leaks:
            terminalreporter.section("leaked", red=True)
            terminalreporter.write_line(leak)

    def _changes(self) -> Iterator[str]:
        leak = leak_in(*self._before) if self._before else None
        if leak:
            yield leak

    def _left_processes(self) -> Iterator[str]:
        _, left = psutil.wait_procs(list(_processes_of(self._word)), timeout=PATIENCE_S)
        told = [f"{process.pid} ({_command_of(process)})" for process in left]
        if told:
            yield (
                f"The run leaves processes behind: {', '.join(told)}. Find the test that starts them, and have it end "
                "them at its end, also where it fails."
            )


def _processes_of(word: str) -> Iterator[psutil.Process]:
    """All processes of the run but this one."""
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(RUN) == word
        except (psutil.Error, OSError):  # gone, or somebody else's
            continue
        if ours and process.pid != os.getpid():
            yield process


def _command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:100]
    except psutil.Error:
        return "ended just now"
