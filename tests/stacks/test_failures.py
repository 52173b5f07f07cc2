"""Bad input and bad luck: one paragraph with the part and the way out, no traceback, and the next `up` recovers."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from pipeline_lib.model.endpoints import reveal
from stacks.state import ROOT
from tests.stacks.conftest import Lab, Ran


def paragraph(ran: Ran | str) -> str:
    """What the command told, which must be a paragraph and no traceback."""
    text = ran if isinstance(ran, str) else ran.stdout + ran.stderr
    assert "Traceback" not in text
    assert "  File " not in text
    return text


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("part", ["postgres", "kafka", "connect", "clickhouse"])
def test_a_taken_port(lab: Lab, part: str, taken_port: int) -> None:
    stack = lab.new_stack()
    told = paragraph(lab.throughline("up", "--stack", stack, "--set", f"{part}.port={taken_port}", fails=True))
    assert f"127.0.0.1:{taken_port}: the port is taken" in told
    assert f"{part}.port" in told


def test_after_a_failed_up_the_next_one_goes_on(lab: Lab, taken_port: int) -> None:
    stack = lab.new_stack()
    lab.throughline("up", "--stack", stack, "--set", f"connect.port={taken_port}", fails=True)
    half_up = paragraph(lab.throughline("demo", "--stack", stack, fails=True))
    assert "only in part" in half_up
    assert f"throughline up --stack {stack}" in half_up
    lab.pulumi("config", "rm", "--path", "connect.port", "--stack", stack)
    lab.throughline("up", "--stack", stack)
    lab.throughline("demo", "--stack", stack)


def test_no_space(lab: Lab) -> None:
    stack = lab.new_stack()
    told = paragraph(lab.throughline("up", "--stack", stack, "--set", "requiredDiskMb=1000000000", fails=True))
    assert "no space for a stack" in told
    assert "1000000000 MiB are required" in told
    assert lab.processes() == []


def test_a_state_folder_that_cannot_be_made(lab: Lab, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    told = paragraph(Lab(in_the_way / "below").throughline("up", "--stack", lab.new_stack(), fails=True))
    assert str(in_the_way) in told
    assert "THROUGHLINE_HOME" in told


def test_config_is_refused_before_anything_is_done(lab: Lab) -> None:
    stack = lab.new_stack()
    told = paragraph(lab.throughline("up", "--stack", stack, "--backend", "dokcer", fails=True))
    assert "'dokcer' was given, embedded, docker or external is wanted" in told
    told = paragraph(lab.throughline("up", "--stack", stack, "--set", "kafka.hep=1g", fails=True))
    assert "unknown key 'kafka.hep'" in told
    assert not (lab.home / "stacks").exists()
    told = paragraph(lab.throughline("up", "--stack", stack, "--set", "kafka", fails=True))
    assert "KEY=VALUE" in told
    assert f"stack {stack} has no parts" in paragraph(lab.throughline("status", "--stack", stack, fails=True))


def test_config_set_by_hand_is_refused_by_pulumi_up_too(lab: Lab) -> None:
    stack = lab.new_stack()
    lab.pulumi("stack", "init", stack)
    lab.pulumi("config", "set", "--stack", stack, "backend", "dokcer")
    told = paragraph(lab.pulumi("up", "--yes", "--skip-preview", "--stack", stack, fails=True))
    assert "'dokcer' was given, embedded, docker or external is wanted" in told


@pytest.mark.parametrize("verb", [["status"], ["endpoints"], ["logs", "kafka"], ["demo"], ["down"]])
def test_a_stack_that_is_missing(lab: Lab, verb: list[str]) -> None:
    told = paragraph(lab.throughline(*verb, "--stack", "nowhere", fails=True))
    assert "There is no stack 'nowhere'" in told
    assert "throughline up --stack nowhere" in told
    assert len(told.strip().splitlines()) == 1


def test_a_part_that_does_not_exist(lab: Lab) -> None:
    told = paragraph(lab.throughline("logs", "kafak", fails=True))
    assert "postgres, kafka, connect, clickhouse" in told


def test_a_stack_of_another_version(lab: Lab) -> None:
    stack = lab.up()
    identity = Path(lab.parts(stack)["postgres"]["data"]) / "throughline.json"
    identity.write_text(json.dumps({**json.loads(identity.read_text()), "version": "12"}))
    told = paragraph(lab.throughline("up", "--stack", stack, fails=True))
    assert "PostgreSQL's data" in told
    assert "version 12" in told
    assert "throughline down" in told


@pytest.mark.parametrize("part", ["kafka", "connect"])
def test_a_jvm_that_dies_at_its_start(lab: Lab, part: str) -> None:
    stack = lab.new_stack()
    told = paragraph(lab.throughline("up", "--stack", stack, "--set", f"{part}.heap=999999g", fails=True))
    assert "died at its start" in told
    assert "Could not reserve enough space" in told or "heap" in told
    assert not [process for process in lab.processes() if f"/{part}/" in " ".join(process.cmdline())]
    lab.throughline("up", "--stack", stack, "--set", f"{part}.heap=512m")


def test_a_chdb_that_dies_at_its_start(lab: Lab) -> None:
    stack = lab.up()
    data = Path(lab.parts(stack)["clickhouse"]["data"]) / "engine"
    metadata = data / "metadata"
    metadata.rename(data / "aside")
    metadata.touch()  # a file where ClickHouse wants a folder
    psutil.Process(lab.parts(stack)["clickhouse"]["pids"][0]).kill()
    told = paragraph(lab.throughline("up", "--stack", stack, fails=True))
    assert "ClickHouse died at its start" in told
    assert "throughline logs clickhouse" in told
    metadata.unlink()
    (data / "aside").rename(metadata)
    lab.throughline("up", "--stack", stack)
    lab.throughline("demo", "--stack", stack)


def test_a_postgres_that_refuses_the_password(lab: Lab) -> None:
    stack = lab.up()
    admin = reveal(lab.endpoints(stack).postgres.dsn_of("admin"))
    with psycopg.connect(admin, autocommit=True) as postgres:
        postgres.execute("ALTER ROLE postgres PASSWORD 'another'")
    told = paragraph(lab.throughline("up", "--stack", stack, fails=True))
    assert "PostgreSQL" in told
    assert "refuses the stack's password" in told


def test_an_interrupted_up(lab: Lab) -> None:
    stack = lab.new_stack()
    running = lab.start("up", "--stack", stack)
    assert _eventually(lambda: bool(lab.processes()))
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode != 0
    told = paragraph(out + err)
    assert "was interrupted" in told
    assert f"throughline up --stack {stack}" in told
    assert f"throughline down --stack {stack}" in told
    lab.throughline("up", "--stack", stack)
    lab.throughline("demo", "--stack", stack)


def test_down_after_an_interrupted_up_leaves_nothing(lab: Lab) -> None:
    stack = lab.new_stack()
    running = lab.start("up", "--stack", stack)
    assert _eventually(lambda: bool(lab.processes()))
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    lab.throughline("down", "--stack", stack)
    assert lab.processes() == []


def test_two_ups_at_once(lab: Lab) -> None:
    stack = lab.new_stack()
    first = lab.start("up", "--stack", stack)
    assert _eventually(lambda: any((lab.home / "state").rglob("locks/**/*.json")))
    told = paragraph(lab.throughline("up", "--stack", stack, fails=True))
    assert "under way" in told
    assert "wait for it to end" in told
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, out + err


def test_the_lock_of_an_up_that_was_killed_is_taken_away(lab: Lab) -> None:
    stack = lab.new_stack()
    first = lab.start("up", "--stack", stack)
    assert _eventually(lambda: any((lab.home / "state").rglob("locks/**/*.json")))
    family = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    for process in family:
        process.kill()
    first.communicate(timeout=30)
    lab.throughline("up", "--stack", stack)


def test_no_pulumi(lab: Lab) -> None:
    # A home without the cache that set-up fills, and a PATH without Pulumi.
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(lab.home), "THROUGHLINE_HOME": str(lab.home)}

    ran = subprocess.run(
        [sys.executable, "-m", "stacks.cli", "up"], capture_output=True, text=True, cwd=ROOT, env=bare, check=False
    )
    assert ran.returncode != 0
    told = paragraph(ran)
    assert "make setup" in told


def _eventually(true: Callable[[], bool]) -> bool:
    looks = retry(retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(0.01), stop=stop_after_delay(60))
    return looks(true)()
