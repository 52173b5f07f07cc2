"""What every hop says of its system: is it ready, how far is it, what did it see of these messages, what else is there.

A hop is asked, it does not judge: comparing what it saw with what was committed is the ledger's work.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Position
from pipeline_lib.model.sighting import Sighting


@dataclass(frozen=True)
class Readiness:
    """Whether messages can pass the hop now, and why in the system's own words."""

    ready: bool
    words: str


class Hop(Protocol):
    """One system of the pipeline."""

    name: str

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
