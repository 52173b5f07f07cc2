"""Cucumber Messages (https://github.com/cucumber/messages): a run as lines of JSON.

The order is that of the protocol: the run begins; of each feature, when a scenario of it is first told of, its source,
syntax tree and pickles; of each scenario its test case, then what happened to it; the run ends.
"""

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cucumber_messages as cm
from gherkin.ast_builder import AstBuilder
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler
from gherkin.stream.id_generator import IdGenerator

from steps.report.record import Attachment, Record, StepRecord

PROTOCOL = version("cucumber-messages")
_NANOS = 1_000_000_000


class Messages:
    """The messages of one run, made as it goes; each method gives lines."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ids = IdGenerator()
        self._run = self._id()
        self._pickles: dict[tuple[str, int, tuple[str, ...]], list[dict[str, Any]]] = {}
        self._told: set[str] = set()

    def begin(self, now_s: float) -> Iterator[str]:
        """The run begins."""
        yield _line(
            meta=cm.Meta(
                cpu=cm.Product(platform.machine()),
                implementation=cm.Product("pytest-bdd", version("pytest-bdd")),
                os=cm.Product(platform.system(), platform.release()),
                protocol_version=PROTOCOL,
                runtime=cm.Product(platform.python_implementation(), platform.python_version()),
            )
        )
        yield _line(test_run_started=cm.TestRunStarted(_timestamp(now_s), self._run))

    def scenario(self, record: Record) -> Iterator[str]:
        """A scenario has ended."""
        if record.path not in self._told:
            self._told.add(record.path)
            yield from self._feature(record.path)
        # Examples that are alike in everything are told apart by their order alone.
        pickles = self._pickles[record.path, record.line, tuple(record.texts)]
        pickle = pickles.pop(0) if len(pickles) > 1 else pickles[0]
        steps = [cm.TestStep(self._id(), pickle_step_id=step["id"], step_definition_ids=[]) for step in pickle["steps"]]
        case = cm.TestCase(self._id(), pickle["id"], steps, self._run)
        yield _line(test_case=case)
        started = cm.TestCaseStarted(0, self._id(), case.id, _timestamp(record.started_s), record.worker)
        yield _line(test_case_started=started)
        for step, seen in zip(steps, record.steps, strict=True):
            yield _line(test_step_started=cm.TestStepStarted(started.id, step.id, _timestamp(seen.started_s)))
            for attachment in seen.attachments:
                yield _line(attachment=_attachment(attachment, started.id, step.id))
            ended = _timestamp(seen.started_s + seen.seconds)
            yield _line(test_step_finished=cm.TestStepFinished(started.id, step.id, _result(seen), ended))
        yield _line(test_case_finished=cm.TestCaseFinished(started.id, _timestamp(record.ended_s), False))

    def end(self, now_s: float, *, success: bool) -> Iterator[str]:
        """The run ends."""
        yield _line(test_run_finished=cm.TestRunFinished(success, _timestamp(now_s), test_run_started_id=self._run))

    def _id(self) -> str:
        return str(self._ids.get_next_id())

    def _feature(self, path: str) -> Iterator[str]:
        text = (self._root / path).read_text(encoding="utf-8")
        yield _line(source=cm.Source(text, cm.SourceMediaType.text_x_cucumber_gherkin_plain, path))
        document: dict[str, Any] = {**Parser(AstBuilder(self._ids)).parse(text), "uri": path}
        yield json.dumps({"gherkinDocument": document}, ensure_ascii=False)
        lines = {node["id"]: node["location"]["line"] for node in _scenarios(document["feature"])}
        for pickle in Compiler(self._ids).compile(document):
            yield json.dumps({"pickle": pickle}, ensure_ascii=False)
            texts = tuple(step["text"] for step in pickle["steps"])
            self._pickles.setdefault((path, lines[pickle["astNodeIds"][0]], texts), []).append(pickle)


def _scenarios(feature: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of a feature or a rule, and of the rules in it."""
    for child in feature["children"]:
        if "scenario" in child:
            yield child["scenario"]
        if "rule" in child:
            yield from _scenarios(child["rule"])


def _line(**message: Any) -> str:
    return json.dumps(cm.message_converter.to_dict(cm.Envelope(**message)), ensure_ascii=False)


def _timestamp(seconds: float) -> cm.Timestamp:
    whole = int(seconds)
    return cm.Timestamp(nanos=int((seconds - whole) * _NANOS), seconds=whole)


def _result(step: StepRecord) -> cm.TestStepResult:
    whole = int(step.seconds)
    failed = step.status == "FAILED"
    kind, _, words = step.error.partition(": ")
    return cm.TestStepResult(
        duration=cm.Duration(nanos=int((step.seconds - whole) * _NANOS), seconds=whole),
        status=cm.TestStepResultStatus[step.status.lower()],
        message=step.error or None,
        exception=cm.Exception(kind, words, step.trace) if failed else None,
    )


def _attachment(attachment: Attachment, case: str, step: str) -> cm.Attachment:
    return cm.Attachment(
        body=attachment.body,
        content_encoding=cm.AttachmentContentEncoding.identity,
        media_type=attachment.media_type,
        file_name=attachment.name,
        test_case_started_id=case,
        test_step_id=step,
    )
