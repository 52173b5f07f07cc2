"""The hops' health while something is waited for: what is in the way of every message, and how far each hop is.

They are asked in a thread of its own, so that what is waited for is seen no later for it. A hop that has not answered
for a while is gone. Whoever waits reads what was found last; an error that is none of the transport's is raised there.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import Hop, Obstacle, ask
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Position
from pipeline_lib.verify.budget import seconds

PERIOD_S = 0.25
"""How often the hops are asked."""
GONE_AFTER_S = 5
"""How long a hop may not answer before it counts as gone; what restarts by itself is back sooner."""


@dataclass(frozen=True)
class Movement:
    """How far a hop is, and for how many seconds it has been seen there."""

    position: tuple[Position, ...]
    still_s: float


class Health:
    """Asks as long as it is entered; the first time after a period, since most waits are over by then."""

    def __init__(self, chain: Chain, committed: Sequence[Committed]) -> None:
        self._chain = chain
        self._ids = [message.id for message in committed]
        self._obstacle: Obstacle | None = None
        self._error: Exception | None = None
        self._silent_since: dict[str, float] = {}
        self._moved: dict[str, tuple[tuple[Position, ...], float]] = {}
        self._left = threading.Event()
        self.has_refused = False
        """Whether one of the messages was found among the dead letters."""

    def __enter__(self) -> "Health":
        self._chain.beside.submit(self._ask_on)
        return self

    def __exit__(self, *_: object) -> None:
        # Not waited for: it may be asking a hop that does not answer.
        self._left.set()

    def obstacle(self) -> Obstacle | None:
        """What is in the way of every message, if anything was found; raises what asking for it has raised."""
        if self._error is not None:
            raise self._error
        return self._obstacle

    def movement_of(self, hop: Hop) -> Movement:
        """How far the hop is now, and since when it has been seen there."""
        position = ask(hop, hop.position, lambda _: None)
        known = self._moved.get(hop.name)
        if known is None or (position is not None and position != known[0]):
            known = self._moved[hop.name] = (position or (), time.monotonic())
        return Movement(known[0], time.monotonic() - known[1])

    def _ask_on(self) -> None:
        try:
            while not self._left.wait(PERIOD_S) and self._obstacle is None:
                self._ask_all()
        except Exception as error:  # noqa: BLE001  raised where it is waited
            self._error = error

    def _ask_all(self) -> None:
        for hop in self._chain.hops:
            if self._left.is_set():
                return
            self.movement_of(hop)
            self._obstacle = self._obstacle or self._in_the_way(hop)
        clickhouse = self._chain.clickhouse
        refused = ask(clickhouse, lambda: clickhouse.has_refused(self._ids), lambda _: False)
        self.has_refused = self.has_refused or refused

    def _in_the_way(self, hop: Hop) -> Obstacle | None:
        answered, obstacle = ask(hop, lambda: (True, hop.obstacle()), lambda _: (False, None))
        if answered:
            self._silent_since.pop(hop.name, None)
            return obstacle
        silent_s = time.monotonic() - self._silent_since.setdefault(hop.name, time.monotonic())
        if silent_s <= seconds(GONE_AFTER_S).seconds:
            return None
        return Obstacle(hop.name, "gone", f"{hop.name} has not answered for {silent_s:.0f} s")
