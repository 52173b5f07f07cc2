"""A stack's outputs, as endpoints. Asks the Pulumi command line and imports no SDK, to be quick."""

import json
import os
import subprocess
from typing import Any

from pydantic import ValidationError

from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.errors import UserError
from stacks.abilities import GRANTED
from stacks.pulumi_cli import find_pulumi
from stacks.state import ROOT, environment
from stacks.status import PARTS

VERSION = "0.1.0"
"""Goes with every stack as an output, so that another Throughline knows whose stack it looks at."""


def outputs_of(stack: str) -> dict[str, Any]:
    """The stack's outputs with their secrets; raises UserError if there is no such stack."""
    asked = subprocess.run(
        [find_pulumi(), "stack", "output", "--json", "--show-secrets", "--non-interactive", "--stack", stack],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment()},
    )
    if asked.returncode == 0:
        outputs: dict[str, Any] = json.loads(asked.stdout)
        return outputs
    if "no stack named" in asked.stderr:
        raise missing(stack)
    raise UserError(f"Pulumi does not tell the outputs of the stack '{stack}'.", asked.stderr.strip())


def missing(stack: str) -> UserError:
    """There is no such stack."""
    return UserError(f"There is no stack '{stack}'. `throughline up --stack {stack}` makes it.")


def endpoints_of(stack: str) -> Endpoints:
    """The stack's endpoints; raises UserError if it is missing, half up or another version's."""
    outputs = outputs_of(stack)
    made_by = outputs.get("throughline")
    half_up = UserError(
        f"The stack '{stack}' is not up, or only in part. `throughline up --stack {stack}` goes on from what stands."
    )
    if made_by is None:
        raise half_up
    if made_by != VERSION:
        raise UserError(
            f"The stack '{stack}' was made by Throughline {made_by} and this is {VERSION}. `throughline up --stack "
            f"{stack}` brings it to this version, and keeps its data."
        )
    try:
        systems = {name: outputs[name] for name in PARTS}
        backend = outputs["backend"]
        return Endpoints.model_validate({"stack": stack, "backend": backend, "abilities": GRANTED[backend], **systems})
    except (KeyError, ValidationError):
        raise half_up from None
