"""What every hop says of its system: is it ready, how far is it, what did it see of these messages, what is in the way.

A hop is asked, it does not judge: comparing what it saw with what was committed is the ledger's work.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Position
from pipeline_lib.model.sighting import Sighting

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Readiness:
    """Whether messages can pass the hop now, and why in the system's own words."""

    ready: bool
    words: str


@dataclass(frozen=True)
class Obstacle:
    """Why nothing passes a hop any more, however long one waits: somebody has to do something about it first.

    `failed` is what has given up, `paused` what was told to stop, `gone` what is not there; `words` name it, with the
    system's own words where it has any.
    """

    hop: str
    kind: Literal["failed", "paused", "gone"]
    words: str


class Hop(Protocol):
    """One system of the pipeline."""

    name: str

    def may_pass(self, error: BaseException) -> bool:
        """Whether an error of asking this system may pass by itself: its transport's, and nothing that was refused."""
        ...

    def obstacle(self) -> Obstacle | None:
        """What is in the way of every message; None while nothing is."""
        ...

    def ready(self) -> Readiness:
        """Whether messages can pass now."""
        ...

    def position(self) -> tuple[Position, ...]:
        """How far the system is; one position for each partition where it has several, none where it has none yet."""
        ...

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """Everything seen of these messages, and whatever else is about these users, in the hop's own order."""
        ...

    def evidence(self) -> Mapping[str, Any]:
        """What a failure's evidence folder should hold of the system, as JSON values without secrets."""
        ...


def ask(hop: Hop, question: Callable[[], Answer], when_silent: Callable[[Exception], Answer]) -> Answer:
    """The answer; if the hop does not answer just now, what `when_silent` makes of the error. Others are raised."""
    try:
        return question()
    except Exception as error:
        if not hop.may_pass(error):
            raise
        return when_silent(error)


class Keeper(Protocol):
    """A hop in whose system things are kept that somebody has to take away again: slots, topics, tables."""

    def kept(self) -> Mapping[str, str]:
        """Each thing by its name, with a definition that is only compared: it may hold secrets."""
        ...
