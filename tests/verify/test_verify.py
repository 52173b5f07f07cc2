"""`throughline verify` and `trace` on a real stack: what is whole passes, and what is broken on purpose is named."""

import json
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import psycopg
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipeline_lib.hops.application import Application
from pipeline_lib.hops.chain import open_chain
from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.endpoints import Endpoints, reveal
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.pipeline import open_pipeline
from pipeline_lib.verify.budget import seconds
from pipeline_lib.verify.bulk import run
from pipeline_lib.verify.bulk.asked import Journeys
from pipeline_lib.verify.bulk.run import is_fence
from pipeline_lib.verify.bulk.scratch import PREFIX, TABLES, Scratch
from stacks.wait import until
from tests.stacks.conftest import Lab


@pytest.fixture(scope="module")
def where(warm_lab: Lab, warm: str) -> Endpoints:
    return warm_lab.endpoints(warm)


@pytest.fixture(autouse=True)
def _nothing_is_left(where: Endpoints) -> Iterator[None]:
    groups = _groups(where)
    yield
    with _clickhouse(where) as client:
        assert [name for (name,) in client.query("SHOW DATABASES").result_rows if name.startswith(PREFIX)] == []
    assert _groups(where) == groups


def _groups(where: Endpoints) -> set[str]:
    admin = AdminClient({"bootstrap.servers": where.kafka.bootstrap})  # its answers end with it
    listed = admin.list_consumer_groups().result(60)
    return {group.group_id for group in listed.valid}


@contextmanager
def _clickhouse(where: Endpoints) -> Iterator[Client]:
    admin = where.clickhouse.users["admin"]
    with clickhouse_connect.get_client(
        host=where.clickhouse.host,
        port=where.clickhouse.port,
        username=admin.user,
        password=reveal(admin.password),
        database=where.clickhouse.database,
    ) as client:
        yield client


@contextmanager
def _owner(where: Endpoints) -> Iterator[psycopg.Connection]:
    with psycopg.connect(reveal(where.postgres.dsn_of("owner")), autocommit=True) as connection:
        yield connection


def verify(lab: Lab, stack: str, *arguments: str, fails: bool = False) -> dict[str, Any]:
    ran = lab.throughline("verify", "--stack", stack, "--json", "--within", "60", *arguments, fails=fails)
    told: dict[str, Any] = json.loads(ran.stdout)
    assert (told["verdict"] == "failed") == fails
    return told


def kinds(told: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["kind"], one["hop"]) for one in told["counts"]}


def journey_ids(where: Endpoints) -> list[str]:
    """A journey that has arrived."""
    with open_pipeline(where) as pipeline:
        journey = pipeline.begin_journey()
        journey.assign(CONTROL)
        for act in REFERENCE_ACTS:
            journey.record(act)
        pipeline.expect(journey.committed).delivered()
    return [message.id for message in journey.committed]


def now(where: Endpoints) -> str:
    with _owner(where) as postgres:
        row = postgres.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return instant.to_text(row[0])


def test_journeys_are_written_and_verified(warm_lab: Lab, warm: str) -> None:
    told = verify(warm_lab, warm, "--journeys", "30")
    assert told["committed"] == 150
    assert [(hop["name"], hop["expected"], hop["seen"]) for hop in told["hops"]] == [
        (name, 150, 150) for name in ("postgres", "connect", "kafka", "clickhouse")
    ]
    assert all(hop["p50_ms"] <= hop["p99_ms"] for hop in told["hops"])
    assert told["counts"] == []


def test_journeys_at_a_rate(warm_lab: Lab, warm: str) -> None:
    assert verify(warm_lab, warm, "--journeys", "4", "--rate", "20")["committed"] == 20


def test_of_what_is_whole_nothing_is_loaded(where: Endpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The digests that PostgreSQL's texts make are those of ClickHouse's rows, so nothing is suspected."""
    asked: list[str] = []
    rows = Scratch.rows

    def noted(scratch: Scratch, name: str, **parameters: Any) -> list[dict[str, Any]]:
        asked.append(name)
        return rows(scratch, name, **parameters)

    monkeypatch.setattr(Scratch, "rows", noted)
    with open_chain(where, keeps=is_fence) as chain:
        outcome = run.verify(where, chain, Journeys(3), seconds(60), tmp_path, run.Silent())
    assert outcome.verdict.passed
    assert outcome.verdict.tally is not None
    assert outcome.verdict.tally.committed == 15
    assert "next_suspects" in asked
    assert "load_committed" not in asked


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1, "b": [True, None, Decimal("1.50")], "aa": {"z": "", "é": "ü😀"}, "a": 'x"\\\n\t\u0001\x7f/'},
        {"payload": exact_json.dumps({"value": Decimal("39.90"), "page": "/a"}), "n": -12345678901234567890},
    ],
)
def test_a_jsonb_is_foretold_to_the_letter(where: Endpoints, value: dict[str, Any]) -> None:
    with _owner(where) as postgres:
        row = postgres.execute("SELECT %s::jsonb::text", [exact_json.dumps(value)]).fetchone()
    assert row is not None
    assert exact_json.as_jsonb(value) == row[0]


def databases(where: Endpoints) -> list[str]:
    """Those of verifications, each with its tables."""
    asked = "SELECT database, count() FROM system.tables WHERE startsWith(database, {of:String}) GROUP BY database"
    with _clickhouse(where) as client:
        return [name for name, tables in client.query(asked, {"of": PREFIX}).result_rows if tables == len(TABLES)]


def begun(lab: Lab, stack: str, where: Endpoints) -> tuple[subprocess.Popen[str], str]:
    """A verification that takes long, and its database."""
    before = databases(where)
    running = lab.start("verify", "--stack", stack, "--journeys", "100000", "--rate", "2")
    made: list[str] = []

    def has_its_own() -> bool:
        made[:] = set(databases(where)) - set(before)
        return bool(made)

    assert until(has_its_own, 60)
    return running, made[0]


def test_what_a_verification_that_was_killed_has_left_goes_with_the_next(
    warm_lab: Lab, warm: str, where: Endpoints
) -> None:
    killed, left = begun(warm_lab, warm, where)
    killed.kill()
    killed.communicate(timeout=60)
    assert databases(where) == [left]
    beside, kept = begun(warm_lab, warm, where)
    try:
        assert databases(where) == [kept]
        verify(warm_lab, warm, "--journeys", "1")
        assert databases(where) == [kept]
    finally:
        beside.send_signal(signal.SIGTERM)
        beside.communicate(timeout=60)


def test_an_interrupted_verification_takes_its_database_away(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    running, _ = begun(warm_lab, warm, where)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "Traceback" not in out + err


def test_a_system_that_goes_away_is_told_in_a_paragraph(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    running = warm_lab.start("verify", "--stack", warm, "--journeys", "100000", "--rate", "2")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND state = 'idle'"
    with psycopg.connect(reveal(where.postgres.dsn_of("admin")), autocommit=True) as admin:
        # The command's own first, and then a writer's.
        assert until(lambda: admin.execute(ended, [where.postgres.user]).rowcount > 1, 60)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "postgres went away during the verification" in err
    assert "Traceback" not in out + err


def test_text_for_people(warm_lab: Lab, warm: str) -> None:
    told = warm_lab.throughline("verify", "--stack", warm, "--journeys", "1").stdout
    assert "passed: nothing is wrong with 5 committed events" in told
    assert "clickhouse" in told


def test_everything_since_the_beginning_a_time_and_an_lsn(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    before, moment = journey_ids(where), now(where)
    with _owner(where) as postgres:
        row = postgres.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert row is not None
    journey_ids(where)
    assert verify(warm_lab, warm, "--since", moment)["committed"] == 5
    assert verify(warm_lab, warm, "--since", row[0])["committed"] == 5
    assert verify(warm_lab, warm)["committed"] >= 5 + len(before)


def test_events_of_a_file(warm_lab: Lab, warm: str, where: Endpoints, tmp_path: Path) -> None:
    ids = journey_ids(where)
    file = tmp_path / "ids"
    file.write_text("\n".join([ids[0], "", json.dumps({"id": ids[1]}), *ids[2:4]]) + "\n")
    assert verify(warm_lab, warm, "--events", str(file))["committed"] == 4


def test_a_row_deleted_from_the_outbox(warm_lab: Lab, warm: str, where: Endpoints, tmp_path: Path) -> None:
    ids = journey_ids(where)
    with _owner(where) as postgres:
        postgres.execute("DELETE FROM outbox WHERE aggregate_id = %s", [ids[2]])
    file = tmp_path / "ids"
    file.write_text("\n".join(ids))
    told = verify(warm_lab, warm, "--events", str(file), fails=True)
    assert ("lost", "postgres") in kinds(told)
    assert {finding["id"] for finding in told["findings"]} == {ids[2]}
    assert (Path(told["evidence"]) / "findings.json").exists()


def test_a_message_put_into_the_topic(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    moment = now(where)
    journey_ids(where)
    producer = Producer({"bootstrap.servers": where.kafka.bootstrap})
    for value in (b"not json{", None):
        producer.produce(where.kafka.topic, value, b"k")
    assert producer.flush(10) == 0
    told = verify(warm_lab, warm, "--since", moment, fails=True)
    assert {(one["kind"], one["hop"], one["count"]) for one in told["counts"]} == {("unexpected", "kafka", 2)}
    assert told["committed"] == 5


def test_a_row_put_into_clickhouse(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    moment, id_ = now(where), f"intruder-{secrets.token_hex(4)}"
    journey_ids(where)
    with _clickhouse(where) as client:
        client.command(
            "INSERT INTO events (outbox_id, aggregate_type, aggregate_id, user_id, payload, occurred_at, ingested_at) "
            "VALUES (999999999, 'event', {id:String}, 'u', '{}', now64(6), now64(6))",
            parameters={"id": id_},
        )
        told = verify(warm_lab, warm, "--since", moment, fails=True)
        client.command("ALTER TABLE events DELETE WHERE outbox_id = 999999999")
    assert [(one["kind"], one["hop"], one["id"]) for one in told["findings"]] == [("unexpected", "clickhouse", id_)]


def test_a_dead_letter(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    moment, id_ = now(where), publish(where, value="abc")
    told = verify(warm_lab, warm, "--since", moment, fails=True)
    assert [(one["kind"], one["hop"], one["id"]) for one in told["findings"]] == [("lost", "clickhouse", id_)]
    assert "dead letter: cannot read value" in told["text"]
    traced = trace(warm_lab, warm, id_, fails=True)
    assert (traced["stopped"], traced["arrived"]) == ("clickhouse", False)
    assert "dead letters: cannot read value" in traced["why"]
    assert [leg["what"] for leg in traced["legs"]] == ["written", "committed", "captured", "in the topic", "refused"]


def publish(where: Endpoints, value: object) -> str:
    """An outbox row whose properties have that value; its event's id."""
    id_ = f"e2e_event_{secrets.token_hex(4)}"
    payload = {
        "id": id_,
        "experiment_id": 1,
        "user_id": "u",
        "session_id": "s",
        "event_type": "click",
        "occurred_at": instant.to_text(instant.now()),
        "properties": json.dumps({"value": value}),
    }
    application = Application(where.postgres)
    with application.transaction() as change:
        change.publish(OutboxMessage("event", id_, "EVENT_CREATED", payload))
    application.close()
    return id_


def trace(lab: Lab, stack: str, id_: str, *, fails: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(lab.throughline("trace", id_, "--stack", stack, "--json", fails=fails).stdout)
    return told


def test_the_trace_of_what_arrived(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    assignment, event, *_ = journey_ids(where)
    for id_ in (assignment, event):
        told = trace(warm_lab, warm, id_)
        assert told["arrived"]
        assert [leg["hop"] for leg in told["legs"]] == ["postgres", "postgres", "connect", "kafka", "clickhouse"]
        assert f"{where.kafka.topic}-0@" in told["legs"][3]["told"]
        assert "part " in told["legs"][4]["told"]
    shown = warm_lab.throughline("trace", event, "--stack", warm).stdout
    assert "arrived" in shown


def test_the_trace_of_what_clickhouse_has_no_row_of(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    _, event, *_ = journey_ids(where)
    with _clickhouse(where) as client:
        client.command(
            "ALTER TABLE events DELETE WHERE aggregate_id = {id:String}",
            parameters={"id": event},
            settings={"mutations_sync": 1},
        )
    told = trace(warm_lab, warm, event, fails=True)
    assert told["stopped"] == "clickhouse"
    assert "ClickHouse has consumed" in told["why"]


def test_the_trace_of_what_is_paused(warm_lab: Lab, warm: str, where: Endpoints) -> None:
    url = f"{where.connect.url}/connectors/{where.connect.connector}"
    httpx.put(f"{url}/pause").raise_for_status()
    try:
        told = trace(warm_lab, warm, publish(where, value=1), fails=True)
        assert (told["stopped"], [leg["what"] for leg in told["legs"]]) == ("connect", ["written"])
        assert "PAUSED" in told["why"]
        stopped = verify(warm_lab, warm, "--journeys", "1", fails=True)
        assert stopped["obstacle"]["kind"] == "paused"
        assert kinds(stopped) == {("missing", "connect")}
    finally:
        httpx.put(f"{url}/resume").raise_for_status()
    verify(warm_lab, warm, "--journeys", "1")


def test_the_trace_of_an_unknown_id(warm_lab: Lab, warm: str) -> None:
    told = warm_lab.throughline("trace", "e2e_event_nowhere", "--stack", warm, fails=True).stderr
    assert "No system knows 'e2e_event_nowhere'" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "0/zz"], "--since takes an LSN such as 0/1A11F98"),
        (["--since", "yesterday"], "--since takes an LSN such as 0/1A11F98"),
        (["--since", "2026-11-22T15:04:11"], "a time with its zone"),
        (["--since", "FFFF/0"], "is not written yet"),
        (["--events", "nowhere"], "cannot be read: No such file"),
        (["--journeys", "1", "--since", "0/1"], "ask for different things"),
        (["--rate", "5"], "Give --journeys too"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_paragraph(warm_lab: Lab, warm: str, arguments: list[str], words: str) -> None:
    told = warm_lab.throughline("verify", "--stack", warm, *arguments, fails=True)
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"), [("", "There is no id in"), ('{"name": "x"}\n', "Line 1 of"), ('{"id": 5', "does not name")]
)
def test_a_file_without_ids_is_told_in_a_paragraph(
    warm_lab: Lab, warm: str, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "ids"
    file.write_text(text)
    told = warm_lab.throughline("verify", "--stack", warm, "--events", str(file), fails=True)
    assert words in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--journeys", "-5"], ["--journeys", "x"], ["--rate", "-1"]])
def test_a_number_that_is_none_is_bad_usage(warm_lab: Lab, warm: str, arguments: list[str]) -> None:
    assert warm_lab.throughline("verify", "--stack", warm, *arguments, fails=True).returncode == 2
