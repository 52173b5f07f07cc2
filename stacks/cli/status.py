"""`throughline status`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from stacks.cli.options import DEFAULT_STACK, JsonOption, StackOption
from stacks.outputs import outputs_of
from stacks.status import PartStatus, in_order, system_of


def status(stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False) -> None:
    """Each part's state, version, address, age and memory, and the pipeline's lag."""
    outputs = outputs_of(stack)
    told: dict[str, dict[str, str]] = outputs.get("parts", {})
    parts = [{**asdict(part), **told[part.part]} for part in _statuses(outputs, in_order(told))]
    external, lag = outputs.get("backend") == "external", _lag(stack, outputs, parts)
    found = {"stack": stack, "backend": outputs.get("backend"), "parts": parts, "lag": lag}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(found)
    if (external and "unknown" in lag) or not (parts or external):
        raise typer.Exit(1)
    if any(part["state"] != "RUNNING" for part in parts):
        raise typer.Exit(1)


def _statuses(outputs: dict[str, Any], parts: list[str]) -> list[PartStatus]:
    if outputs.get("backend") == "docker":
        from stacks.docker import status as on_docker

        return on_docker.part_statuses(outputs, parts)
    from stacks.embedded import status as embedded

    return embedded.part_statuses(Path(outputs.get("folder", "")), parts)


def _lag(stack: str, outputs: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The lag, or why it cannot be told."""
    running = {system_of(part["part"]) for part in parts if part["state"] == "RUNNING"}
    down = [str(part["part"]) for part in parts if system_of(part["part"]) not in running]
    if down or (not parts and outputs.get("backend") != "external"):
        return {"unknown": f"{', '.join(down) or 'no part'} not running"}
    from pipeline_lib.hops.chain import open_chain
    from pipeline_lib.hops.lag import lag_of
    from pipeline_lib.model.errors import UserError
    from stacks.outputs import endpoints_of

    try:
        with open_chain(endpoints_of(stack)) as chain:
            return asdict(lag_of(chain))
    except UserError as refused:
        return {"unknown": refused.paragraph}


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("part", "state", "version", "address", "age", "memory", "pid")
    for part in found["parts"]:
        minutes, seconds = divmod(int(part["age_s"]), 60)
        table.add_row(
            part["part"],
            part["state"],
            part["version"],
            part["address"],
            f"{minutes}m{seconds:02d}s",
            f"{part['memory_mb']:.0f} MiB",
            str(part["pids"][0]) if part["pids"] else "–",
        )
    console = Console()
    if found["backend"] == "external":
        console.print(f"stack {found['stack']} is external: it has no parts of its own, and its systems run elsewhere")
    elif found["backend"] is None:
        console.print(f"stack {found['stack']} has no parts: `throughline up --stack {found['stack']}` makes them")
        return
    else:
        console.print(f"stack {found['stack']} on the {found['backend']} backend")
        console.print(table)
    lag = found["lag"]
    console.print(
        f"lag: {lag['unknown']}"
        if "unknown" in lag
        else f"lag: {lag['wal_bytes']} bytes of WAL to the connector, {lag['messages']} messages to ClickHouse"
    )
