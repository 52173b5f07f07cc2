"""`throughline demo`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

from pipeline_lib.model import exact_json
from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.cli.tables import hops_table, table_of
from stacks.outputs import endpoints_of
from stacks.state import state_folder

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline_lib.analytics.journeys import EventDetail, JourneySummary
    from pipeline_lib.reference import Report


def demo(stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False) -> None:
    """Sends the reference journey through the pipeline and shows what was seen of it at each hop."""
    # Imported here, so that the other verbs need not load the clients of all hops.
    from pipeline_lib.pipeline import open_pipeline
    from pipeline_lib.reference import run

    endpoints = endpoints_of(stack)
    with open_pipeline(endpoints, name="demo", evidence=state_folder() / "evidence") as pipeline:
        report = run(pipeline)
    if as_json:
        typer.echo(exact_json.dumps(report.as_dict()))
    else:
        _print(report)
    if not report.passed:
        raise typer.Exit(1)


def _print(report: "Report") -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(
        hops_table((hop.name, hop.expected, hop.seen, hop.p50_ms, hop.p99_ms, hop.position) for hop in report.hops)
    )
    if report.journey is not None:
        console.print(_journey(report.journey))
    if report.events:
        console.print(_events(report.events))
    if report.passed:
        console.print(f"passed: all delivered once and unchanged, {report.elapsed_s:.2f} s after the first commit")
    else:
        console.print("\n".join(["failed", report.verdict.text(), *report.differences]), markup=False)


def _journey(seen: "JourneySummary") -> "Table":
    table = table_of("User journey", "user", "variant", "journey", "events", "value", "score", "sessions")
    table.add_row(
        seen.user_id,
        seen.variant_key,
        "\n".join(seen.journey),
        str(seen.total_events),
        _number(seen.total_value),
        _number(seen.conversion_score),
        str(seen.sessions),
    )
    return table


def _events(events: "Sequence[EventDetail]") -> "Table":
    table = table_of("Event details", "id", "event", "page", "value", "score", "conversion")
    for event in events:
        shown = (_number(event.value), _number(event.score), str(event.is_conversion).lower())
        table.add_row(event.id, event.event_type, event.page, *shown)
    return table


def _number(value: Decimal) -> str:
    """Without the zeros that the column's scale adds."""
    return f"{value.normalize():f}"
