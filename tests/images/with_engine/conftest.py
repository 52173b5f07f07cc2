"""Containers of the images, on a network of the run's own; with a test, all that it made is gone."""

import io
import json
import socket
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stacks.wait import until
from tools.images.build import build_images

PATIENCE_S = 90
"""A JVM on a machine that does much else."""


def docker(*arguments: str) -> str:
    """What the command says; its failure is the test's."""
    told = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(true: Callable[[], bool], what: Callable[[], str]) -> None:
    assert until(true, PATIENCE_S), what()


@dataclass(frozen=True)
class Container:
    name: str

    def inspect(self) -> dict[str, Any]:
        [found] = json.loads(docker("inspect", self.name))
        return dict(found)

    def logs(self) -> str:
        told = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True)
        return told.stdout + told.stderr

    def exit_code(self) -> int:
        return int(docker("wait", self.name))

    def stop(self) -> int:
        """Ends it as the engine does; its exit status, which after a kill is 137."""
        docker("stop", "--time=60", self.name)
        return self.exit_code()

    def process(self) -> str:
        """The user and the program of its first process."""
        return docker("exec", self.name, "sh", "-c", "stat -c %U /proc/1; cat /proc/1/comm")

    def command_line(self) -> list[str]:
        """Of its first process."""
        return docker("exec", self.name, "cat", "/proc/1/cmdline").split("\0")


@dataclass(frozen=True)
class Engine:
    """Makes containers, each of a name that begins with `prefix`."""

    prefix: str

    def volume(self) -> str:
        return docker("volume", "create", f"{self.prefix}-{uuid.uuid4().hex[:8]}")

    def start(
        self,
        image: str,
        *command: str,
        alias: str = "",
        env: Mapping[str, str] | None = None,
        ports: Mapping[int, int] | None = None,
        volumes: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> Container:
        """A running container, with `files` put into it as a stack does: before it starts."""
        name = f"{self.prefix}-{uuid.uuid4().hex[:8]}"
        options = [
            *options,
            *(f"--env={key}={value}" for key, value in (env or {}).items()),
            *(f"--publish=127.0.0.1:{outer}:{inner}" for inner, outer in (ports or {}).items()),
            *(f"--volume={volume}:{path}" for path, volume in (volumes or {}).items()),
        ]
        alias = alias or name
        network = f"--network={self.prefix}", f"--network-alias={alias}", f"--hostname={alias}"
        docker("create", f"--name={name}", *network, *options, image, *command)
        for path, text in (files or {}).items():
            self._put(name, path, text)
        docker("start", name)
        return Container(name)

    def _put(self, container: str, path: str, text: str) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(Path(path).name)
            entry.size, entry.mode = len(text.encode()), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
        target = f"{container}:{Path(path).parent}"
        subprocess.run(["docker", "cp", "-", target], input=packed.getvalue(), check=True, capture_output=True)


@pytest.fixture(scope="session")
def images() -> None:
    """All images are there, made from this checkout."""
    build_images()


@pytest.fixture
def engine(images: None) -> Iterator[Engine]:
    made = Engine(f"throughline-test-{uuid.uuid4().hex[:8]}")
    docker("network", "create", made.prefix)
    yield made
    mine = f"--filter=name={made.prefix}"
    if containers := docker("container", "ls", "--all", mine, "--format={{.Names}}").split():
        docker("container", "rm", "--force", "--volumes", *containers)
    if volumes := docker("volume", "ls", mine, "--format={{.Name}}").split():
        docker("volume", "rm", *volumes)
    docker("network", "rm", made.prefix)
