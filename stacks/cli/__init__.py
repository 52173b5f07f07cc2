"""The `throughline` command: a module a verb. A `UserError` is printed as it is; its exit status is 1."""

import sys

import typer

from pipeline_lib.model.errors import UserError
from stacks.cli import demo, down, endpoints, env, kill, logs, results, status, trace, up, verify

app = typer.Typer(
    help="Stands a change-data-capture pipeline up and proves, hop by hop, that what was committed arrives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(up.up)
app.command()(down.down)
app.command()(status.status)
app.command()(endpoints.endpoints)
app.command()(demo.demo)
app.command()(results.results)
app.command()(verify.verify)
app.command()(trace.trace)
app.command()(logs.logs)
app.command()(kill.kill)
app.command()(env.env)


def main() -> None:
    """Runs the command line."""
    try:
        app()
    except UserError as error:
        sys.exit(f"throughline: {error}")
