"""A sighting: one message seen at one hop, with its position there, its time, and what it said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline_lib.model.position import Position


@dataclass(frozen=True)
class Sighting:
    """`fields` are what the hop can be held to: each must equal what was committed.

    `refused` is a dead letter's reason: the message came to this hop and was not taken. `collapsed` is a copy that
    is stored and that nobody reads: a newer one of the same message has replaced it.
    """

    hop: str
    id: str
    outbox_id: int
    position: Position | None = None
    at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None
    collapsed: bool = False
