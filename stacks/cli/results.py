"""`throughline results`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.cli.tables import table_of
from stacks.outputs import endpoints_of

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline_lib.analytics.funnel import Funnel, TimeOnPage
    from pipeline_lib.analytics.journeys import Path
    from pipeline_lib.analytics.results import Results
    from pipeline_lib.analytics.statistics import Interval
    from pipeline_lib.model.journey import Experiment


WIDTH = 110
"""Columns that the widest table needs; rather than cut figures short it is folded by the terminal."""


def results(
    experiment: Annotated[str, typer.Argument(help="The experiment's name or id.")],
    control: Annotated[str, typer.Option(help="The variant that the others are compared with.")] = "control",
    alpha: Annotated[float, typer.Option(help="The share of false alarms that is accepted.")] = 0.05,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """An experiment's results: variants, comparisons, funnel, journeys. Exit status 1 for a sample ratio mismatch."""
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import closing

    from pipeline_lib.analytics.experiments import find_experiment
    from pipeline_lib.analytics.funnel import funnel_of, time_on_page
    from pipeline_lib.analytics.journeys import paths_of
    from pipeline_lib.hops.clickhouse import Client

    endpoints = endpoints_of(stack)
    found = find_experiment(endpoints.postgres, experiment)
    with closing(Client(endpoints.clickhouse, "analyst")) as analysts, ThreadPoolExecutor(1) as beside:
        funnel = beside.submit(funnel_of, analysts, found.id)
        page = beside.submit(time_on_page, analysts, found.id)
        path = beside.submit(paths_of, analysts, found.id)
        # The libraries of statistics take a second to load: that long ClickHouse can work on the others.
        from pipeline_lib.analytics.results import results_of

        told = results_of(analysts, found.id, found.weights, control, alpha)
        funnels, pages, paths = funnel.result(), page.result(), path.result()
    if as_json:
        parts = {"results": asdict(told), "funnel": funnels, "time_on_page": pages, "journeys": paths}
        named = {"id": found.id, "name": found.name, "status": found.status, "weights": found.weights}
        typer.echo(_json({"experiment": named, **parts}))
    else:
        _print(found, told, funnels, pages, paths)
    if told.refusal is not None:
        raise typer.Exit(1)


def _json(value: object) -> str:
    """Decimals as text: their digits are what was summed up."""
    import json
    from decimal import Decimal

    def plain(one: Any) -> Any:
        return f"{one:f}" if isinstance(one, Decimal) else asdict(one)

    return json.dumps(value, indent=2, ensure_ascii=False, default=plain)


def _print(
    experiment: "Experiment",
    told: "Results",
    funnels: "list[Funnel]",
    pages: "list[TimeOnPage]",
    paths: "list[Path]",
) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    console.print(f"experiment {experiment.name} ({experiment.id}, {experiment.status})", markup=False)
    console.print(_variants(told))
    if told.comparisons:
        console.print(_comparisons(told))
    if funnels:
        console.print(_funnel(funnels))
    if pages:
        console.print(_pages(pages))
    if paths:
        console.print(_journeys(paths))
    if told.unassigned_users:
        console.print(
            f"{told.unassigned_users} users were exposed or bought, and were never assigned; they are in no variant"
        )
    verdict = told.refusal or told.caution or (f"winner: {told.winner}" if told.winner else "no winner yet")
    console.print(verdict, markup=False, style="bold red" if told.refusal else None)


def _variants(told: "Results") -> "Table":
    table = table_of("Variants", "variant", "users", "exposed", "converted", "rate", "conversions", "revenue")
    for one in told.variants:
        revenue = ", ".join(f"{total:f} {currency}" for currency, total in one.revenue.items()) or "0"
        counts = (one.users, one.exposed_users, one.converted_users, f"{one.rate:.2%}", one.conversions)
        table.add_row(one.variant, *map(str, counts), revenue)
    return table


def _comparisons(told: "Results") -> "Table":
    table = table_of(
        f"Against the control, per user, at {1 - told.alpha:.0%}",
        *("variant", "metric", "difference", "interval", "always valid", "p", "lift"),
    )
    for one in told.comparisons:
        lift = "–" if one.lift is None else f"{one.lift:+.1%}"
        intervals = (_interval(one.interval), _interval(one.always_valid))
        table.add_row(one.variant, one.metric, f"{one.difference:.4g}", *intervals, f"{one.p_value:.3g}", lift)
    return table


def _interval(interval: "Interval") -> str:
    return f"{interval.lower:.4g} … {interval.upper:.4g}"


def _funnel(funnels: "list[Funnel]") -> "Table":
    table = table_of("Funnel", "variant", *funnels[0].steps)
    for one in funnels:
        table.add_row(one.variant, *map(str, one.users))
    return table


def _pages(pages: "list[TimeOnPage]") -> "Table":
    table = table_of("Time on page", "variant", "page", "views", "seconds", "average")
    for one in pages:
        table.add_row(
            one.variant, one.page, str(one.views), f"{one.seconds.normalize():f}", f"{one.average_seconds:.1f}"
        )
    return table


def _journeys(paths: "list[Path]") -> "Table":
    table = table_of("Most frequent journeys", "variant", "journey", "users")
    for one in paths:
        table.add_row(one.variant, " → ".join(one.journey), str(one.users))
    return table
