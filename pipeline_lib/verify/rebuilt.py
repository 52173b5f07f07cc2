"""The analysts' store built anew: an empty database that consumes the whole topic, beside the one that stands.

It has the same tables and views, and a consumer group of its own, which goes with it at the end. What both have taken
in up to a fence can then be held against each other.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from pipeline_lib import sql
from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model.position import TopicPosition
from pipeline_lib.verify.budget import seconds
from pipeline_lib.verify.fences import passed
from pipeline_lib.verify.wait import until
from pipeline_lib.verify.watch import Watch

PREFIX = "throughline_rebuilt_"
TABLES = ("events", "dead_letters")
PATIENCE_S = 60
MESSAGES_PER_S = 2000
"""At the least: the longer the topic, the longer the patience."""


@dataclass(frozen=True)
class Rebuilt:
    """The database, by name, and the markers up to which it has consumed."""

    client: Client
    name: str
    standing: str
    marks: tuple[TopicPosition, ...]

    def rows(self, table: str) -> int:
        """How many rows it has of a table."""
        (told,) = self.client.rows(f"SELECT count() AS rows FROM {sql.identifier(table)} FINAL")  # noqa: S608
        return int(told["rows"])

    def differences(self, table: str) -> int:
        """The rows of a table before the markers that one of the two databases has and the other has not."""
        ours, theirs = (
            f"{sql.identifier(database)}.{sql.identifier(table)}" for database in (self.name, self.standing)
        )
        question = sql.read("clickhouse", f"questions/{table}_apart").replace(":ours", ours).replace(":theirs", theirs)
        (told,) = self.client.rows(
            question,
            partitions=[mark.partition for mark in self.marks],
            offsets=[mark.offset for mark in self.marks],
        )
        return int(told["apart"])


@contextmanager
def rebuild(chain: Chain) -> Iterator[Rebuilt]:
    """Builds it, gives it when a fence is out of both, and takes it away; raises AssertionError if none comes out."""
    token = secrets.token_hex(8)
    name = group = f"{PREFIX}{token}"
    endpoint, database = chain.clickhouse.endpoint, sql.identifier(name)
    with closing(Client(endpoint, "admin")) as admin:
        admin.run(f"CREATE DATABASE {database}")
        try:
            with closing(Client(endpoint, "admin", database=name)) as client:
                _create(chain, client, group)
                marks = _await_fence(chain, group)
                yield Rebuilt(client, name, endpoint.database, marks)
                # Dropped one by one, so that the consumer has left its group before the group is deleted.
                client.run("DROP TABLE read_messages")
                client.run("DROP TABLE events_queue")
        finally:
            admin.run(f"DROP DATABASE {database}")
            chain.kafka.forget_group(group)


def _create(chain: Chain, client: Client, group: str) -> None:
    # In a hurry: blocks of many messages, which are not waited for long.
    hurry = {"flush_interval_ms": "200", "poll_timeout_ms": "200", "poll_max_batch_size": "10000"}
    values = {**chain.clickhouse.queue_settings(), **hurry, "group": group}
    for name in sql.CLICKHOUSE_ORDER:
        client.run(sql.render(sql.read("clickhouse", name), "clickhouse", values))


def _await_fence(chain: Chain, group: str) -> tuple[TopicPosition, ...]:
    fence = Watch(chain, (), seconds(PATIENCE_S)).run()
    assert fence.out_s is not None, f"no fence came out of the store that stands: {fence.obstacle}"

    def out() -> bool | None:
        return passed(fence.marks, chain.kafka.committed_by(group)) or None

    within = seconds(PATIENCE_S + sum(mark.offset for mark in fence.marks) / MESSAGES_PER_S)
    caught_up = until(out, within=within, sleep=time.sleep, may_pass=chain.kafka.may_pass)
    assert caught_up, f"the new store is not at {_told(fence.marks)} after {within.seconds:g} s"
    return fence.marks


def _told(marks: Sequence[TopicPosition]) -> str:
    return ", ".join(map(str, marks))
