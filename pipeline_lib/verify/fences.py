"""Fences: a marker for each partition, written after the events of interest, through the same outbox.

The WAL is decoded in commit order, Debezium publishes in that order, a partition keeps it, and ClickHouse commits its
offset after what lies before it. So when a marker has come out of a hop, everything committed before it that goes the
same way has had its chance there, and what has not been seen never will be.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_lib.hops.application import Application
from pipeline_lib.hops.tail import Tail
from pipeline_lib.model import outbox
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.partitioner import aggregate_ids_for_all
from pipeline_lib.model.position import TopicPosition


@dataclass(frozen=True)
class Fence:
    """`marks` are the markers, one for each partition."""

    token: str
    marks: tuple[Committed, ...]


def write_fence(application: Application, partitions: int) -> Fence:
    """Commits a marker for each of the partitions, in one transaction."""
    token = secrets.token_hex(8)
    with application.transaction() as change:
        for aggregate_id in aggregate_ids_for_all(partitions, f"fence-{token}"):
            change.publish(outbox.of_fence(aggregate_id, token))
    return Fence(token, change.committed)


def out_of_kafka(fence: Fence, tail: Tail) -> tuple[TopicPosition, ...] | None:
    """Where the markers are in the topic; None until the last has come."""
    found = tail.find([mark.id for mark in fence.marks])
    positions = {message.position.partition: message.position for message in reversed(found)}
    return tuple(positions.values()) if len(positions) == len(fence.marks) else None


def passed(marks: Sequence[TopicPosition], consumed: Sequence[TopicPosition]) -> bool:
    """Whether a consumer that goes on at `consumed` has everything before the markers behind it.

    It need not have the markers themselves: where they are tells what lies before them.
    """
    next_ = {at.partition: at.offset for at in consumed}
    return all(next_.get(mark.partition, 0) >= mark.offset for mark in marks)
