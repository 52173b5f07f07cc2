"""Visitors' journeys and the events they consist of, as analysts see them: through the analysts' own user and views."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline_lib import sql
from pipeline_lib.hops.clickhouse import Client


@dataclass(frozen=True)
class JourneySummary:
    """A visitor's way through an experiment, in the order of the events' own times."""

    user_id: str
    experiment_id: int
    variant_key: str
    journey: tuple[str, ...]
    total_events: int
    total_value: Decimal
    conversion_score: Decimal
    sessions: int


@dataclass(frozen=True)
class EventDetail:
    """One event, with what analysts read out of it; `value` and `score` are 0 where it has none."""

    id: str
    event_type: str
    page: str
    value: Decimal
    score: Decimal
    is_exposure: bool
    is_click: bool
    is_conversion: bool
    occurred_at: datetime


@dataclass(frozen=True)
class Path:
    """A way that so many users of a variant took."""

    variant: str
    journey: tuple[str, ...]
    users: int


def paths_of(analysts: Client, experiment_id: int, most: int = 10) -> list[Path]:
    """The `most` frequent ways through an experiment, the most frequent first."""
    rows = analysts.rows(sql.read("clickhouse", "questions/journey_paths"), experiment_id=experiment_id, most=most)
    return [Path(row["variant_key"], tuple(row["journey"]), row["users"]) for row in rows]


def journeys_of(analysts: Client, user_id: str) -> list[JourneySummary]:
    """The visitor's journeys, one for each experiment."""
    rows = analysts.rows(
        "SELECT user_id, experiment_id, variant_key, journey, total_events, total_value, conversion_score, sessions "
        "FROM user_journeys WHERE user_id = {user_id:String} ORDER BY experiment_id",
        user_id=user_id,
    )
    return [JourneySummary(**{**row, "journey": tuple(row["journey"])}) for row in rows]


def event_details_of(analysts: Client, user_id: str) -> list[EventDetail]:
    """The visitor's events in the order of their own times, ties by id."""
    rows = analysts.rows(
        "SELECT id, event_type, page, value, score, is_exposure, is_click, is_conversion, occurred_at "
        "FROM event_details WHERE user_id = {user_id:String} ORDER BY occurred_at, id",
        user_id=user_id,
    )
    return [EventDetail(**row) for row in rows]


def assigned_to(analysts: Client, experiment_id: int) -> dict[str, list[str]]:
    """The users of an experiment, by the key of their variant."""
    rows = analysts.rows(
        "SELECT variant_key, groupArray(user_id) AS users FROM assignments "
        "WHERE experiment_id = {experiment_id:Int64} GROUP BY variant_key",
        experiment_id=experiment_id,
    )
    return {row["variant_key"]: list(row["users"]) for row in rows}


def time_on_pages(analysts: Client, user_id: str) -> dict[str, Decimal]:
    """How many seconds a visitor stayed on each page, over all visits to it."""
    rows = analysts.rows(
        "SELECT page, sum(duration_seconds) AS seconds FROM event_details "
        "WHERE user_id = {user_id:String} AND duration_seconds IS NOT NULL GROUP BY page",
        user_id=user_id,
    )
    return {row["page"]: row["seconds"] for row in rows}
