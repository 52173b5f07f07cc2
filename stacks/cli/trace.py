"""`throughline trace`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.outputs import endpoints_of

if TYPE_CHECKING:
    from pipeline_lib.verify.trace import Trace

OTHERS_WIDTH = 72
"""Characters that the other columns take."""
NARROWEST = 12
"""Characters of the waterfall at least."""


def trace(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An event's id, or assignment-N.")],
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """One event's way, hop by hop: when it was where, and where it stopped if it did, and why."""
    # Imported here, so that the other verbs need not load the clients of all hops.
    from pipeline_lib.hops.chain import open_chain
    from pipeline_lib.verify.trace import trace as traced

    endpoints = endpoints_of(stack)
    with open_chain(endpoints, keeps=lambda _: False) as chain:
        found = traced(endpoints.kafka, chain, id_)
    if as_json:
        typer.echo(json.dumps(found.as_dict()))
    else:
        _print(found)
    if not found.arrived:
        raise typer.Exit(1)


def _print(found: "Trace") -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=found.id, title_justify="left", box=SIMPLE)
    for column in ("hop", "where", "+ ms", "waterfall"):
        table.add_column(column, no_wrap=True, justify="right" if column == "+ ms" else "left")
    latencies = found.latencies_ms()
    total = max(sum(max(0.0, one) for one in latencies), 1e-3)
    width, passed = max(NARROWEST, console.width - OTHERS_WIDTH), 0.0
    for leg, latency in zip(found.legs, latencies, strict=True):
        before, length = int(passed / total * width), round(max(0.0, latency) / total * width)
        passed += max(0.0, latency)
        table.add_row(f"{leg.hop} {leg.what}", leg.told, f"{latency:.1f}", " " * before + ("█" * length or "▏"))
    console.print(table)
    if found.legs:
        console.print(f"first seen {found.legs[0].at:%Y-%m-%d %H:%M:%S.%f} UTC, {total:.1f} ms before the last")
    for note in found.notes:
        console.print(f"note: {note}", markup=False)
    if found.arrived:
        console.print("arrived")
    else:
        console.print(f"stopped at {found.stopped}: {found.why}", markup=False, soft_wrap=True)
