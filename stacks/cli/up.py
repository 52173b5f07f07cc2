"""`throughline up`."""

import signal
from typing import Annotated

import typer

from pipeline_lib.model.errors import UserError
from stacks.cli.options import DEFAULT_STACK, StackOption
from stacks.config import is_secret


def up(
    stack: StackOption = DEFAULT_STACK,
    backend: Annotated[str | None, typer.Option(metavar="NAME", help="Short for --set backend=NAME.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Sets a key of the stack's config first, as kafka.heap=1g."),
    ] = None,
) -> None:
    """Brings a stack up, or brings back what is missing of it."""
    # Imported here, so that verbs that do not drive Pulumi need not load it.
    from stacks import automation

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = dict(_key_and_value(setting) for setting in settings or [])
    if backend:
        chosen["backend"] = backend
    automation.up(stack, chosen, typer.echo)
    typer.echo(
        f"The stack '{stack}' is up: `throughline status`, `throughline endpoints` and `throughline demo` show it."
    )


def _key_and_value(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise UserError(f"--set takes KEY=VALUE, as in --set kafka.heap=1g, and got '{setting}'.")
    if is_secret(key):
        raise UserError(
            f"--set would keep {key} in plain text, in the stack's config and in the shell's history: set it with "
            f"`pulumi config set --secret --path {key}`, which asks for it."
        )
    return key, value
