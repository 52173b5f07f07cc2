"""How far the users of each variant get: the steps in their order, and the time that they spend on pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from pipeline_lib import sql
from pipeline_lib.hops.clickhouse import Client
from pipeline_lib.model import instant
from pipeline_lib.model.errors import UserError

STEPS = ("exposure", "page_view", "click", "conversion")
WINDOW = timedelta(days=30)
MOST_STEPS = 8


@dataclass(frozen=True)
class Funnel:
    """A variant's users who took at least the first, the first two, … of the steps, in their order and in time."""

    variant: str
    steps: tuple[str, ...]
    users: tuple[int, ...]


@dataclass(frozen=True)
class TimeOnPage:
    """How often a variant's users viewed a page and how long they stayed, of the views that tell."""

    variant: str
    page: str
    views: int
    seconds: Decimal

    @property
    def average_seconds(self) -> Decimal:
        """Of a view."""
        return self.seconds / self.views


def funnel_of(
    analysts: Client, experiment_id: int, steps: Sequence[str] = STEPS, window: timedelta = WINDOW
) -> list[Funnel]:
    """One for each variant that has users; all steps within the window from the first. Raises UserError."""
    if not 1 <= len(steps) <= MOST_STEPS or "" in steps or len(set(steps)) < len(steps):
        raise UserError(
            f"A funnel has from one to {MOST_STEPS} steps, each another event type; {list(steps)} was given."
        )
    rows = analysts.rows(
        sql.read("clickhouse", "questions/funnel"),
        experiment_id=experiment_id,
        steps=list(steps),
        window_us=instant.microseconds(window),
    )
    return [Funnel(row["variant_key"], tuple(steps), tuple(row["users"])) for row in rows]


def time_on_page(analysts: Client, experiment_id: int) -> list[TimeOnPage]:
    """By variant and page."""
    rows = analysts.rows(sql.read("clickhouse", "questions/time_on_page"), experiment_id=experiment_id)
    return [TimeOnPage(row["variant_key"], row["page"], row["views"], row["seconds"]) for row in rows]
