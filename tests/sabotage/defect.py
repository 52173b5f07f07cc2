"""A defect: what is broken on purpose in a pipeline, and what the verdict has to say of it."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline_lib.model import instant
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS, Event, buys
from pipeline_lib.model.outbox import OutboxMessage
from pipeline_lib.pipeline import Journey
from tests.sabotage.site import Site

Wrong = Collection[str]
"""The ids of the messages that the verdict must tell of, and no others."""


def reference(journey: Journey) -> None:
    """The reference journey: an assignment, an exposure, a view, a click, a purchase for 39.99."""
    journey.assign(CONTROL)
    for act in REFERENCE_ACTS:
        journey.record(act)


def purchase(journey: Journey) -> Event:
    """One more purchase of the visitor's, not written yet."""
    return buys(Decimal("12.50"), "USD", score=10).by(journey.visitor, instant.now())


def publish(journey: Journey, *messages: OutboxMessage) -> Wrong:
    """Outbox rows on their own, in one transaction; they are the ones that go wrong."""
    with journey.application.transaction() as change:
        for message in messages:
            change.publish(message)
    journey.committed += change.committed
    return {message.aggregate_id for message in messages}


def all_wrong(_: Site, journey: Journey) -> Wrong:
    """The reference journey, of which every message goes wrong."""
    reference(journey)
    return [message.id for message in journey.committed]


def last_wrong(_: Site, journey: Journey) -> Wrong:
    """The reference journey, of which the purchase goes wrong."""
    reference(journey)
    return [journey.committed[-1].id]


def intact(_: Site) -> AbstractContextManager[None]:
    """Breaks nothing beforehand: for a defect that lies in what is written."""
    return nullcontext()


@dataclass(frozen=True)
class Defect:
    """`broken` breaks the pipeline and mends it at its end; `write` writes a journey while it is broken.

    `kind` and `hop` are the verdict's cause. What a defect does besides to the messages that it hits, and that analysts
    do not see, is in `also`.
    """

    name: str
    kind: str
    hop: str
    broken: Callable[[Site], AbstractContextManager[Any]] = intact
    write: Callable[[Site, Journey], Wrong] = all_wrong
    also: frozenset[tuple[str, str]] = frozenset()
