"""`throughline verify`."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline_lib.model import exact_json
from pipeline_lib.model.errors import UserError
from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.outputs import endpoints_of
from stacks.state import state_folder

if TYPE_CHECKING:
    from pipeline_lib.verify.bulk.asked import Asked


def verify(
    stack: StackOption = DEFAULT_STACK,
    since: Annotated[
        str | None, typer.Option(metavar="LSN|TIME", help="What the outbox got since then (default: all of it).")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="These messages: an id a line, or JSON objects with one.")
    ] = None,
    journeys: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Write N journeys of 5 messages first, and verify them.")
    ] = None,
    rate: Annotated[float, typer.Option(metavar="R", min=0, help="Journeys a second; 0: as fast as can be.")] = 0,
    within: Annotated[float, typer.Option(metavar="SECONDS", help="How long may be waited for them to arrive.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Holds what was committed against what was seen at each hop, however many messages there are."""
    asked = _asked(since, events, journeys, rate)
    # Imported here, so that the other verbs need not load the clients of all hops.
    from pipeline_lib.hops.chain import open_chain
    from pipeline_lib.verify.budget import seconds
    from pipeline_lib.verify.bulk.run import is_fence
    from pipeline_lib.verify.bulk.run import verify as verified
    from stacks.cli.progress import shown
    from stacks.cli.verdicts import as_dict, print_verdict

    # What was made for the verification is taken away whatever ends it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    budget, endpoints = seconds(within), endpoints_of(stack)
    with open_chain(endpoints, keeps=is_fence) as chain, shown(chain, on_terminal=not as_json) as progress:
        outcome = verified(endpoints, chain, asked, budget, state_folder() / "evidence", progress)
    if as_json:
        typer.echo(exact_json.dumps(as_dict(outcome)))
    else:
        print_verdict(outcome.verdict)
    if not outcome.verdict.passed:
        raise typer.Exit(1)


def _asked(since: str | None, events: Path | None, journeys: int | None, rate: float) -> "Asked":
    from pipeline_lib.verify.bulk import asked

    given = [
        name
        for name, value in (("--since", since), ("--events", events), ("--journeys", journeys))
        if value is not None
    ]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} ask for different things. Give one of them.")
    if rate and journeys is None:
        raise UserError("--rate tells how fast --journeys are written. Give --journeys too.")
    if events is not None:
        for _ in asked.ids_in(events):  # before anything is opened, so that a bad file is told of at once
            continue
        return asked.Events(events)
    if journeys is not None:
        return asked.Journeys(journeys, rate)
    return asked.since(since) if since is not None else asked.Since()
