"""A feature that needs what a stack does not grant is skipped, with the reason; on another stack it runs."""

from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.abilities import GRANTED, kill

pytest_plugins = ["pytester"]

_PROJECT = """
import pytest
from pydantic import SecretStr
from pipeline_lib.model.endpoints import ClickHouseEndpoint, ConnectEndpoint, Endpoints, KafkaEndpoint, PostgresEndpoint

pytest_plugins = ["steps.fixtures"]

def pytest_addoption(parser):
    parser.addoption("--stack")

@pytest.fixture(scope="session")
def endpoints(stack):
    who = {{"user": "u", "password": SecretStr("p"), "users": {{}}, "host": "h", "port": 1, "database": "d"}}
    return Endpoints(
        stack=stack,
        backend={backend!r},
        abilities={abilities!r},
        postgres=PostgresEndpoint(**who),
        kafka=KafkaEndpoint(bootstrap="h:1", topic="t"),
        connect=ConnectEndpoint(url="http://h", connector="c"),
        clickhouse=ClickHouseEndpoint(url="http://h", **who),
    )
"""
_FEATURE = """
from pytest_bdd import given, scenarios

scenarios("crash.feature")

@given("a crash")
def crash():
    print("it ran")
"""
_GHERKIN = """
Feature: Crashes

  @needs_kill
  Scenario: A part dies
    Given a crash

  Scenario: Nothing dies
    Given a crash
"""


@pytest.mark.parametrize(
    ("backend", "outcome"), [("external", {"passed": 1, "skipped": 1}), ("embedded", {"passed": 2})]
)
def test_what_is_not_granted_is_skipped_with_its_reason(
    pytester: pytest.Pytester, backend: str, outcome: dict[str, int]
) -> None:
    pytester.makeconftest(_PROJECT.format(backend=backend, abilities=GRANTED[backend]))
    pytester.makefile(".feature", crash=_GHERKIN)
    pytester.makepyfile(test_crash=_FEATURE)
    ran = pytester.runpytest_subprocess("--stack", "theirs", "-rs", "--strict-markers")
    ran.assert_outcomes(**outcome)
    if backend == "external":
        ran.stdout.fnmatch_lines(["*the stack 'theirs' (external) does not grant killing a part*"])


def test_a_part_that_is_not_ours_is_not_killed() -> None:
    with pytest.raises(UserError, match="'theirs' is external, and its kafka is not ours to kill"):
        kill("theirs", {"backend": "external"}, "kafka")


def test_a_part_that_does_not_run_cannot_be_killed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="kafka does not run"):
        kill("ours", {"backend": "embedded", "folder": str(tmp_path)}, "kafka")
