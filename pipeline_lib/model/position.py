"""Positions: how far a system is. PostgreSQL's is an LSN in its WAL, Kafka's an offset in a partition of a topic."""

import re
from dataclasses import dataclass
from typing import Self

_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


class Lsn(int):
    """A byte position in the WAL, written as PostgreSQL's pg_lsn type does: two 32-bit halves in hexadecimal."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The LSN of a text such as "0/1A11F98"; raises ValueError."""
        match = _LSN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an LSN such as 0/1A11F98")
        high, low = match.groups()
        return cls(int(high, 16) << 32 | int(low, 16))

    def __new__(cls, value: int) -> Self:
        """Of a 64-bit byte position, as Debezium gives it; raises ValueError beyond that."""
        if not 0 <= value < 2**64:
            raise ValueError(f"{value} is not a position in the WAL, which is an unsigned 64-bit number")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        return f"{self >> 32:X}/{self & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"Lsn({self})"


@dataclass(frozen=True, order=True)
class TopicPosition:
    """An offset in a partition of a topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


Position = Lsn | TopicPosition
