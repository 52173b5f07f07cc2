"""A stack for a run: driven by the `throughline` command, so that it may be of any backend."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline_lib.hops.chain import open_chain
from pipeline_lib.hops.inventory import Inventory, inventory_of
from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.model.errors import UserError


def throughline(*arguments: str, exit_status: int = 0) -> str:
    """What a `throughline` command prints; its own words are the failure if it ends with another exit status."""
    ran = subprocess.run([sys.executable, "-m", "stacks.cli", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != exit_status:
        command = f"throughline {' '.join(arguments)}"
        pytest.fail(f"{command} (exit status {ran.returncode}):\n{ran.stdout}{ran.stderr}", pytrace=False)
    return ran.stdout


def endpoints_of(stack: str) -> Endpoints:
    """Where the stack's systems are, with their passwords."""
    return Endpoints.model_validate_json(throughline("endpoints", "--stack", stack, "--json", "--show-secrets"))


def inventory_of_stack(endpoints: Endpoints) -> Inventory:
    """What the stack's systems keep now."""
    with open_chain(endpoints) as chain:
        return inventory_of(chain)


@contextmanager
def stack_of_its_own(prefix: str, *settings: str) -> Iterator[str]:
    """A stack of this process's own, guarded against leaks and taken away at the end."""
    name = f"{prefix}-{os.getpid()}"
    try:
        throughline("up", "--stack", name, *(word for setting in settings for word in ("--set", setting)))
        endpoints = endpoints_of(name)
        before = inventory_of_stack(endpoints)
        yield name
        leak = leak_in(endpoints, before)
    finally:
        throughline("down", "--stack", name)
    if leak:
        pytest.fail(leak, pytrace=False)


def leak_in(endpoints: Endpoints, before: Inventory) -> str | None:
    """The paragraph to fail with if the stack is not as it was before; None if it is."""
    try:
        changes = ", ".join(before.changes_to(inventory_of_stack(endpoints)))
    except UserError as error:
        changes = str(error).removesuffix(".")
    if not changes:
        return None
    return (
        f"The run leaves the stack '{endpoints.stack}' other than it was: {changes}. Find the test that makes or "
        "changes it, and have it put everything back at its end, also where it fails."
    )
