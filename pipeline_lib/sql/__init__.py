"""The SQL itself, as `.sql` files, one a thing, and how values are put into statements that cannot bind parameters.

Queries bind their values through the driver. DDL cannot, so its files use psql's notation: `:'name'` becomes a quoted
string literal, `:"name"` a quoted identifier. A literal is quoted the same way for PostgreSQL (with
standard_conforming_strings, its default) and ClickHouse, except that ClickHouse also escapes with backslashes.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

Dialect = Literal["postgres", "clickhouse"]

POSTGRES_ORDER = ("roles", "tables", "grants", "publication", "reference_data")
"""PostgreSQL's files in the order in which they are applied; each can be run again."""

CLICKHOUSE_ORDER = (
    "events",
    "dead_letters",
    "fences",
    "messages",
    "parsed_messages",
    "keep_events",
    "keep_fences",
    "keep_dead_letters",
    "assignments",
    "event_details",
    "user_journeys",
    "experiment_users",
    "events_queue",
    "judge_messages",
    "read_messages",
)
"""ClickHouse's objects in the order in which they are created; dropped in the reverse one. `read_messages` comes last,
for the queue is consumed from the moment that a view reads it."""

ANALYST_TABLES = ("events", "assignments", "event_details", "user_journeys", "experiment_users")
"""What analysts may read. The views run with the reader's own rights, so `events` is among them."""

_PLACEHOLDER = re.compile(r""":(['"])([a-z_]+)\1""")


def read(dialect: Dialect, name: str) -> str:
    """The text of `pipeline_lib/sql/<dialect>/<name>.sql`; raises FileNotFoundError."""
    return (files(__package__) / dialect / f"{name}.sql").read_text(encoding="utf-8")


def literal(value: str, dialect: Dialect) -> str:
    """`value` as a quoted SQL string."""
    escaped = value.replace("\\", "\\\\") if dialect == "clickhouse" else value
    return "'" + escaped.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier; raises ValueError on characters that neither system could mean."""
    if not name or "\0" in name or "\\" in name:
        raise ValueError(f"{name!r} is not an SQL identifier")
    return '"' + name.replace('"', '""') + '"'


def render(text: str, dialect: Dialect, values: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced; raises KeyError on one that `values` lacks."""

    def replace(match: re.Match[str]) -> str:
        quote, name = match.groups()
        return literal(values[name], dialect) if quote == "'" else identifier(values[name])

    return _PLACEHOLDER.sub(replace, text)
