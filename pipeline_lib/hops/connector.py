"""What an administrator does with connectors: pauses and restarts the pipeline's, takes it away and puts it back, and
has another one read the same outbox into a topic of its own.

What is done to the pipeline's connector ends when it reads its slot again.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pipeline_lib.hops.connect import Connect
from pipeline_lib.hops.kafka import Kafka
from pipeline_lib.hops.postgres import Postgres
from pipeline_lib.hops.protocol import Hop, ask
from pipeline_lib.hops.tail import Tail

PATIENCE_S = 60


def lets_pass(hop: Hop) -> bool:
    """Whether messages can pass the hop: it answers, it is ready, and nothing is in the way."""
    return ask(hop, lambda: hop.obstacle() is None and hop.ready().ready, lambda _: False)


def await_running(*hops: Hop) -> None:
    """Returns when messages can pass all of them; raises TimeoutError."""
    _await(lambda: all(map(lets_pass, hops)), "the connector running")


def restart(connect: Connect, postgres: Postgres) -> None:
    """Restarts connector and task."""
    before = postgres.slot_reader()
    connect.call("POST", "/restart?includeTasks=true")
    _await(lambda: postgres.slot_reader() not in (None, before), "the task's new beginning")
    await_running(connect, postgres)


@contextmanager
def paused(connect: Connect, postgres: Postgres) -> Iterator[None]:
    """The connector is paused, and resumed at the end."""
    try:
        connect.call("PUT", "/pause")
        _await(lambda: connect.status()["connector"]["state"] == "PAUSED", "the pause")
        yield
    finally:
        connect.call("PUT", "/resume")
        await_running(connect, postgres)


@contextmanager
def deleted(connect: Connect, postgres: Postgres) -> Iterator[None]:
    """The connector is deleted, and made again at the end: Connect has kept its offset."""
    config = connect.call("GET", "/config")
    try:
        connect.call("DELETE")
        _await(lambda: not postgres.ready().ready, "the connector letting go of its slot")
        yield
    finally:
        connect.call("PUT", "/config", config)
        await_running(connect, postgres)


@contextmanager
def second_connector(connect: Connect, kafka: Kafka, from_id: int) -> Iterator[Tail]:
    """Another connector like the pipeline's, with a slot of its own; its snapshot is of outbox rows from `from_id` on.

    Gives the tail of its topic, which began before it; takes all of it away at the end.
    """
    name = f"e2e_{secrets.token_hex(6)}"
    config = {name_: value for name_, value in connect.call("GET", "/config").items() if "heartbeat" not in name_}
    rows = "snapshot.select.statement.overrides"
    config |= {
        "name": name,
        "slot.name": name,
        "slot.drop.on.stop": "true",
        "topic.prefix": name,
        "transforms.route.regex": rf"{name}\.public\.outbox",
        "transforms.route.replacement": name,
        rows: "public.outbox",
        f"{rows}.public.outbox": f"SELECT * FROM public.outbox WHERE id >= {from_id:d}",  # noqa: S608  a number
    }
    kafka.create_topic(name)
    try:
        with closing(kafka.tail_of(name)) as tail:
            connect.call("PUT", "/config", config, connector=name)
            try:
                yield tail
            finally:
                connect.call("DELETE", connector=name)
    finally:
        kafka.drop_topic(name)


def _await(look: Callable[[], bool], what: str) -> None:
    looks = Retrying(
        retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(0.05), stop=stop_after_delay(PATIENCE_S)
    )
    try:
        looks(look)
    except RetryError:
        raise TimeoutError(f"{what} has not happened for {PATIENCE_S} s") from None
