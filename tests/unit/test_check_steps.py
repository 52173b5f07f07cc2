"""`make check` names steps that do not fit their features. Each check is a process of its own, with its own steps."""

import os
import subprocess
import sys
from pathlib import Path

from stacks.state import ROOT

FEATURE = """
Feature: Shop
  Background:
    Given a shop

  Scenario Outline: Buying
    When someone buys <number> apples

    Examples:
      | number |
      | 1      |
      | two    |
"""
STEPS = """
from pytest_bdd import given, parsers, scenarios, when
scenarios("shop.feature")

@given("a shop")
def shop(): pass

@when(parsers.parse("someone buys {number:d} apples"))
def buys(number): pass
"""
MEND = """
@when("someone buys two apples")
def buys_two(): pass
"""
SPOIL = """
@when("someone buys 1 apples")
def buys_one(): pass

@when("someone leaves")
def leaves(): pass

@given("a sign")
@given("a shop")
async def sign(): pass
"""


def check(folder: Path, steps: str) -> tuple[int, set[str]]:
    (folder / "shop.feature").write_text(FEATURE)
    (folder / "test_shop.py").write_text(steps)
    ran = subprocess.run(
        [sys.executable, "-m", "tools.check_steps", "."],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return ran.returncode, set(ran.stderr.splitlines())


def test_steps_that_fit_pass(tmp_path: Path) -> None:
    assert check(tmp_path, STEPS + MEND) == (0, set())


def test_each_step_that_does_not_fit_is_named(tmp_path: Path) -> None:
    code, faults = check(tmp_path, STEPS + SPOIL)
    assert code == 1
    assert faults == {
        "shop.feature: 'Given a shop': fits test_shop.shop and test_shop.sign",
        "shop.feature: 'When someone buys 1 apples': fits test_shop.buys and test_shop.buys_one",
        "shop.feature: 'When someone buys two apples': no step is defined for it",
        "test_shop.leaves: no feature says 'someone leaves'",
        "test_shop.sign: no feature says 'a sign'",
        "test_shop.sign: an async def is not run",
    }


def test_what_cannot_be_collected_is_told(tmp_path: Path) -> None:
    code, faults = check(tmp_path, "import nothing_of_this_name")
    assert code == 1
    assert any("nothing_of_this_name" in line for line in faults)
