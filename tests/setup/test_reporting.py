"""What a user sees of a set-up: its progress, and a paragraph where it cannot go on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tools.setup.command import run
from tools.setup.progress import step
from tools.setup.python_env import ROOT


def test_a_cache_that_cannot_be_written_is_one_paragraph() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tools.setup"],
        cwd=ROOT,
        env={**os.environ, "THROUGHLINE_CACHE": "/dev/null/cache"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert told.stderr.startswith("Set-up could not write /dev/null/cache")
    assert "THROUGHLINE_CACHE" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_step_says_what_it_does_and_that_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with step("jars", "3 jars") as shown:
        shown.note("one of them is large")
    what, note, end = capsys.readouterr().err.splitlines()
    assert (what, note) == ("jars    3 jars", "jars    one of them is large")
    assert end.startswith("jars    done in ")


def test_a_step_that_fails_does_not_say_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError), step("jars", "3 jars"):
        raise UserError("The way out.")
    assert capsys.readouterr().err.splitlines()[-1].startswith("jars    gave up after ")


def test_a_failed_program_leaves_its_last_words() -> None:
    with pytest.raises(UserError) as refused:
        run(["sh", "-c", "for n in $(seq 20); do echo line $n; done; exit 3"], failure="It failed.")
    assert refused.value.paragraph == "It failed."
    assert refused.value.evidence.splitlines() == [f"line {n}" for n in range(6, 21)]


def test_a_program_that_is_not_there_is_said() -> None:
    with pytest.raises(UserError) as refused:
        run(["no-such-program"], failure="It failed.")
    assert "no-such-program" in refused.value.evidence


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """The child holds the output open, so the call could not return while it lived."""
    with pytest.raises(UserError):
        run(["sh", "-c", "sleep 600 & wait"], failure="It took too long.", limit_s=0.2)
