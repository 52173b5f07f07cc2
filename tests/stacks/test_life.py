"""The life of a stack: up, drift, change, down; what is missing comes back, and nothing else is touched."""

import json
import re
import shutil
import socket
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from pipeline_lib.model.endpoints import reveal
from stacks.embedded.unprivileged import SYSTEM_FOLDER
from stacks.state import ROOT
from tests.stacks.conftest import Lab, passwords

PARTS = {"postgres", "kafka", "connect", "clickhouse"}


def test_a_second_up_changes_nothing_and_preview_expects_none(warm_lab: Lab, warm: str) -> None:
    assert warm_lab.changes(warm_lab.throughline("up", "--stack", warm)) == set()
    warm_lab.pulumi("preview", "--expect-no-changes", "--stack", warm)


def test_status_tells_each_part(warm_lab: Lab, warm: str) -> None:
    parts = warm_lab.parts(warm)
    assert parts.keys() == PARTS
    for part in parts.values():
        assert part["state"] == "RUNNING"
        assert part["version"]
        assert part["memory_mb"] > 1
        assert all(psutil.pid_exists(pid) for pid in part["pids"])
        host, _, port = part["address"].rpartition(":")
        socket.create_connection((host, int(port)), timeout=5).close()


def test_nothing_listens_beyond_loopback(warm_lab: Lab, warm: str) -> None:
    for part in warm_lab.parts(warm).values():
        for pid in part["pids"]:
            listening = [c for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
            assert {c.laddr.ip for c in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}, (part["part"], listening)


def test_secrets_are_masked_and_nowhere_in_plain_text(warm_lab: Lab, warm: str) -> None:
    secrets = passwords(warm_lab.endpoints(warm))
    assert len(secrets) == 7
    shown = [
        warm_lab.throughline("endpoints", "--stack", warm, "--json").stdout,
        warm_lab.throughline("endpoints", "--stack", warm).stdout,
        warm_lab.pulumi("stack", "output", "--stack", warm).stdout,
        warm_lab.pulumi("stack", "export", "--stack", warm).stdout,
        *(file.read_text() for file in (warm_lab.home / "state").rglob("*") if file.is_file()),
        *(file.read_text() for file in (warm_lab.folder(warm) / "logs").iterdir()),
        httpx.get(f"{warm_lab.endpoints(warm).connect.url}/connectors?expand=info&expand=status").text,
    ]
    for text in shown:
        assert [secret for secret in secrets if secret in text] == []


def test_the_roles_of_postgres_are_what_they_should_be(warm_lab: Lab, warm: str) -> None:
    postgres = warm_lab.endpoints(warm).postgres
    with psycopg.connect(reveal(postgres.dsn)) as application:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("DELETE FROM outbox")
        application.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("CREATE TABLE mine (id int)")
    with psycopg.connect(reveal(postgres.dsn_of("replication"))) as replication:
        assert replication.execute("SELECT count(*) FROM outbox").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            replication.execute("INSERT INTO users (id) VALUES ('x')")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(reveal(postgres.dsn).replace(reveal(postgres.password), "wrong"))


def test_a_killed_part_comes_back_on_its_data(lab: Lab) -> None:
    stack = lab.up()
    before = lab.parts(stack)
    for part in before.values():
        psutil.Process(part["pids"][0]).kill()
    changed = lab.changes(lab.throughline("up", "--stack", stack))
    after = lab.parts(stack)
    assert all(part["state"] == "RUNNING" for part in after.values())
    assert all(before[name]["pids"][0] != after[name]["pids"][0] for name in before)
    # The supervisor may have been quicker than `up`; either way no data are made anew.
    assert {change.split(" ", 1)[0] for change in changed} <= PARTS | {"connector"}
    lab.pulumi("preview", "--expect-no-changes", "--stack", stack)


def test_a_killed_supervisor_and_its_parts_come_back(lab: Lab) -> None:
    stack = lab.up()
    for process in lab.processes():
        process.kill()
    lab.throughline("up", "--stack", stack)
    assert all(part["state"] == "RUNNING" for part in lab.parts(stack).values())


def test_parts_that_lost_only_their_supervisor_are_not_doubled(lab: Lab) -> None:
    stack = lab.up()
    psutil.Process(int((lab.folder(stack) / "supervisord.pid").read_text())).kill()
    lab.throughline("up", "--stack", stack)
    commands = [" ".join(process.cmdline()) for process in lab.processes()]
    for part in ("server.properties", "worker.properties", "clickhouse_server", "postgresql.conf", "supervisord.conf"):
        assert len([command for command in commands if part in command]) == 1, commands


@pytest.mark.parametrize(
    ("part", "follow"),
    [
        ("clickhouse", {"clickhouse", "clickhouse-schema"}),
        ("kafka", {"kafka", "topic", "heartbeat-topic", "connect", "connector", "clickhouse-schema"}),
        ("postgres", {"postgres", "postgres-schema", "connector"}),
    ],
)
def test_removed_data_are_made_anew_with_what_lived_in_them(lab: Lab, part: str, follow: set[str]) -> None:
    stack = lab.up()
    lab.throughline("demo", "--stack", stack)
    shutil.rmtree(lab.parts(stack)[part]["data"])
    changed = lab.changes(lab.throughline("up", "--stack", stack))
    assert {change.split(" ", 1)[0] for change in changed} == follow
    lab.throughline("demo", "--stack", stack)


def test_a_new_clickhouse_reads_the_topic_again(lab: Lab) -> None:
    stack = lab.up()
    journey = json.loads(lab.throughline("demo", "--stack", stack, "--json").stdout)["journey"]
    shutil.rmtree(lab.parts(stack)["clickhouse"]["data"])
    lab.throughline("up", "--stack", stack)
    lab.throughline("demo", "--stack", stack)
    with lab.analyst(stack) as client:
        users = client.query("SELECT user_id FROM user_journeys").result_columns[0]
    assert journey["user_id"] in users


def test_a_connector_that_was_deleted_or_paused_is_mended(lab: Lab) -> None:
    stack = lab.up()
    connect = lab.endpoints(stack).connect
    httpx.delete(f"{connect.url}/connectors/{connect.connector}").raise_for_status()
    assert lab.changes(lab.throughline("up", "--stack", stack)) == {"connector created"}
    httpx.put(f"{connect.url}/connectors/{connect.connector}/pause").raise_for_status()
    assert lab.changes(lab.throughline("up", "--stack", stack)) == {"connector updated"}
    lab.throughline("demo", "--stack", stack)


def test_config_is_a_diff_that_up_applies(lab: Lab) -> None:
    stack = lab.up()
    kafka = lab.endpoints(stack).kafka.bootstrap
    changed = lab.changes(lab.throughline("up", "--stack", stack, "--set", "connect.pollIntervalMs=20"))
    assert changed == {"connector updated"}
    changed = lab.changes(lab.throughline("up", "--stack", stack, "--set", "clickhouse.flushIntervalMs=20"))
    assert changed == {"clickhouse-schema updated"}
    changed = lab.changes(lab.throughline("up", "--stack", stack, "--set", "kafka.partitions=3"))
    assert changed == {"topic updated", "clickhouse-schema updated"}
    refused = lab.throughline("up", "--stack", stack, "--set", "kafka.partitions=2", fails=True)
    assert "3 partitions" in refused.stderr
    lab.throughline("up", "--stack", stack, "--set", "kafka.partitions=3")
    lab.throughline("demo", "--stack", stack)
    assert lab.endpoints(stack).kafka.bootstrap == kafka


def test_two_stacks_stand_side_by_side(lab: Lab) -> None:
    one, other = lab.up(), lab.up()
    ports = [part["address"] for stack in (one, other) for part in lab.parts(stack).values()]
    assert len(set(ports)) == 8
    assert not passwords(lab.endpoints(one)) & passwords(lab.endpoints(other))
    lab.throughline("down", "--stack", one)
    lab.throughline("demo", "--stack", other)


def test_down_leaves_nothing(lab: Lab) -> None:
    stack = lab.up()
    folder, parts = lab.folder(stack), lab.parts(stack)
    lab.throughline("down", "--stack", stack)
    assert lab.processes() == []
    assert not folder.exists()
    assert not (SYSTEM_FOLDER / folder.name).exists()
    assert not (ROOT / f"Pulumi.{stack}.yaml").exists()
    assert not any(Path(part["data"]).exists() for part in parts.values())
    for part in parts.values():
        host, _, port = part["address"].rpartition(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))


def test_pulumi_by_hand(lab: Lab) -> None:
    stack = lab.new_stack()
    lab.pulumi("stack", "init", stack)
    lab.pulumi("up", "--yes", "--skip-preview", "--stack", stack)
    lab.pulumi("preview", "--expect-no-changes", "--stack", stack)
    lab.throughline("demo", "--stack", stack)
    assert re.search(r"password: \[secret\]|\[secret\]", lab.pulumi("stack", "output", "--stack", stack).stdout)
    lab.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack)
    assert lab.processes() == []
    lab.pulumi("stack", "rm", "--yes", stack)
