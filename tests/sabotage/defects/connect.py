"""What can be wrong at Connect: single-message transforms that are not what they should be, and the connector's life.

The transforms are Java, in `transforms/`. Each maps one record to one or none.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from pipeline_lib.hops import connector
from pipeline_lib.model import outbox
from pipeline_lib.model.journey import REFERENCE_ACTS
from pipeline_lib.model.outbox import FENCE
from pipeline_lib.pipeline import Journey
from stacks.backend import USERS
from stacks.pipeline.names import SLOT
from tests.sabotage.defect import Defect, Wrong, last_wrong, publish, purchase, reference
from tests.sabotage.site import Site, awaited

SWAPPED = "swapped-"


def transform(name: str, **settings: str) -> Callable[[Site], AbstractContextManager[None]]:
    def broken(site: Site) -> AbstractContextManager[None]:
        return site.transform(name, **settings)

    return broken


def duplicating(site: Site) -> AbstractContextManager[None]:
    return site.transform("Duplicates", **{"bootstrap.servers": site.endpoints.kafka.bootstrap})


def swapping(site: Site) -> AbstractContextManager[None]:
    return site.transform("Swaps", aggregates=SWAPPED, **{"bootstrap.servers": site.endpoints.kafka.bootstrap})


def nine_records(_: Site, journey: Journey) -> Wrong:
    """The reference journey and four acts more: the seventh record is lost, and not the fence behind them."""
    reference(journey)
    for act in REFERENCE_ACTS:
        journey.record(act)
    return [journey.committed[6].id]


def six_records(_: Site, journey: Journey) -> Wrong:
    """The reference journey and a purchase more: the seventh record is the fence behind them."""
    reference(journey)
    journey.record(REFERENCE_ACTS[-1])
    return [FENCE]


def two_of_a_key(_: Site, journey: Journey) -> Wrong:
    """The reference journey, then two messages of one aggregate."""
    reference(journey)
    first = purchase(journey)
    first = replace(first, id=f"{SWAPPED}{first.id}")
    return publish(journey, outbox.of_event(first), outbox.of_event(replace(first, event_type="refund")))


def paused(site: Site) -> AbstractContextManager[None]:
    return connector.paused(site.connect, site.pipeline.chain.postgres)


def deleted(site: Site) -> AbstractContextManager[None]:
    return connector.deleted(site.connect, site.pipeline.chain.postgres)


@contextmanager
def grant_revoked(site: Site) -> Iterator[None]:
    """The role may not replicate any more, and its session ends. The connector is told not to try again and again."""
    config = site.connect.call("GET", "/config")
    try:
        site.configure({**config, "errors.max.retries": "0"})
        site.run(f"ALTER ROLE {USERS['postgres_replication']} NOREPLICATION")
        site.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", SLOT)
        awaited(lambda: site.state() == "FAILED" or None, "the connector's failure")
        yield
    finally:
        site.run(f"ALTER ROLE {USERS['postgres_replication']} REPLICATION")
        site.configure(config)


DEFECTS = (
    Defect("a transform that drops every 7th record", "lost", "connect", transform("DropsEverySeventh"), nine_records),
    Defect("a transform that drops the fence", "lost", "connect", transform("DropsEverySeventh"), six_records),
    Defect(
        "a transform that duplicates",
        "redelivered",
        "connect",
        duplicating,
        also=frozenset({("redelivered", "clickhouse")}),
    ),
    Defect(
        "a transform that changes a value in the payload",
        "corrupted",
        "connect",
        transform("ChangesPayload"),
        last_wrong,
    ),
    Defect("a transform that swaps two records of a key", "reordered", "connect", swapping, two_of_a_key),
    Defect("a transform that nulls the key", "corrupted", "connect", transform("NullsKey")),
    Defect("a connector that is paused", "paused", "connect", paused),
    Defect("a connector that is deleted", "gone", "connect", deleted),
    Defect("a connector FAILED by a revoked grant", "failed", "connect", grant_revoked),
)
