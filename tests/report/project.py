"""A small suite with one of all that a report has to tell: passed, failed, skipped, undefined, broken outside."""

import json
from pathlib import Path
from typing import Any

import pytest

FEATURE = """
@orders
Feature: Orders are delivered
  What was ordered arrives.

  Background:
    Given a customer

  Rule: Each order arrives once

    Scenario: One order
      When these are ordered:
        | what | how many |
        | tea  | 2        |
      Then the order arrives

    Scenario: One that is lost
      Then the order is lost
      And the order arrives

    Scenario Outline: <what> in twos
      When <what> is ordered

      Examples:
        | what   |
        | tea    |
        | coffee |

  Scenario: Nobody knows how
    When pigs fly

  Scenario: Not here
    Given a stack that grants nothing
    Then the order arrives

  @broken
  Scenario: Nothing to stand on
    Then the order arrives
"""

CONFTEST = """
import pytest
pytest_plugins = ["steps.report.plugin"]

def pytest_configure(config):
    for tag in ("orders", "broken"):
        config.addinivalue_line("markers", tag)
"""

STEPS = """
from datetime import UTC, datetime

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from pipeline_lib.model.outbox import Committed, OutboxMessage
from pipeline_lib.model.position import Lsn, TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.pipeline import Delivery
from pipeline_lib.verify.verdict import HopReport, Verdict

scenarios("orders.feature")
AT = datetime(2026, 11, 23, tzinfo=UTC)

@pytest.fixture(autouse=True)
def _ground(request):
    if request.node.get_closest_marker("broken"):
        raise RuntimeError("the ground is gone")

@pytest.fixture
def delivery():
    message = Committed(OutboxMessage("event", "e2e_event_1", "X", {}), 7, Lsn(99), AT, AT, "w")
    at = TopicPosition("t", 0, 41)
    row = Sighting("clickhouse", "e2e_event_1", 7, at, AT, {"value": "39.99", "note": "<b>Grüße</b>"})
    hop = HopReport("clickhouse", 1, 1, (12.5,), (at,), 0.0)
    return Delivery(Verdict((message,), (), (hop,), {"clickhouse": [row]}, 0.1, 1, 0.1), None)

@given("a customer")
def customer():
    pass

@given("a stack that grants nothing")
def nothing():
    pytest.skip("the stack does not grant that")

@when("these are ordered:")
def ordered(datatable):
    assert len(datatable) == 2

@when(parsers.parse("{what} is ordered"))
def one_ordered(what):
    pass

@then("the order arrives")
def arrives(delivery):
    assert delivery

@then("the order is lost")
def lost(delivery):
    raise AssertionError("1 of 5 events is lost between kafka and clickhouse")
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Runs the suite with the arguments."""
    pytester.makeconftest(CONFTEST)
    pytester.makefile(".feature", orders=FEATURE)
    pytester.makepyfile(test_orders=STEPS)
    return pytester.runpytest_subprocess(*arguments)


def read(file: Path) -> list[dict[str, Any]]:
    """The messages of a file."""
    return [json.loads(line) for line in file.read_text().splitlines()]
