"""The tables that verbs print in the terminal. Rich is loaded by those that print one."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

Milliseconds = float | Decimal | None


def table_of(title: str, first: str, *others: str) -> "Table":
    """A table without rows; its first column is not wrapped, since ids are there to be copied."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other)
    return table


def hops_table(hops: Iterable[tuple[str, int, int, Milliseconds, Milliseconds, str]]) -> "Table":
    """A row a hop: its name, the messages expected and seen, the median and 99th percentile, and its position."""
    table = table_of("From commit to the analysts", "hop", "expected", "seen", "p50 ms", "p99 ms", "position")
    for name, expected, seen, *percentiles, position in hops:
        latencies = ("–" if value is None else f"{value:.1f}" for value in percentiles)
        table.add_row(name, str(expected), str(seen), *latencies, position)
    return table
