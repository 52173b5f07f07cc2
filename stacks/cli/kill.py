"""`throughline kill`."""

from typing import Annotated

import typer

from stacks import abilities
from stacks.cli.options import DEFAULT_STACK, StackOption
from stacks.outputs import outputs_of
from stacks.status import PARTS


def kill(
    part: Annotated[str, typer.Argument(metavar="PART", help=f"One of {', '.join(PARTS)}.")],
    stack: StackOption = DEFAULT_STACK,
) -> None:
    """Kills a part of a stack, which then comes back by itself: for tests of what a crash does."""
    abilities.require_part(part)
    outputs = outputs_of(stack)
    abilities.require_part(part, outputs)
    abilities.kill(stack, outputs, part)
    typer.echo(f"{part} of the stack '{stack}' is killed; it comes back by itself.")
