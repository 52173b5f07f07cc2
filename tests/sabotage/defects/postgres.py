"""What can be wrong in PostgreSQL: with what is captured of it, with the outbox, and with those who write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from pipeline_lib.model import exact_json, outbox
from pipeline_lib.pipeline import Journey
from stacks.pipeline.names import PUBLICATION, SLOT
from tests.sabotage.defect import Defect, Wrong, publish, purchase, reference
from tests.sabotage.site import Site, awaited


@contextmanager
def publication_without_outbox(site: Site) -> Iterator[None]:
    site.run(f"ALTER PUBLICATION {PUBLICATION} DROP TABLE public.outbox")
    try:
        yield
    finally:
        site.run(f"ALTER PUBLICATION {PUBLICATION} SET TABLE public.outbox")


@contextmanager
def slot_dropped(site: Site) -> Iterator[None]:
    """As an administrator does it whom a full disk has frightened: ends whoever reads the slot, and drops it."""

    def dropped() -> bool | None:
        site.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", SLOT)
        site.run(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active",
            SLOT,
        )
        return (
            site.postgres.execute("SELECT FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).rowcount == 0 or None
        )

    try:
        awaited(dropped, "dropping the slot")
        yield
    finally:
        site.snapshot_anew()


def dual_write(site: Site, journey: Journey) -> Wrong:
    """A purchase is written by one transaction and announced by another."""
    reference(journey)
    event = purchase(journey)
    site.run(
        "INSERT INTO events (id, experiment_id, user_id, session_id, event_type, properties) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        *(event.id, event.experiment_id, event.user_id, event.session_id, event.event_type),
        exact_json.dumps(event.properties),
    )
    return publish(journey, outbox.of_event(event))


def row_updated(site: Site, journey: Journey) -> Wrong:
    """Somebody corrects the outbox after it was published."""
    reference(journey)
    row = journey.committed[-1]
    site.run(
        "UPDATE outbox SET payload = jsonb_set(payload, '{event_type}', '\"refund\"') WHERE id = %s", row.outbox_id
    )
    return [row.id]


def row_deleted(site: Site, journey: Journey) -> Wrong:
    """Somebody tidies the outbox up."""
    reference(journey)
    site.run("DELETE FROM outbox WHERE id = %s", journey.committed[1].outbox_id)
    return [journey.committed[1].id]


def clock_ahead(_: Site, journey: Journey) -> Wrong:
    """A purchase bears the time of a clock that is an hour ahead."""
    reference(journey)
    event = purchase(journey)
    return publish(journey, outbox.of_event(replace(event, occurred_at=event.occurred_at + timedelta(hours=1))))


DEFECTS = (
    Defect("a publication that lost its table", "gone", "postgres", publication_without_outbox),
    Defect("a lost slot", "gone", "postgres", slot_dropped),
    Defect("a dual write outside the transaction", "corrupted", "postgres", write=dual_write),
    Defect("an update of an outbox row", "corrupted", "postgres", write=row_updated),
    Defect("a delete of an outbox row", "lost", "postgres", write=row_deleted),
    Defect("a writer's clock one hour ahead", "skewed", "postgres", write=clock_ahead),
)
