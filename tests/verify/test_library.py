"""The library as a team's own tests use it, without Gherkin: what others wrote, and a server that does not answer."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from pipeline_lib.hops.application import Application
from pipeline_lib.model.endpoints import Endpoints, reveal
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.pipeline import Journey, NotAsExpected, open_pipeline
from pipeline_lib.verify.budget import seconds
from tests.stacks.conftest import Lab

WITHIN = seconds(60)


@pytest.fixture(scope="module")
def where(warm_lab: Lab, warm: str) -> Endpoints:
    return warm_lab.endpoints(warm)


@pytest.fixture
def shop(where: Endpoints) -> Iterator[Application]:
    """The application under test: it writes by itself, and tells nobody what."""
    with closing(Application(where.postgres)) as application:
        yield application


def visit(shop: Application) -> list[str]:
    """A journey through the shop; the ids of what it leaves."""
    journey = Journey(shop)
    journey.assign(CONTROL)
    for act in REFERENCE_ACTS:
        journey.record(act)
    return [message.id for message in journey.committed]


def test_what_an_application_writes_by_itself_is_read_from_the_outbox(where: Endpoints, shop: Application) -> None:
    with open_pipeline(where) as pipeline:
        visit(shop)
        mark = pipeline.mark()
        left = visit(shop)
        committed = pipeline.committed_since(mark)
        assert [message.id for message in committed] == left
        verdict = pipeline.expect(committed).delivered(within=WITHIN).verdict
    assert [(report.expected, report.seen) for report in verdict.hops] == [(len(left), len(left))] * 4
    assert verdict.hop("postgres").latencies_ms == ()  # when it was acknowledged the outbox does not tell
    assert len(verdict.hop("clickhouse").latencies_ms) == len(left)


def test_a_fence_is_none_of_an_applications_messages(where: Endpoints, shop: Application) -> None:
    with open_pipeline(where) as pipeline:
        mark = pipeline.mark()
        pipeline.expect([]).delivered(within=WITHIN)
        assert pipeline.committed_since(mark) == ()


def test_a_message_of_an_application_that_is_refused_is_told_of(where: Endpoints, shop: Application) -> None:
    with open_pipeline(where) as pipeline:
        mark = pipeline.mark()
        with shop.transaction() as change:
            change.publish(OutboxMessage("event", f"no-event-{mark}", "EVENT_CREATED", {"id": "x", "user_id": "u"}))
        (refused,) = pipeline.committed_since(mark)
        with pytest.raises(NotAsExpected) as told:
            pipeline.expect([refused]).delivered(within=WITHIN)
    assert told.value.verdict.cause == ("lost", "clickhouse")
    assert f"row {refused.outbox_id} " in str(told.value)  # its LSN is not known


@contextmanager
def stopped(where: Endpoints, user: str) -> Iterator[None]:
    """PostgreSQL's processes that serve this user are stopped."""
    with psycopg.connect(reveal(where.postgres.dsn_of("owner")), autocommit=True) as postgres:
        rows = postgres.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid() "
            "AND application_name = 'throughline'",
            [user],
        ).fetchall()
    pids = [pid for (pid,) in rows]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("role", ["owner", "application"])
def test_a_connection_that_is_not_answered_is_replaced(where: Endpoints, shop: Application, role: str) -> None:
    with open_pipeline(where) as pipeline:
        mark = pipeline.mark()
        left = visit(shop)
        committed = pipeline.committed_since(mark)
        with stopped(where, where.postgres.users[role].user):
            verdict = pipeline.expect(committed).delivered(within=WITHIN).verdict
    assert verdict.hop("clickhouse").seen == len(left)
