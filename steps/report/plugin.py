"""A pytest plugin that reports features as Cucumber Messages and as a page.

    pytest features --messages run.ndjson --report run.html

A process that runs scenarios records them; the controller of the run, which may be the same process, writes. Other
tests are not told of: they are in pytest's own `--junit-xml`.
"""

import time
import traceback
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import TextIO

import pytest
from pytest_bdd.scenario import scenario_wrapper_template_registry

from pipeline_lib.model.errors import UserError
from steps.report.evidence import evidence_of
from steps.report.messages import Messages
from steps.report.page import write_page
from steps.report.record import Record, StepRecord

RECORD = "cucumber_record"
"""The attribute of a test's last report that holds its record."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("reports")
    group.addoption("--messages", metavar="FILE", help="write the features' run as Cucumber Messages (NDJSON)")
    group.addoption("--report", metavar="FILE", help="write it as one HTML page, beside its messages; needs node")


def pytest_configure(config: pytest.Config) -> None:
    """Registers who records, and who writes."""
    messages, page = config.getoption("--messages"), config.getoption("--report")
    if not (messages or page):
        return
    worker = getattr(config, "workerinput", None)
    config.pluginmanager.register(Recorder(config.rootpath, worker["workerid"] if worker else "main"))
    if worker is None:
        file = Path(messages) if messages else Path(page).with_suffix(".ndjson")
        config.pluginmanager.register(Writer(config.rootpath, file, Path(page) if page else None))


class Recorder:
    """Records the scenario that runs now."""

    def __init__(self, root: Path, worker: str) -> None:
        self._root = root
        self._worker = worker
        self._record: Record | None = None
        self._trouble: tuple[str, str] | None = None
        self._began_s = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A new record, if the test is a scenario."""
        self._trouble = None
        template = scenario_wrapper_template_registry.get(getattr(item, "obj", None))
        if template is None:
            self._record = None
            return
        example = getattr(item, "callspec", None)
        scenario = template.render(example.params["_pytest_bdd_example"] if example else {})
        path = Path(scenario.feature.filename).resolve().relative_to(self._root).as_posix()
        texts = [step.name for step in scenario.steps]
        self._record = Record(path, scenario.line_number, texts, self._worker, time.time())

    def pytest_bdd_before_step(self) -> None:
        """The step begins."""
        self._began_s = time.time()

    def pytest_bdd_after_step(self, step_func: Callable[..., object], step_func_args: dict[str, object]) -> None:
        """The step has passed."""
        self._add("PASSED", step_func, step_func_args)

    def pytest_bdd_step_error(
        self, step_func: Callable[..., object], step_func_args: dict[str, object], exception: BaseException
    ) -> None:
        """The step has failed."""
        trace = "".join(traceback.format_exception(exception))
        self._add("FAILED", step_func, step_func_args, f"{type(exception).__name__}: {exception}", trace)

    def pytest_bdd_step_func_lookup_error(self, exception: Exception) -> None:
        """Nobody has defined the step."""
        if self._record is not None:
            self._record.steps.append(StepRecord("UNDEFINED", time.time(), error=str(exception)))

    def _add(
        self,
        status: str,
        step_func: Callable[..., object],
        arguments: dict[str, object],
        error: str = "",
        trace: str = "",
    ) -> None:
        if self._record is None:
            return
        seconds = time.time() - self._began_s
        shown = {one for step in self._record.steps for one in step.attachments}
        found = evidence_of(step_func.__module__.rpartition(".")[2], arguments)
        new = tuple(one for one in found if one not in shown)
        self._record.steps.append(StepRecord(status, self._began_s, seconds, error, trace, new))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """What befell the scenario outside of its steps; at its end, the record goes with the report."""
        report = yield
        if not report.passed and self._trouble is None:
            self._trouble = (report.outcome.upper(), report.longreprtext)
        if report.when == "teardown" and self._record is not None:
            self._record.ended_s = time.time()
            self._record.complete(self._trouble)
            setattr(report, RECORD, self._record.to_json())
        return report


class Writer:
    """Writes the messages as scenarios end, and the page when the run does."""

    def __init__(self, root: Path, file: Path, page: Path | None) -> None:
        self._messages = Messages(root)
        self._file = file
        self._page = page
        self._open: TextIO | None = None
        self._words: list[str] = []

    def pytest_sessionstart(self) -> None:
        """The run begins."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._open = self._file.open("w", encoding="utf-8")
        self._write(self._messages.begin(time.time()))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has ended, here or in a worker."""
        told = getattr(report, RECORD, None)
        if told is not None:
            self._write(self._messages.scenario(Record.from_json(told)))

    @pytest.hookimpl(trylast=True)  # after the leak guard, which may make the run fail
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The run ends."""
        if self._open is None:
            return
        self._write(self._messages.end(time.time(), success=session.exitstatus == pytest.ExitCode.OK))
        self._open.close()
        self._words.append(f"messages: {self._file}")
        if self._page is not None:
            try:
                write_page(self._file, self._page)
                self._words.append(f"report: {self._page}")
            except UserError as error:
                self._words.append(str(error))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says where they are."""
        for words in self._words:
            terminalreporter.write_line(words)

    def _write(self, lines: Iterable[str]) -> None:
        assert self._open is not None
        for line in lines:
            self._open.write(line + "\n")
        self._open.flush()
