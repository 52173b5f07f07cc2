"""`throughline env`."""

import shlex

import typer

from stacks.state import environment


def env() -> None:
    """Prints the environment in which `pulumi` by hand sees this checkout's stacks: eval "$(throughline env)"."""
    for key, value in environment().items():
        typer.echo(f"export {key}={shlex.quote(value)}")
