"""A visitor's way through an experiment: assigned to a variant, then events, each with an id and a time of its own.

Times are aware and in UTC, to the microsecond. Money is Decimal. Ids are new with every visitor, so that scenarios
share a warm stack and do not see each other.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

Property = str | int | Decimal | bool | None | Mapping[str, "Property"] | Sequence["Property"]


@dataclass(frozen=True)
class Variant:
    """One of an experiment's variants; `weight` is its share of the users, against the weights of the others."""

    id: int
    key: str
    weight: Decimal = Decimal(1)


@dataclass(frozen=True)
class Experiment:
    """An experiment with its variants."""

    id: int
    name: str
    variants: tuple[Variant, ...]
    status: str = "running"

    @property
    def weights(self) -> Mapping[str, float]:
        """The variants' weights by key; they need not add up to anything."""
        return {variant.key: float(variant.weight) for variant in self.variants}


CHECKOUT = 1
"""The reference experiment's id."""
TREATMENT = Variant(1, "treatment")
CONTROL = Variant(2, "control")
VARIANTS = {variant.key: variant for variant in (TREATMENT, CONTROL)}


def _hex() -> str:
    return secrets.token_hex(6)


@dataclass(frozen=True)
class Visitor:
    """A user in one session."""

    user_id: str = field(default_factory=lambda: f"e2e_test_user_{_hex()}")
    session_id: str = field(default_factory=lambda: f"e2e_session_{_hex()}")


@dataclass(frozen=True)
class Assignment:
    """A visitor's variant of an experiment. PostgreSQL gives the id and the time."""

    id: int
    experiment_id: int
    user_id: str
    variant: Variant
    assigned_at: datetime


@dataclass(frozen=True)
class Event:
    """Something that a visitor did."""

    experiment_id: int
    user_id: str
    session_id: str
    event_type: str
    properties: Mapping[str, Property]
    occurred_at: datetime
    id: str = field(default_factory=lambda: f"e2e_event_{_hex()}")

    def __post_init__(self) -> None:
        """Refuses a time without a zone: it would mean another moment on another machine."""
        if self.occurred_at.tzinfo is None:
            raise ValueError(f"The time of {self.id} has no zone: {self.occurred_at.isoformat()}")


@dataclass(frozen=True)
class Act:
    """What is to become an event: its type and its properties, before anyone did it."""

    event_type: str
    properties: Mapping[str, Property]

    def by(self, visitor: Visitor, at: datetime, experiment_id: int = CHECKOUT) -> Event:
        """The event of this visitor having done it at this time."""
        return Event(experiment_id, visitor.user_id, visitor.session_id, self.event_type, self.properties, at)


def sees(page: str) -> Act:
    """The visitor is exposed to the variant on a page."""
    return Act("exposure", {"page": page})


def views(page: str, seconds: int) -> Act:
    """The visitor stays on a page for so many seconds."""
    return Act("page_view", {"page": page, "duration_seconds": seconds})


def clicks(page: str, value: Decimal = Decimal("1.0")) -> Act:
    """The visitor clicks the call to action of a page."""
    return Act("click", {"page": page, "element": "cta_button", "value": value})


def buys(value: Decimal, currency: str, score: int) -> Act:
    """The visitor buys; the score tells how good a conversion it is."""
    return Act("conversion", {"value": value, "currency": currency, "score": score})


REFERENCE_ACTS = (
    sees("/landing"),
    views("/product", seconds=15),
    clicks("/product"),
    buys(Decimal("39.99"), "USD", score=88),
)
"""The journey of the reference report."""
