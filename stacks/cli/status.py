"""`throughline status`."""

import typer

from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption


def status(stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False) -> None:
    """Each part's state, version, address, age and memory, and the pipeline's lag."""
    typer.echo(f"{stack} {as_json}")
