"""Whether features and steps fit together: `python -m tools.check_steps [FOLDER]`, a part of `make check`.

Collects the features, runs none, and names each step of a feature that no definition or several fit, each definition
that no feature uses, and each that is an `async def`, which pytest-bdd would pass without running it.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_bdd.scenario import find_fixturedefs_for_step, scenario_wrapper_template_registry
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

_EXAMPLE = "_pytest_bdd_example"


class StepCheck:
    """A pytest plugin; `faults` are what is wrong, in words, after the collection."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What cannot be collected cannot be checked."""
        if report.failed:
            self.faults.append(str(report.longrepr))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Holds every step of every example against all definitions."""
        used: set[Callable[..., object]] = set()
        for item in session.items:
            for line, fitting in _steps_of(item):
                used.update(fitting)
                if len(fitting) != 1:
                    self.faults.append(f"{line}: {_told(fitting)}")
        self.faults += [
            f"{_place(context.step_func)}: no feature says '{context.parser.name}'"
            for definition, context in step_function_context_registry.items()
            if definition not in used and not context.step_func.__module__.startswith("pytest_bdd.")
        ]
        self.faults += [
            f"{_place(function)}: an async def is not run"
            for function in {context.step_func for context in step_function_context_registry.values()}
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        ]


def _steps_of(item: pytest.Item) -> Iterator[tuple[str, list[Callable[..., object]]]]:
    """Each step of a scenario, and the definitions that fit it."""
    function: Any = getattr(item, "obj", None)
    template = scenario_wrapper_template_registry.get(function)
    if template is None:
        return
    example = item.callspec.params.get(_EXAMPLE, {}) if hasattr(item, "callspec") else {}
    manager = item.session._fixturemanager
    for step in template.render(example).steps:
        found = find_fixturedefs_for_step(step, manager, item)
        yield (
            f"{os.path.relpath(template.feature.filename)}: '{step.keyword} {step.name}'",
            [fixture.func for fixture in found],
        )


def _told(fitting: list[Callable[..., object]]) -> str:
    if not fitting:
        return "no step is defined for it"
    contexts: list[StepFunctionContext] = [step_function_context_registry[definition] for definition in fitting]
    return f"fits {' and '.join(sorted(_place(context.step_func) for context in contexts))}"


def _place(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__name__}"


def main(folder: str = "features") -> int:
    """1, and what is wrong on stderr, if anything is."""
    check = StepCheck()
    ran = pytest.main(["-p", "no:terminal", "-o", "addopts=", "--collect-only", folder], plugins=[check])
    faults = list(dict.fromkeys(check.faults)) or ([f"pytest ended with {ran!r}"] if ran else [])
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
