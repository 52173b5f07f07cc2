"""What goes wrong with Docker is told in a paragraph with the way out, and the next `up` recovers."""

import os
import pwd
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.doors import unix_door
from tests.stacks.conftest import Lab
from tests.stacks.with_engine.conftest import left_on, settings

ImageOf = Callable[..., str]


@pytest.fixture
def image_of(engine: docker.DockerClient) -> Iterator[ImageOf]:
    """An image of the test's own, by what is changed in another one."""
    made: list[str] = []

    def commit(base: str, **conf: object) -> str:
        container = engine.containers.create(base, ["true"])
        repository, tag = "throughline-test/postgres", uuid.uuid4().hex[:8]
        container.commit(repository, tag, conf=conf)
        container.remove(v=True)
        made.append(f"{repository}:{tag}")
        return made[-1]

    yield commit
    for name in made:
        engine.images.remove(name, force=True)


def refused(lab: Lab, stack: str, *arguments: str, **environment: str) -> str:
    """What `up` says when it fails: a paragraph for whoever reads it, and no traceback."""
    said = lab.throughline("up", "--stack", stack, *arguments, fails=True, **environment).stderr
    assert "Traceback" not in said
    return said


def recovers(lab: Lab, engine: docker.DockerClient, stack: str, **where: str) -> None:
    """With what was wrong put right, `up` goes on from there, and nothing is left when the stack goes."""
    lab.throughline("up", "--stack", stack, *settings(**where))
    assert {part["state"] for part in lab.parts(stack).values()} == {"RUNNING"}
    lab.throughline("down", "--stack", stack)
    assert left_on(engine, stack) == []


def test_an_image_that_is_nowhere_is_named_and_the_next_up_recovers(
    docker_lab: Lab, engine: docker.DockerClient
) -> None:
    name = docker_lab.new_stack()
    said = refused(docker_lab, name, *settings(kafka__image="throughline/no-such-image:1"))
    assert "throughline/no-such-image:1" in said
    assert "make images" in said
    recovers(docker_lab, engine, name)


def test_a_digest_that_is_not_the_image_s_is_told(docker_lab: Lab) -> None:
    image = f"throughline/postgres:17@sha256:{'0' * 64}"
    said = refused(docker_lab, docker_lab.new_stack(), *settings(postgres__image=image))
    assert f"The image {image} is not on the Docker engine and could not be pulled" in said
    assert "digest that does not match" in said


def test_a_port_that_is_taken_is_named(docker_lab: Lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(docker_lab, docker_lab.new_stack(), *settings(clickhouse__port=port))
    assert f"127.0.0.1:{port} on the Docker engine's machine is taken" in said
    assert "clickhouse" in said


def test_an_engine_that_does_not_run_is_told(docker_lab: Lab) -> None:
    said = refused(docker_lab, docker_lab.new_stack(), *settings(), DOCKER_HOST="unix:///nowhere.sock")
    assert "No Docker engine is running at unix:///nowhere.sock" in said


def test_a_socket_that_this_user_may_not_open_is_told_and_the_next_up_recovers(
    docker_lab: Lab, engine: docker.DockerClient, tmp_path: Path
) -> None:
    path = tmp_path / "docker.sock"
    stack = docker_lab.new_stack()
    with unix_door(path) as url:
        path.chmod(0o600)
        command = [sys.executable, "-m", "stacks.cli", "up", "--stack", stack, *settings(dockerHost=url)]
        if os.geteuid() == 0:
            # Nothing is closed to root, apart from root without that right.
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
            rights = "-dac_override,-dac_read_search"
            command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
        else:
            path.chmod(0)
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=docker_lab.environment,
            cwd=docker_lab.root,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert f"This user may not speak to the Docker engine at {url}" in ran.stderr
        assert "usermod -aG docker" in ran.stderr
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(0o600)
        recovers(docker_lab, engine, stack, dockerHost=url)


def test_a_container_that_dies_at_its_start_is_told_with_its_last_lines(
    docker_lab: Lab, engine: docker.DockerClient, image_of: ImageOf
) -> None:
    image = image_of("throughline/postgres:17", Entrypoint=["sh", "-c", "echo cannot find my data; exit 3"])
    name = docker_lab.new_stack()
    said = refused(docker_lab, name, *settings(postgres__image=image))
    # With its status, or "and the engine had to start it again", whichever was seen first.
    assert f"-postgres (image {image_id(engine, image)}) exited" in said
    assert "cannot find my data" in said
    assert "run `up` again" in said
    recovers(docker_lab, engine, name)


def test_a_container_that_never_is_healthy_is_told_when_its_time_is_up(
    docker_lab: Lab, engine: docker.DockerClient, image_of: ImageOf
) -> None:
    waits = ["sh", "-c", "echo waiting for a friend; exec sleep 3600"]
    image = image_of("throughline/postgres:17", Entrypoint=waits, StopSignal="SIGKILL")
    said = refused(docker_lab, docker_lab.new_stack(), *settings(postgres__image=image, readySeconds="5"))
    assert "-postgres" in said
    assert "was not healthy within 5 s" in said
    assert "waiting for a friend" in said


def test_a_disk_that_is_full_is_told_and_the_next_up_recovers(
    docker_lab: Lab, engine: docker.DockerClient, image_of: ImageOf
) -> None:
    # The data are on the container's own /dev/shm, of 64 MB, where others are before it.
    crowded = ["sh", "-c", 'head -c 48M /dev/zero > /dev/shm/others; exec entrypoint "$@"', "sh"]
    environment = [*environment_of(engine, "throughline/postgres:17"), "PGDATA=/dev/shm/data"]
    image = image_of("throughline/postgres:17", Entrypoint=crowded, Env=environment)
    name = docker_lab.new_stack()
    said = refused(docker_lab, name, *settings(postgres__image=image))
    assert "for want of space: the disk that its data are on is full. Make room there" in said
    assert "No space left on device" in said
    recovers(docker_lab, engine, name)


def image_id(engine: docker.DockerClient, image: str) -> str:
    return str(engine.images.get(image).id)


def environment_of(engine: docker.DockerClient, image: str) -> list[str]:
    """What the image sets, apart from where its data are."""
    found: list[str] = engine.images.get(image).attrs["Config"]["Env"]
    return [one for one in found if not one.startswith("PGDATA=")]
