"""What many visitors and connections do at once or one into the other: traffic that no single journey makes.

Each function returns what was committed, to be expected at the other end.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from pipeline_lib.hops.application import Application
from pipeline_lib.model import instant
from pipeline_lib.model.journey import CONTROL, Act
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.partitioner import partition_of
from pipeline_lib.pipeline import Journey


def at_once(application: Application, connections: int, each: int, act: Act) -> list[Committed]:
    """So many connections, each with a visitor of its own who acts so often; all begin at the same moment."""
    ready = threading.Barrier(connections)

    def write(_: int) -> list[Committed]:
        with application.another() as own:
            journey = Journey(own)
            journey.assign(CONTROL)
            ready.wait()
            for _ in range(each):
                journey.record(act)
        return journey.committed

    with ThreadPoolExecutor(connections) as writers:
        return [message for written in writers.map(write, range(connections)) for message in written]


def overtaken(journey: Journey, act: Act, partitions: int) -> list[Committed]:
    """A transaction that begins first, and one that begins after it and is committed before it, in the order of their
    commits. Both write to the same partition: only there is an order to be kept."""
    slow = act.by(journey.visitor, instant.now(), journey.experiment_id)
    fast = slow
    while fast is slow or partition_of(fast.id, partitions) != partition_of(slow.id, partitions):
        fast = act.by(journey.visitor, instant.now(), journey.experiment_id)
    with journey.application.another() as other, journey.application.transaction() as first:
        first.record(slow)
        with other.transaction() as second:
            second.record(fast)
    journey.events += [fast, slow]
    return [*second.committed, *first.committed]
