"""How a part of a stack is, whatever the backend."""

from dataclasses import dataclass

PARTS = ("postgres", "kafka", "connect", "clickhouse")
"""The parts that every stack has, in the order in which an event passes them."""


@dataclass(frozen=True)
class PartStatus:
    """One part; `memory_mb` is in MiB over all its processes."""

    part: str
    state: str
    pids: list[int]
    age_s: float
    memory_mb: float
