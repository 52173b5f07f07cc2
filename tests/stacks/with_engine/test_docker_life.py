"""The life of a stack on Docker: up, drift, down; what is missing comes back, and nothing else is touched."""

import docker
import httpx
import pytest

from stacks.wait import until
from tests.stacks.conftest import Lab, passwords
from tests.stacks.with_engine.conftest import (
    container,
    features_pass,
    left_on,
    proved,
    settings,
    without_its_data,
)

PARTS = {"postgres", "kafka", "connect", "clickhouse"}


def test_the_features_pass(docker_lab: Lab, stack: str) -> None:
    features_pass(docker_lab, stack)


def test_a_second_up_changes_nothing_and_preview_expects_none(docker_lab: Lab, stack: str) -> None:
    assert docker_lab.changes(docker_lab.throughline("up", "--stack", stack)) == set()
    docker_lab.pulumi("preview", "--expect-no-changes", "--stack", stack)


def test_status_and_logs_tell_each_part(docker_lab: Lab, stack: str) -> None:
    parts = docker_lab.parts(stack)
    assert parts.keys() == PARTS
    assert {part["state"] for part in parts.values()} == {"RUNNING"}
    assert all(part["memory_mb"] > 1 for part in parts.values())
    assert "ready to accept connections" in docker_lab.throughline("logs", "postgres", "--stack", stack).stdout


def test_a_killed_part_comes_back(docker_lab: Lab, engine: docker.DockerClient, stack: str) -> None:
    before = container(engine, stack, "clickhouse").attrs["State"]["StartedAt"]
    docker_lab.throughline("kill", "clickhouse", "--stack", stack)

    def healthy() -> bool:
        state = container(engine, stack, "clickhouse").attrs["State"]
        return bool(state["StartedAt"] != before and state["Health"]["Status"] == "healthy")

    assert until(healthy, seconds=60)
    proved(docker_lab, stack)


def test_ports_are_published_on_loopback_alone(engine: docker.DockerClient, stack: str) -> None:
    for part in PARTS:
        published = container(engine, stack, part).attrs["HostConfig"]["PortBindings"].values()
        assert {binding["HostIp"] for bindings in published for binding in bindings} == {"127.0.0.1"}


def test_secrets_are_nowhere_in_plain_text(docker_lab: Lab, engine: docker.DockerClient, stack: str) -> None:
    secrets = passwords(docker_lab.endpoints(stack))
    assert len(secrets) == 7
    shown = [str(container(engine, stack, part).attrs) for part in PARTS]
    shown += [container(engine, stack, part).logs().decode(errors="replace") for part in PARTS]
    shown += [
        docker_lab.throughline("endpoints", "--stack", stack).stdout,
        docker_lab.pulumi("stack", "output", "--stack", stack).stdout,
        docker_lab.pulumi("stack", "export", "--stack", stack).stdout,
        *(file.read_text(errors="replace") for file in docker_lab.home.rglob("*") if file.is_file()),
    ]
    assert not [secret for secret in secrets for text in shown if secret in text]


@pytest.mark.parametrize("part", ["kafka", "clickhouse"])
def test_a_container_that_was_removed_comes_back_on_its_data(
    docker_lab: Lab, engine: docker.DockerClient, stack: str, part: str
) -> None:
    container(engine, stack, part).remove(force=True)
    changed = docker_lab.changes(docker_lab.throughline("up", "--stack", stack))
    assert f"{part} created" in changed
    assert not {f"{other} created" for other in PARTS - {part}} & changed
    proved(docker_lab, stack)


def test_a_container_that_was_stopped_runs_again(docker_lab: Lab, engine: docker.DockerClient, stack: str) -> None:
    container(engine, stack, "postgres").stop()
    docker_lab.throughline("up", "--stack", stack)
    proved(docker_lab, stack)


def test_a_connector_that_was_deleted_comes_back(docker_lab: Lab, stack: str) -> None:
    where = docker_lab.endpoints(stack).connect
    httpx.delete(f"{where.url}/connectors/{where.connector}").raise_for_status()
    assert docker_lab.changes(docker_lab.throughline("up", "--stack", stack)) == {"connector created"}
    proved(docker_lab, stack)


def test_a_clickhouse_without_its_volume_reads_the_topic_again(
    docker_lab: Lab, engine: docker.DockerClient, stack: str
) -> None:
    proved(docker_lab, stack)
    with docker_lab.analyst(stack) as analyst:
        before = analyst.query("SELECT id FROM event_details ORDER BY id").result_rows
    assert before
    without_its_data(engine, stack, "clickhouse")
    assert "clickhouse-schema created" in {
        change.replace("created anew", "created")
        for change in docker_lab.changes(docker_lab.throughline("up", "--stack", stack))
    }
    proved(docker_lab, stack)  # its fence is behind all that the topic held
    with docker_lab.analyst(stack) as analyst:
        after = analyst.query("SELECT id FROM event_details ORDER BY id").result_rows
    assert set(before) <= set(after)


def test_two_stacks_stand_side_by_side_and_one_goes_without_the_other(
    docker_lab: Lab, engine: docker.DockerClient, stack: str
) -> None:
    other = docker_lab.up(*settings())
    proved(docker_lab, other)
    docker_lab.throughline("down", "--stack", other)
    assert left_on(engine, other) == []
    proved(docker_lab, stack)
