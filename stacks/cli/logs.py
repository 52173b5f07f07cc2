"""`throughline logs`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline_lib.model.errors import UserError
from stacks.abilities import require_part
from stacks.cli.options import DEFAULT_STACK, StackOption
from stacks.outputs import outputs_of
from stacks.status import PARTS


def logs(
    part: Annotated[
        str, typer.Argument(metavar="PART", help=f"One of {', '.join(PARTS)}, or of a cluster's others: kafka-2.")
    ],
    stack: StackOption = DEFAULT_STACK,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 200,
) -> None:
    """The last lines that a part has logged."""
    require_part(part)
    outputs = outputs_of(stack)
    require_part(part, outputs)
    if outputs.get("backend") == "external":
        raise UserError(f"The stack '{stack}' is external: its {part} is not ours, and logs where it runs.")
    if outputs.get("backend") == "docker":
        from stacks.docker.status import last_lines

        typer.echo(last_lines(outputs, part, lines))
        return
    folder = outputs.get("folder")
    log = Path(folder) / "logs" / f"{part}.log" if folder else None
    if log is None or not log.exists():
        raise UserError(f"{part} of the stack '{stack}' has not logged anything: it was never started.")
    for line in log.read_text(errors="replace").splitlines()[-lines:]:
        typer.echo(line)
    typer.echo(f"(all of it: {log})", err=True)
