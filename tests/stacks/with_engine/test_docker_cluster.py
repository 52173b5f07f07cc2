"""A small cluster on Docker: three brokers, two workers, two replicas; one of each may be gone, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from confluent_kafka.admin import AdminClient

from pipeline_lib.hops import clickhouse
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.journey import CONTROL, clicks
from pipeline_lib.pipeline import open_pipeline, seconds
from pipeline_lib.verify.budget import TIME_SCALE
from tests.stacks.conftest import Lab
from tests.stacks.with_engine.conftest import container, features_pass, proved, settings, without_its_data

SERVERS = {
    "kafka": ("kafka", "kafka-2", "kafka-3"),
    "connect": ("connect", "connect-2"),
    "clickhouse": ("clickhouse", "clickhouse-2"),
}
PARTS = {"postgres", "keeper", *(name for names in SERVERS.values() for name in names)}
SMALL = {"kafka__heap": "256m", "connect__heap": "400m", "clickhouse__memory": "1g"}


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """Nine containers share the machine with whatever else is on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TIME_SCALE, "5")
        yield


@pytest.fixture(scope="module")
def cluster(docker_lab: Lab) -> str:
    """A cluster that the module's tests share and leave as they found it."""
    return docker_lab.up(
        *settings(kafka__brokers="3", connect__workers="2", clickhouse__replicas="2", **SMALL),
    )


def events_by_replica(lab: Lab, stack: str) -> list[set[str]]:
    """The ids of the events that each replica has, once it has fetched what the others have."""
    endpoint = lab.endpoints(stack).clickhouse
    found = []
    for url in endpoint.urls:
        admin = Client(endpoint.at(url), "admin")
        admin.run("SYSTEM SYNC REPLICA events LIGHTWEIGHT")
        found.append({row["aggregate_id"] for row in admin.rows("SELECT aggregate_id FROM events")})
        admin.close()
    return found


def test_the_features_pass(docker_lab: Lab, cluster: str) -> None:
    features_pass(docker_lab, cluster)


def test_each_message_is_on_three_brokers_and_every_replica_has_a_partition(docker_lab: Lab, cluster: str) -> None:
    where = docker_lab.endpoints(cluster)
    topic = AdminClient({"bootstrap.servers": where.kafka.bootstrap}).list_topics(where.kafka.topic, timeout=10)
    partitions = topic.topics[where.kafka.topic].partitions.values()
    assert [len(partition.replicas) for partition in partitions] == [3, 3, 3]
    shares = []
    for url in where.clickhouse.urls:
        admin = Client(where.clickhouse.at(url), "admin")
        shares += [
            row["share"] for row in admin.rows("SELECT length(assignments.topic) AS share FROM system.kafka_consumers")
        ]
        admin.close()
    assert sorted(shares) == [1, 2]


def test_a_second_up_changes_nothing(docker_lab: Lab, cluster: str) -> None:
    assert docker_lab.changes(docker_lab.throughline("up", "--stack", cluster)) == set()


@pytest.mark.parametrize("place", [0, 1], ids=["the first", "the second"])
def test_one_of_each_may_be_stopped_and_up_starts_it_and_changes_nothing_else(
    docker_lab: Lab, engine: docker.DockerClient, cluster: str, place: int
) -> None:
    stopped = {names[place] for names in SERVERS.values()}
    for name in stopped:
        container(engine, cluster, name).stop()
    features_pass(docker_lab, cluster)
    told = docker_lab.throughline("status", "--stack", cluster, fails=True).stdout
    assert told.count("EXITED") == len(stopped)
    assert "messages to ClickHouse" in told
    assert docker_lab.throughline("logs", f"kafka-{3 - place}", "--stack", cluster).stdout
    changed = docker_lab.changes(docker_lab.throughline("up", "--stack", cluster))
    assert changed == {f"{name} updated" for name in stopped}
    assert docker_lab.parts(cluster).keys() == PARTS
    assert {part["state"] for part in docker_lab.parts(cluster).values()} == {"RUNNING"}
    proved(docker_lab, cluster)


@pytest.mark.parametrize("lost", ["clickhouse", "clickhouse-2", "keeper"])
def test_rows_are_on_both_replicas_after_a_volume_was_lost(
    docker_lab: Lab, engine: docker.DockerClient, cluster: str, lost: str
) -> None:
    proved(docker_lab, cluster)
    before = events_by_replica(docker_lab, cluster)[0]
    without_its_data(engine, cluster, lost)
    docker_lab.throughline("up", "--stack", cluster)
    assert before
    assert [events >= before for events in events_by_replica(docker_lab, cluster)] == [True, True]
    features_pass(docker_lab, cluster)


def test_a_broker_without_its_volume_gets_everything_again(
    docker_lab: Lab, engine: docker.DockerClient, cluster: str
) -> None:
    without_its_data(engine, cluster, "kafka")
    changed = docker_lab.changes(docker_lab.throughline("up", "--stack", cluster))
    assert "kafka created" in changed
    assert not [change for change in changed if change.startswith(("topic", "connector", "clickhouse"))]
    features_pass(docker_lab, cluster)


def test_a_replica_that_has_not_fetched_yet_is_not_taken_for_one_that_has_lost(
    docker_lab: Lab, cluster: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clickhouse, "SYNC_TIMEOUT_S", 2)
    endpoints = docker_lab.endpoints(cluster)
    asked = Client(endpoints.clickhouse, "admin")
    with open_pipeline(endpoints, evidence=tmp_path) as pipeline:
        asked.run("SYSTEM STOP FETCHES events")
        journey = pipeline.begin_journey()
        journey.assign(CONTROL)
        for _ in range(20):  # some are in a partition that the other replica consumes
            journey.record(clicks("/product"))
        with pytest.raises(UserError, match="has not fetched what the others have taken in"):
            pipeline.expect(journey.committed).verdict(within=seconds(60))
        asked.run("SYSTEM START FETCHES events")
        monkeypatch.undo()
        assert pipeline.expect(journey.committed).verdict(within=seconds(60)).passed
    asked.close()


def test_a_change_that_a_cluster_could_not_bear_is_refused_and_nothing_is_touched(
    docker_lab: Lab, cluster: str
) -> None:
    for key, standing, wanted in (("kafka.brokers", "3", "1"), ("clickhouse.replicas", "2", "1")):
        refused = docker_lab.throughline("up", "--stack", cluster, "--set", f"{key}={wanted}", fails=True)
        assert f"The stack stands with {standing} of `{key}`" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert (
            docker_lab.changes(docker_lab.throughline("up", "--stack", cluster, "--set", f"{key}={standing}")) == set()
        )


def test_a_replica_can_be_added_to_a_stack_of_one(docker_lab: Lab) -> None:
    stack = docker_lab.up(*settings(**SMALL))
    proved(docker_lab, stack)
    endpoint = docker_lab.endpoints(stack).clickhouse
    with docker_lab.analyst(stack) as analyst:
        before = {id_ for (id_,) in analyst.query("SELECT aggregate_id FROM events").result_rows}
    docker_lab.throughline("up", "--stack", stack, "--set", "clickhouse.replicas=2")
    assert before
    assert [events >= before for events in events_by_replica(docker_lab, stack)] == [True, True]
    assert docker_lab.endpoints(stack).clickhouse.url == endpoint.url
    proved(docker_lab, stack)
    docker_lab.throughline("down", "--stack", stack)
