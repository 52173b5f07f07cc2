"""`throughline endpoints`."""

from typing import Annotated

import typer

from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.outputs import endpoints_of


def endpoints(
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
    show_secrets: Annotated[bool, typer.Option(help="Passwords in plain text instead of asterisks.")] = False,
) -> None:
    """Where a stack's systems are, and with which credentials."""
    found = endpoints_of(stack)
    if as_json:
        typer.echo(found.as_json(show_secrets=show_secrets))
        return
    import json

    for system, values in json.loads(found.as_json(show_secrets=show_secrets)).items():
        if isinstance(values, dict):
            shown = "  ".join(f"{key} {value}" for key, value in values.items() if isinstance(value, str | int))
            # Several servers of one system; of one, its `url` says all.
            shown += "".join(f"  or {url}" for url in values.get("urls", [])[1:])
            typer.echo(f"{system:<11} {shown}")
