"""Points in time: UTC, to the microsecond, as PostgreSQL keeps them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """This moment by this machine's clock."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """ISO 8601 with all six digits of the second and Z; raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment that an ISO 8601 text with a zone names; raises ValueError for any other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def from_microseconds(microseconds: int) -> datetime:
    """The moment so many microseconds after 1970, exactly: a float of seconds does not hold them."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(moment: datetime) -> int:
    """The microseconds since 1970."""
    return microseconds(moment - _EPOCH)


def microseconds(duration: timedelta) -> int:
    """How many there are in it."""
    return duration // timedelta(microseconds=1)
