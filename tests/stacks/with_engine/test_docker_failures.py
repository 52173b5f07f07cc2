"""What goes wrong with Docker is told in a paragraph, and the next `up` recovers."""

import socket

import docker

from tests.stacks.conftest import Lab
from tests.stacks.with_engine.conftest import left_on, settings


def test_an_image_that_is_nowhere_is_named_and_the_next_up_recovers(
    docker_lab: Lab, engine: docker.DockerClient
) -> None:
    name = docker_lab.new_stack()
    refused = docker_lab.throughline(
        "up", "--stack", name, *settings(kafka__image="throughline/no-such-image:1"), fails=True
    )
    assert "throughline/no-such-image:1" in refused.stderr
    assert "Traceback" not in refused.stderr
    docker_lab.throughline("up", "--stack", name, *settings())
    docker_lab.throughline("down", "--stack", name)
    assert left_on(engine, name) == []


def test_a_port_that_is_taken_is_named(docker_lab: Lab) -> None:
    name = docker_lab.new_stack()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = docker_lab.throughline("up", "--stack", name, *settings(clickhouse__port=port), fails=True)
    assert port in refused.stderr
    assert "clickhouse" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_engine_that_does_not_run_is_told(docker_lab: Lab) -> None:
    name = docker_lab.new_stack()
    refused = docker_lab.throughline("up", "--stack", name, *settings(), fails=True, DOCKER_HOST="unix:///nowhere.sock")
    assert "/nowhere.sock" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_container_that_dies_at_its_start_is_told_with_its_last_lines(docker_lab: Lab) -> None:
    name = docker_lab.new_stack()
    # Kafka's heap does not fit: the JVM says so and exits.
    refused = docker_lab.throughline("up", "--stack", name, *settings(postgres__image="throughline/jre:21"), fails=True)
    assert "postgres" in refused.stderr
    assert "Traceback" not in refused.stderr
