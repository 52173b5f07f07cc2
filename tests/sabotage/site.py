"""The stack that is broken: the hands on its four systems that a saboteur needs and the library does not.

Whatever is done here is done to the real systems, as their administrators would: SQL as superuser, Connect's REST API,
Kafka's admin protocol, ClickHouse's DDL.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import clickhouse_connect
import httpx
import psycopg
from clickhouse_connect.driver.client import Client
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline_lib import sql
from pipeline_lib.hops.connect import Connect
from pipeline_lib.hops.connector import lets_pass
from pipeline_lib.hops.postgres import connect
from pipeline_lib.model.endpoints import Endpoints, reveal
from pipeline_lib.pipeline import Pipeline
from pipeline_lib.verify.budget import seconds
from pipeline_lib.verify.wait import until
from stacks.pipeline.names import TOPIC

PATIENCE_S = 60

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Site:
    """An open pipeline with administrators' connections to its systems."""

    endpoints: Endpoints
    pipeline: Pipeline
    postgres: psycopg.Connection
    clickhouse: Client
    kafka: AdminClient

    # -- PostgreSQL ----------------------------------------------------------------------------------------------

    def run(self, statement: str, *values: Any) -> None:
        """A statement as superuser, committed."""
        self.postgres.execute(statement.encode(), values or None)

    # -- Connect -------------------------------------------------------------------------------------------------

    @property
    def connect(self) -> Connect:
        """The hop, by which the connector is called."""
        return self.pipeline.chain.connect

    def state(self) -> str:
        """FAILED if the connector or its task is, else the connector's."""
        status = self.connect.status()
        states = [part["state"] for part in (status["connector"], *status["tasks"])]
        return "FAILED" if "FAILED" in states else states[0]

    @contextmanager
    def transform(self, name: str, **settings: str) -> Iterator[None]:
        """Has each message of the topic, and no heartbeat, pass one more transform, the last."""
        before = self.connect.call("GET", "/config")
        changes = {
            "transforms": f"{before['transforms']},sabotage",
            "transforms.sabotage.type": f"throughline.sabotage.{name}",
            "transforms.sabotage.predicate": "messages",
            "predicates": "messages",
            "predicates.messages.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            "predicates.messages.pattern": TOPIC,
            **{f"transforms.sabotage.{key}": value for key, value in settings.items()},
        }
        try:
            self.configure({**before, **changes})
            yield
        finally:
            self.configure(before)

    def configure(self, config: Mapping[str, str]) -> None:
        """Gives the connector another config; returns when another session reads the slot: that of the new task."""
        slot_reader = self.pipeline.chain.postgres.slot_reader
        before = slot_reader()
        self.connect.call("PUT", "/config", config)
        awaited(lambda: slot_reader() not in (None, before) or None, "the task's new beginning")

    def snapshot_anew(self) -> None:
        """What `throughline up` does about a lost slot: forgets the offsets, so that the connector begins anew."""
        self.connect.call("PUT", "/stop")
        awaited(lambda: self.state() == "STOPPED" or None, "the connector's stop")
        awaited(self._forget_offsets, "Connect forgetting the offsets")
        self.connect.call("PUT", "/resume")

    def _forget_offsets(self) -> bool | None:
        try:
            self.connect.call("DELETE", "/offsets")
        except httpx.HTTPStatusError:  # its task has not stopped yet
            return None
        return True

    # -- Kafka ---------------------------------------------------------------------------------------------------

    def send(self, key: bytes | None, value: bytes) -> None:
        """A message straight into the topic."""
        producer = Producer({"bootstrap.servers": self.endpoints.kafka.bootstrap, "log_level": 0})
        producer.produce(TOPIC, value, key)
        assert producer.flush(PATIENCE_S) == 0

    @contextmanager
    def consumer_detached(self) -> Iterator[None]:
        """ClickHouse's consumer is away, as its group's offsets can be moved only then."""
        self.clickhouse.command("DETACH TABLE events_queue")
        try:
            yield
        finally:
            self.clickhouse.command("ATTACH TABLE events_queue")

    def move_group(self, offset: int) -> None:
        """Moves the consumer's group, whose last member may only just be leaving."""
        group = self.pipeline.chain.clickhouse.group
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(TOPIC, 0, offset)])

        def moved() -> bool | None:
            (answer,) = self.kafka.alter_consumer_group_offsets([wanted]).values()
            return answer.exception() is None or None

        awaited(moved, "moving the group")

    # -- ClickHouse ----------------------------------------------------------------------------------------------

    @contextmanager
    def view(self, name: str, words: str, others: str) -> Iterator[None]:
        """Has a materialized view say other words in the place of its own."""
        own = sql.read("clickhouse", name)
        assert words in own, f"{name} does not say '{words}'"
        broken = own.replace(words, others)
        try:
            self._replace(name, broken)
            self.settle()
            yield
        finally:
            self._replace(name, own)
            self.settle()

    def _replace(self, name: str, statement: str) -> None:
        self.clickhouse.command(f"DROP TABLE IF EXISTS {sql.identifier(name)}")
        self.clickhouse.command(statement)

    def exchange(self, table: str, other: str, view: str) -> None:
        """Two tables change names, while the view that fills the first is away."""
        self.clickhouse.command(f"DROP TABLE {sql.identifier(view)}")
        try:
            self.clickhouse.command(f"EXCHANGE TABLES {sql.identifier(table)} AND {sql.identifier(other)}")
        finally:
            self.clickhouse.command(sql.read("clickhouse", view))

    def settle(self) -> None:
        """Returns when a fence is out: a poll that had begun went on with the views and tables that there were."""
        self.pipeline.expect(()).delivered()

    # -- all of them ---------------------------------------------------------------------------------------------

    def await_ready(self) -> None:
        """Returns when messages can pass every hop."""
        for hop in self.pipeline.chain.hops:
            awaited(lambda hop=hop: lets_pass(hop) or None, f"{hop.name} getting ready")


@contextmanager
def open_site(endpoints: Endpoints, pipeline: Pipeline) -> Iterator[Site]:
    """The administrators' connections, closed at the end."""
    where = endpoints.clickhouse
    admin = where.users["admin"]
    with ExitStack() as closing:
        postgres = closing.enter_context(connect(endpoints.postgres, "admin"))
        postgres.autocommit = True
        clickhouse = closing.enter_context(
            clickhouse_connect.get_client(
                host=where.host,
                port=where.port,
                username=admin.user,
                password=reveal(admin.password),
                database=where.database,
                autogenerate_session_id=False,
            )
        )
        kafka = AdminClient({"bootstrap.servers": endpoints.kafka.bootstrap, "log_level": 0})
        yield Site(endpoints, pipeline, postgres, clickhouse, kafka)


def awaited(look: Callable[[], Answer | None], what: str) -> Answer:
    """The first answer of `look` that is not None; AssertionError, saying what was waited for, if none comes."""
    answer = until(look, within=seconds(PATIENCE_S), sleep=time.sleep)
    assert answer is not None, f"{what} has not happened for {PATIENCE_S} s"
    return answer
