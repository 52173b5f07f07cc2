"""How the containers of a stack are, as the engine tells it."""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import docker
from docker.errors import NotFound

from pipeline_lib.model.errors import UserError
from stacks.docker.engine import EngineAddress
from stacks.status import PartStatus
from tools.docker_plugin.engine import Address, Engine


def part_statuses(outputs: Mapping[str, Any], parts: Iterable[str]) -> list[PartStatus]:
    """The parts in the order given, by the stack's outputs; one without a container is ABSENT."""
    engine, token = _engine(outputs), outputs.get("token", "")
    found = []
    for part in parts:
        container = _container(engine, token, part)
        if container is None:
            found.append(PartStatus(part, "ABSENT", [], 0.0, 0.0))
            continue
        state = container.attrs["State"]
        found.append(
            PartStatus(
                part,
                _state(state),
                [state["Pid"]] if state["Pid"] else [],
                _age_s(state["StartedAt"]) if state["Running"] else 0.0,
                _memory_mb(engine, container.id) if state["Running"] else 0.0,
            )
        )
    return found


def last_lines(outputs: Mapping[str, Any], part: str, lines: int) -> str:
    """What the part's container has written last."""
    container = _container(_engine(outputs), outputs.get("token", ""), part)
    if container is None:
        raise UserError(f"{part} has not logged anything: the stack has no container of it. `throughline up` makes it.")
    return str(container.logs(tail=lines).decode(errors="replace").rstrip())


def kill(outputs: Mapping[str, Any], part: str) -> None:
    """Kills the part's container and starts it again, which the engine does not do after a kill that was asked for."""
    container = _container(_engine(outputs), outputs.get("token", ""), part)
    if container is None or container.status != "running":
        raise UserError(f"{part} does not run, so it cannot be killed. `throughline up` brings it back.")
    container.kill()
    container.start()


def _engine(outputs: Mapping[str, Any]) -> docker.DockerClient:
    """The one that the stack stands on."""
    on = EngineAddress(**outputs.get("engine", {}))
    return Engine(Address(on.url, on.cert_path, ssh_options=tuple(on.ssh_options))).client()


def _container(engine: docker.DockerClient, token: str, part: str) -> Any | None:
    labels = [f"throughline.token={token}", f"throughline.part={part}"]
    return next(iter(engine.containers.list(all=True, filters={"label": labels})), None)


def _state(state: dict[str, Any]) -> str:
    """RUNNING only for a container whose health check succeeds."""
    health = state.get("Health", {}).get("Status", "healthy")
    return str(state["Status"] if not state["Running"] or health == "healthy" else health).upper()


def _age_s(started: str) -> float:
    # Docker writes nanoseconds, of which datetime reads six digits.
    moment = datetime.fromisoformat(started.partition(".")[0].rstrip("Z")).replace(tzinfo=UTC)
    return round((datetime.now(UTC) - moment).total_seconds(), 1)


def _memory_mb(engine: docker.DockerClient, container: str) -> float:
    """Without the page cache, as `docker stats` counts it."""
    with contextlib.suppress(NotFound):
        told = engine.api.stats(container, stream=False, one_shot=True)["memory_stats"]
        cache = told.get("stats", {}).get("inactive_file", told.get("stats", {}).get("total_inactive_file", 0))
        return float(round((told.get("usage", 0) - cache) / 2**20, 1))
    return 0.0
