"""A run's messages: of the official types, in the protocol's order, with what each step saw."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cucumber_messages as cm
import pytest

from pipeline_lib.model.errors import UserError
from steps.report.page import write_page
from tests.report.project import read, run

pytest_plugins = ["pytester"]

Message = dict[str, Any]
WANTED = {
    "One order": ["PASSED", "PASSED", "PASSED"],
    "One that is lost": ["PASSED", "FAILED", "SKIPPED"],
    "tea in twos": ["PASSED", "PASSED"],
    "coffee in twos": ["PASSED", "PASSED"],
    "Nobody knows how": ["PASSED", "UNDEFINED"],
    "Not here": ["PASSED", "SKIPPED", "SKIPPED"],
    "Nothing to stand on": ["FAILED", "SKIPPED"],
}


def of(kind: str, messages: list[Message]) -> list[Message]:
    return [message[kind] for message in messages if kind in message]


def told(messages: list[Message]) -> dict[str, list[Message]]:
    """Each scenario's steps as they ended, by its name."""
    pickles = {pickle["id"]: pickle["name"] for pickle in of("pickle", messages)}
    cases = {case["id"]: pickles[case["pickleId"]] for case in of("testCase", messages)}
    started = {one["id"]: cases[one["testCaseId"]] for one in of("testCaseStarted", messages)}
    ended: dict[str, list[Message]] = {}
    for step in of("testStepFinished", messages):
        ended.setdefault(started[step["testCaseStartedId"]], []).append(step)
    return ended


def statuses(messages: list[Message]) -> dict[str, list[str]]:
    return {name: [step["testStepResult"]["status"] for step in steps] for name, steps in told(messages).items()}


@pytest.fixture
def messages(pytester: pytest.Pytester) -> list[Message]:
    run(pytester, "--messages", "run.ndjson")
    return read(pytester.path / "run.ndjson")


def test_each_step_is_told_with_what_came_of_it(messages: list[Message]) -> None:
    assert statuses(messages) == WANTED


def test_messages_are_the_official_types_and_lose_nothing_as_such(messages: list[Message]) -> None:
    convert = cm.message_converter
    for message in messages:
        assert convert.to_dict(convert.from_dict(message, cm.Envelope)) == message


def test_they_come_in_the_order_of_the_protocol(messages: list[Message]) -> None:
    kinds = [next(iter(message)) for message in messages]
    assert kinds[:4] == ["meta", "testRunStarted", "source", "gherkinDocument"]
    assert kinds[-1] == "testRunFinished"
    assert messages[-1]["testRunFinished"]["success"] is False
    assert Counter(kinds)["pickle"] == Counter(kinds)["testCase"] == len(WANTED)
    known: set[str] = set()
    for message in messages:
        ((kind, body),) = message.items()
        for reference in ("pickleId", "testCaseId", "testCaseStartedId"):
            assert body.get(reference) in (None, *known), f"{kind} tells of what was not told yet"
        known.add(body.get("id", ""))


def test_a_failure_has_its_words_and_trace(messages: list[Message]) -> None:
    lost = told(messages)["One that is lost"][1]["testStepResult"]
    assert lost["message"] == "AssertionError: 1 of 5 events is lost between kafka and clickhouse"
    assert lost["exception"]["type"] == "AssertionError"
    assert "in lost" in lost["exception"]["stackTrace"]
    broken = told(messages)["Nothing to stand on"][0]["testStepResult"]
    assert "the ground is gone" in broken["message"]


def test_what_a_step_saw_is_attached_to_it_once(messages: list[Message]) -> None:
    arrives = told(messages)["One order"][2]["testStepId"]
    seen = {one["fileName"]: one["body"] for one in of("attachment", messages) if one["testStepId"] == arrives}
    assert set(seen) == {"rows", "latency"}
    assert '"position": "t-0@41"' in seen["rows"]
    assert '"value": "39.99"' in seen["rows"]
    assert "Grüße" in seen["rows"]
    assert "p50 12.5 ms" in seen["latency"]
    failed = {step["testStepId"] for step in told(messages)["One that is lost"]}
    assert len([one for one in of("attachment", messages) if one["testStepId"] in failed]) == 2


def test_parallel_workers_tell_the_same(pytester: pytest.Pytester) -> None:
    run(pytester, "--messages", "run.ndjson", "-n", "2")
    messages = read(pytester.path / "run.ndjson")
    assert statuses(messages) == WANTED
    assert {one["workerId"] for one in of("testCaseStarted", messages)} <= {"gw0", "gw1"}


def test_it_stands_beside_junit_xml(pytester: pytest.Pytester) -> None:
    run(pytester, "--messages", "deep/down/run.ndjson", "--junit-xml", "run.xml")
    assert read(pytester.path / "deep" / "down" / "run.ndjson")
    assert 'failures="2"' in (pytester.path / "run.xml").read_text()


def test_without_node_there_is_no_page_and_it_says_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run(pytester, "--report", "run.html")
    ran.stdout.fnmatch_lines(["No page is made of run.ndjson, for node is not at hand*"])
    assert statuses(read(pytester.path / "run.ndjson")) == WANTED
    assert not (pytester.path / "run.html").exists()


def test_without_the_formatter_it_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`make report-tools` installs it, by npm; the messages are there all the same"):
        write_page(tmp_path / "run.ndjson", tmp_path / "run.html", node=sys.executable, folder=tmp_path)
    assert not (tmp_path / "run.html").exists()
