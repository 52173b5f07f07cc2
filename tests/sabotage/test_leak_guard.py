"""What a run leaves behind is named, whatever it is, and the run fails."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import NewTopic

from pipeline_lib.hops.inventory import inventory_of
from pipeline_lib.model.endpoints import Endpoints
from stacks.pipeline.names import PUBLICATION, TOPIC
from stacks.state import ROOT
from steps.stack import leak_in
from tests.sabotage.defects.connect import deleted
from tests.sabotage.site import Site, awaited


def make_topic(site: Site) -> None:
    (made,) = site.kafka.create_topics([NewTopic("leaked", 1)]).values()
    made.result()


def drop_topic(site: Site) -> None:
    (dropped,) = site.kafka.delete_topics(["leaked"]).values()
    dropped.result()


def make_group(site: Site) -> None:
    wanted = ConsumerGroupTopicPartitions("leaked", [TopicPartition(TOPIC, 0, 0)])
    (made,) = site.kafka.alter_consumer_group_offsets([wanted]).values()
    made.result()


def drop_group(site: Site) -> None:
    (dropped,) = site.kafka.delete_consumer_groups(["leaked"]).values()
    dropped.result()


def make_connector(site: Site) -> None:
    """One that is stopped: it makes no slot."""
    wanted = {"name": "leaked", "config": site.connect.call("GET", "/config"), "initial_state": "STOPPED"}
    wanted["config"]["name"] = "leaked"
    httpx.post(f"{site.endpoints.connect.url}/connectors", json=wanted).raise_for_status()


def drop_connector(site: Site) -> None:
    site.connect.call("DELETE", connector="leaked")


LEAKS: dict[str, tuple[Callable[[Site], None], Callable[[Site], None]]] = {
    "replication slot leaked is new": (
        lambda site: site.run("SELECT pg_create_logical_replication_slot('leaked', 'pgoutput')"),
        lambda site: site.run("SELECT pg_drop_replication_slot('leaked')"),
    ),
    "publication leaked is new": (
        lambda site: site.run("CREATE PUBLICATION leaked"),
        lambda site: site.run("DROP PUBLICATION leaked"),
    ),
    f"publication {PUBLICATION} is another": (
        lambda site: site.run(f"ALTER PUBLICATION {PUBLICATION} ADD TABLE events"),
        lambda site: site.run(f"ALTER PUBLICATION {PUBLICATION} SET TABLE outbox"),
    ),
    "topic leaked is new": (make_topic, drop_topic),
    "consumer group leaked is new": (make_group, drop_group),
    "connector leaked is new": (make_connector, drop_connector),
    "table experiments.leaked is new": (
        lambda site: site.clickhouse.command("CREATE TABLE leaked (id UInt8) ENGINE = Null"),
        lambda site: site.clickhouse.command("DROP TABLE leaked"),
    ),
    "table experiments.keep_fences is gone": (
        lambda site: site.clickhouse.command("DETACH TABLE keep_fences"),
        lambda site: site.clickhouse.command("ATTACH TABLE keep_fences"),
    ),
}


@pytest.mark.parametrize("words", LEAKS)
def test_what_is_left_behind_is_named(site: Site, words: str) -> None:
    leak, mend = LEAKS[words]
    before = inventory_of(site.pipeline.chain)
    try:
        leak(site)
        # A broker tells of a new topic or group a moment later.
        changes = awaited(lambda: before.changes_to(inventory_of(site.pipeline.chain)) or None, words)
    finally:
        mend(site)
    assert changes == [words]
    awaited(lambda: before.changes_to(inventory_of(site.pipeline.chain)) == [] or None, f"the end of '{words}'")


def test_a_connector_that_is_gone_is_told_as_everything_else(site: Site, sabotaged_endpoints: Endpoints) -> None:
    before = inventory_of(site.pipeline.chain)
    with deleted(site):
        leak = leak_in(sabotaged_endpoints, before)
    assert leak is not None
    assert "has no connector experiments-postgres-connector" in leak
    site.await_ready()
    assert leak_in(sabotaged_endpoints, before) is None


LEAKING = """
import subprocess, sys
from steps.stack import endpoints_of
from tests.sabotage.site import open_site
from pipeline_lib.pipeline import open_pipeline

def test_that_tidies_nothing_up(pytestconfig):
    endpoints = endpoints_of(pytestconfig.getoption("--stack"))
    with open_pipeline(endpoints) as pipeline, open_site(endpoints, pipeline) as site:
        site.run("CREATE PUBLICATION leaked")
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True)
"""


def ran(folder: Path, stack: str, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of its own, on the given stack."""
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "--stack", stack, *options, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )


def test_a_run_that_leaks_fails_with_a_paragraph_of_its_controller(site: Site, sabotaged: str, tmp_path: Path) -> None:
    try:
        failed = ran(tmp_path, sabotaged, LEAKING, "-n", "2")
    finally:
        site.run("DROP PUBLICATION IF EXISTS leaked")
    assert "1 passed" in failed.stdout, failed.stdout + failed.stderr
    assert failed.returncode == pytest.ExitCode.TESTS_FAILED
    of_stack, of_processes = [line for line in failed.stdout.splitlines() if line.startswith("The run leaves ")]
    assert f"the stack '{sabotaged}' other than it was: publication leaked is new. " in of_stack
    (pid,) = re.findall(r"(\d+) \(\S*python\S* -c import time", of_processes)
    psutil.Process(int(pid)).kill()


def test_a_run_that_leaves_all_as_it_was_passes(sabotaged: str, tmp_path: Path) -> None:
    passed = ran(tmp_path, sabotaged, "def test_nothing(): pass")
    assert passed.returncode == pytest.ExitCode.OK, passed.stdout + passed.stderr
    assert "The run leaves" not in passed.stdout
