"""What the pages show is what there is: excerpts stand in the features, and the examples run on a real stack."""

import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline_lib.model.journey import Visitor, buys
from pipeline_lib.pipeline import open_pipeline
from pipeline_lib.trial import Participant, begin_trial
from steps.stack import endpoints_of, stack_of_its_own, throughline

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The page's examples in a language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    with stack_of_its_own("docs") as name:
        yield name


def test_excerpts_stand_in_the_features() -> None:
    features = [file.read_text(encoding="utf-8") for file in (ROOT / "features").glob("*.feature")]
    (excerpt,) = blocks("reading.md", "gherkin")
    assert any(excerpt in feature for feature in features)


def test_the_command_prints_what_the_page_shows(stack: str, tmp_path: Path) -> None:
    with open_pipeline(endpoints_of(stack), evidence=tmp_path) as pipeline:
        trial = begin_trial(pipeline)
        trial.take_part(
            [
                Participant(Visitor(), variant, [[buys(price, "USD", score=0)]] if number < buyers else [])
                for variant, buyers, price in (("control", 10, Decimal(10)), ("treatment", 50, Decimal(12)))
                for number in range(100)
            ]
        )
        assert trial.results().winner == "treatment"
    printed = [line.rstrip() for line in throughline("results", trial.experiment.name, "--stack", stack).splitlines()]
    (shown,) = blocks("reading.md", "text")
    assert shown.splitlines() == printed[1 : 1 + len(shown.splitlines())]
    assert printed[-1] == "winner: treatment"


def test_the_example_step_runs(stack: str, tmp_path: Path) -> None:
    (feature,) = blocks("steps.md", "gherkin")
    step, conftest = blocks("steps.md", "python")
    (tmp_path / "twice.feature").write_text(feature)
    (tmp_path / "test_twice.py").write_text(step)
    (tmp_path / "conftest.py").write_text(conftest)
    command = [sys.executable, "-m", "pytest", "-q", "--stack", stack, "--messages", "run.ndjson", "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert '"exposure"' in (tmp_path / "run.ndjson").read_text().replace("\\", "")
