"""Stacks on a real Docker engine, from the images that `make images` builds. `make test-docker` brings both."""

import json
import subprocess
import sys
from collections.abc import Iterator

import docker
import pytest
from docker.models.containers import Container

from tests.stacks.conftest import Lab
from tools.images.stack_settings import SELF_BUILT, as_arguments


def settings(**others: str) -> list[str]:
    """Arguments of `throughline up`; `others` by their keys with `__` for the dot."""
    chosen = {**SELF_BUILT, **{key.replace("__", "."): value for key, value in others.items()}}
    return as_arguments(chosen)


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    """The engine as Docker's own client sees it."""
    return docker.from_env()


@pytest.fixture(scope="module")
def docker_lab(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Lab]:
    """A state folder that the module's tests share; at the end nothing of its stacks is left on the engine."""
    made = Lab(tmp_path_factory.mktemp("docker") / "throughline")
    yield made
    made.clean_up()
    for stack in made.stacks:
        assert left_on(engine, stack) == []


@pytest.fixture(scope="module")
def stack(docker_lab: Lab) -> str:
    """A stack that the module's tests share and leave as they found it."""
    return docker_lab.up(*settings())


def left_on(engine: docker.DockerClient, stack: str) -> list[str]:
    """Containers, volumes and networks of the stack, by name."""
    prefix = f"throughline-{stack}-"
    names = [each.name for each in (*engine.containers.list(all=True), *engine.volumes.list(), *engine.networks.list())]
    return [name for name in names if name.startswith(prefix)]


def container(engine: docker.DockerClient, stack: str, part: str) -> Container:
    """The part's container."""
    labels = [f"throughline.stack={stack}", f"throughline.part={part}"]
    (found,) = engine.containers.list(all=True, filters={"label": labels})
    return found


def without_its_data(engine: docker.DockerClient, stack: str, part: str) -> None:
    """Removes the part's container and its volume."""
    lost = container(engine, stack, part)
    volumes = [mount["Name"] for mount in lost.attrs["Mounts"] if mount["Type"] == "volume"]
    lost.remove(force=True)
    for volume in volumes:
        engine.volumes.get(volume).remove()


def proved(lab: Lab, stack: str) -> None:
    """The reference journey passes on the stack."""
    assert json.loads(lab.throughline("demo", "--stack", stack, "--json").stdout)["verdict"] == "passed"


def features_pass(lab: Lab, stack: str) -> None:
    """The features pass on the stack."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "features", "--stack", stack],
        env=lab.environment,
        cwd=lab.root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
