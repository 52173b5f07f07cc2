"""What the steps share: the stack, its pipeline, and the visitor of the scenario.

A run without `--stack` brings a stack up for itself (each xdist worker one of its own) and takes it away at its end.
"""

import fcntl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.pipeline import Delivery, Journey, Pipeline, open_pipeline, seconds
from steps.stack import endpoints_of, stack_of_its_own

PATIENCE_S = 30
NEEDS = "needs_"
ABILITIES = {"kill": "killing a part"}
"""What a tag may ask for, and how a reader is told."""
TAGS = {
    "outbox": "what is announced of a change",
    "users": "users and their assignments",
    "streaming": "the topic, and who reads it",
    "store": "what analysts read",
    "journeys": "journeys, funnels and revenue",
    "results": "experiment results",
    "freshness": "how soon analysts see what happens",
    "capture": "how changes leave the database",
    "alone": "no other scenario runs on the stack meanwhile",
    "slow": "takes longer than 5 seconds",
}
"""The other tags of features and scenarios: subjects and speed."""


def pytest_configure(config: pytest.Config) -> None:
    """Makes the tags known."""
    for ability, words in ABILITIES.items():
        config.addinivalue_line("markers", f"{NEEDS}{ability}: only on a stack that grants {words}")
    for tag, words in TAGS.items():
        config.addinivalue_line("markers", f"{tag}: {words}")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the stack that the features run on."""
    chosen = request.config.getoption("--stack")
    if chosen:
        yield chosen
        return
    with stack_of_its_own("features", "kafka.partitions=3") as name:  # an order is only put to the test by several
        yield name


@pytest.fixture(scope="session")
def endpoints(stack: str) -> Endpoints:
    """Where the stack's systems are."""
    return endpoints_of(stack)


@pytest.fixture(autouse=True)
def _granted(request: pytest.FixtureRequest) -> None:
    """Skips what is tagged `@needs_…` on a stack that does not grant that."""
    needed = [mark.name.removeprefix(NEEDS) for mark in request.node.iter_markers() if mark.name.startswith(NEEDS)]
    if not needed:
        return
    has: Endpoints = request.getfixturevalue("endpoints")
    for ability in needed:
        if ability not in has.abilities:
            pytest.skip(f"the stack '{has.stack}' ({has.backend}) does not grant {ABILITIES[ability]}")


@pytest.fixture(scope="session")
def _opened(endpoints: Endpoints) -> Iterator[Pipeline]:
    with open_pipeline(endpoints, evidence=Path(".throughline") / "evidence") as opened:
        yield opened


@pytest.fixture
def _turn(stack: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """Parallel workers share a stack, except while one of them has a scenario that is `@alone`."""
    path = Path(".throughline") / "turns" / stack
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture
def pipeline(_opened: Pipeline, _turn: None, request: pytest.FixtureRequest) -> Pipeline:
    """The stack's pipeline, opened before the first write of the run."""
    return replace(_opened, name=request.node.name)


@pytest.fixture
def journey(pipeline: Pipeline) -> Journey:
    """A new visitor's journey; it grows with what the visitor does."""
    return pipeline.begin_journey()


@pytest.fixture
def delivery(pipeline: Pipeline, journey: Journey) -> Delivery:
    """The verdict on all that the visitor did, asked for by the first step that needs it."""
    return pipeline.expect(journey.committed).delivered(within=seconds(PATIENCE_S))
