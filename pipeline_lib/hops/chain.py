"""The hops of one stack, opened together, with the application that writes at their head."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline_lib.hops.application import Application
from pipeline_lib.hops.clickhouse import ClickHouse
from pipeline_lib.hops.connect import Connect
from pipeline_lib.hops.kafka import Kafka
from pipeline_lib.hops.postgres import Postgres
from pipeline_lib.hops.protocol import Hop
from pipeline_lib.hops.tail import Keeps, keep_all
from pipeline_lib.model.endpoints import Endpoints

LOOKS_BESIDE = 8
"""More than there are waits at a time; one that is over may leave a look behind at a hop that does not answer."""


@dataclass(frozen=True)
class Chain:
    """Each hop looks only at what came after it was opened: open the chain before the first write."""

    application: Application
    postgres: Postgres
    connect: Connect
    kafka: Kafka
    clickhouse: ClickHouse
    beside: Executor
    """For asking the hops beside a wait; they are closed when what was asked has been answered."""

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The hops in the order of the pipeline."""
        return (self.postgres, self.connect, self.kafka, self.clickhouse)


@contextmanager
def open_chain(endpoints: Endpoints, keeps: Keeps = keep_all) -> Iterator[Chain]:
    """The chain of a stack, closed at the end; raises UserError if a system is not there or refuses.

    `keeps` tells which messages of the topic the tail is to keep.
    """
    with ExitStack() as closing:
        kafka = Kafka(endpoints.kafka, keeps)
        closing.callback(kafka.close)
        application = Application(endpoints.postgres)
        closing.callback(application.close)
        connect = Connect(endpoints.connect, kafka.tail)
        closing.callback(connect.close)
        postgres = Postgres(endpoints.postgres, connect.capture())
        closing.callback(postgres.close)
        clickhouse = ClickHouse(endpoints.clickhouse, kafka)
        closing.callback(clickhouse.close)
        clickhouse.position()  # the first answer takes longer, and nothing is waited for yet
        beside = closing.enter_context(ThreadPoolExecutor(LOOKS_BESIDE, thread_name_prefix="beside a wait"))
        yield Chain(application, postgres, connect, kafka, clickhouse, beside)
