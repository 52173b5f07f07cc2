"""How a part of a stack is, whatever the backend."""

from collections.abc import Iterable
from dataclasses import dataclass

PARTS = ("postgres", "kafka", "connect", "clickhouse")
"""The parts that every stack has, in the order in which an event passes them."""


def system_of(part: str) -> str:
    """The system that a part is, or is one of several of: `kafka` of `kafka-2`."""
    return part.partition("-")[0]


def in_order(parts: Iterable[str]) -> list[str]:
    """Parts in the order in which an event passes them, with those that it does not pass at the end."""
    places = {system: place for place, system in enumerate(PARTS)}
    return sorted(parts, key=lambda part: (places.get(system_of(part), len(places)), part))


@dataclass(frozen=True)
class PartStatus:
    """One part; `memory_mb` is in MiB over all its processes."""

    part: str
    state: str
    pids: list[int]
    age_s: float
    memory_mb: float
