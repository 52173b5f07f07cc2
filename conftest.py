"""Finds features as files, so that `pytest features/experiment_journey.feature` runs them, and knows the steps."""

from pathlib import Path
from types import ModuleType

import pytest
from pytest_bdd import scenarios

_STEPS = ("application", "assignments", "postgres", "connect", "kafka", "clickhouse", "analysts", "analytics")
pytest_plugins = ["steps.leak_guard", "steps.report.plugin", "steps.fixtures", *(f"steps.{hop}" for hop in _STEPS)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack",
        metavar="NAME",
        help="run the features on this stack and leave it; without it, on one of the run's own",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return FeatureFile.from_parent(parent, path=file_path) if file_path.suffix == ".feature" else None


class FeatureFile(pytest.Module):
    """A feature as the test module that pytest-bdd would want written for it."""

    def _getobj(self) -> ModuleType:
        module = ModuleType(self.path.stem)
        module.__file__ = str(self.path)
        # So that no scenario's time has the stack's start in it.
        module.pytestmark = pytest.mark.usefixtures("pipeline")
        # `scenarios` fills the module that it is called in.
        exec("scenarios(path)", {**vars(module), "scenarios": scenarios, "path": str(self.path)}, vars(module))  # noqa: S102
        return module
