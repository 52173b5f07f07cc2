"""Options that several verbs take."""

from typing import Annotated

import typer

StackOption = Annotated[
    str, typer.Option("--stack", "-s", metavar="NAME", envvar="THROUGHLINE_STACK", help="Which stack.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
DEFAULT_STACK = "dev"
