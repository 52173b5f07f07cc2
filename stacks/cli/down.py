"""`throughline down`."""

import signal

import typer

from stacks.cli.options import DEFAULT_STACK, StackOption


def down(stack: StackOption = DEFAULT_STACK) -> None:
    """Takes a stack away: its processes, ports, data and config."""
    from stacks import automation

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    automation.down(stack, typer.echo)
    typer.echo(f"The stack '{stack}' is gone.")
