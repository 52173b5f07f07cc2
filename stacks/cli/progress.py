"""How far a verification is, while it runs: a bar for each hop, on a terminal.

A hop's count is what has passed it since what is asked about began, as its positions tell: on a stack that others write
to it may be ahead.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pipeline_lib.hops.chain import Chain
    from pipeline_lib.model.position import TopicPosition
    from pipeline_lib.verify.bulk.run import Silent

PERIOD_S = 0.25


class Bars:
    """A bar for each hop; what Kafka has, Connect has read."""

    def __init__(self, chain: "Chain", progress: "Progress") -> None:
        self._chain = chain
        self._progress = progress
        self._bars: dict[str, TaskID] = {hop.name: progress.add_task(hop.name, total=None) for hop in chain.hops}
        self._start = {at.partition: at.offset for at in chain.kafka.tail.start}

    def expect(self, messages: int, start: "Sequence[TopicPosition]") -> None:
        """So many messages will have come to each hop, in the topic from `start` on."""
        self._start = {at.partition: at.offset for at in start}
        for bar in self._bars.values():
            self._progress.update(bar, total=messages)

    def wrote(self, messages: int) -> None:
        """So many more are committed."""
        self._progress.advance(self._bars["postgres"], messages)

    def look(self) -> None:
        """Asks Kafka how far it and ClickHouse are."""
        for hop, positions in (
            ("kafka", self._chain.kafka.position()),
            ("clickhouse", self._chain.clickhouse.position()),
        ):
            passed = sum(max(0, at.offset - self._start.get(at.partition, 0)) for at in positions)
            self._progress.update(self._bars[hop], completed=passed)
            if hop == "kafka":
                self._progress.update(self._bars["connect"], completed=passed)


@contextmanager
def shown(chain: "Chain", *, on_terminal: bool) -> "Iterator[Silent | Bars]":
    """The bars, if there is a terminal to show them on; gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not (on_terminal and console.is_terminal):
        from pipeline_lib.verify.bulk.run import Silent

        yield Silent()
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bars = Bars(chain, progress)
        stop = threading.Event()
        looking = threading.Thread(target=_look, args=(bars, chain, stop), daemon=True)
        looking.start()
        try:
            yield bars
        finally:
            stop.set()
            looking.join()


def _look(bars: Bars, chain: "Chain", stop: threading.Event) -> None:
    while not stop.wait(PERIOD_S):
        try:
            bars.look()
        except Exception as error:
            if not chain.clickhouse.may_pass(error):
                raise
