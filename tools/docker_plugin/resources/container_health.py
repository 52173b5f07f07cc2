"""Waiting for a container that was started: until it runs, or, with `wait`, until its own health check says healthy.

Waiting ends at once when it cannot help any more: the container has exited (the engine may be starting it again, but
what failed was told), its health check has failed as often as it may, or Pulumi has called everything off.
"""

from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError
from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_exponential,
)

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.arguments import ContainerArguments
from tools.docker_plugin.resources.kind import Work
from tools.docker_plugin.values import hidden

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25
LAST_LINES = 15
RUNNING, UNHEALTHY, HEALTHY = "running", "unhealthy", "healthy"


@dataclass(frozen=True)
class State:
    """A container as the engine sees it; `health` is empty if it has no health check."""

    status: str
    exit_code: int
    out_of_memory: bool
    restarts: int
    health: str
    last_check: str


def look(client: docker.DockerClient, container_id: str) -> State:
    """The container's state now."""
    found = client.api.inspect_container(container_id)
    state: dict[str, Any] = found["State"]
    health = state.get("Health") or {}
    checks = health.get("Log") or [{}]
    return State(
        status=state["Status"],
        exit_code=state["ExitCode"],
        out_of_memory=state["OOMKilled"],
        restarts=found["RestartCount"],
        health=health.get("Status", "").replace("none", ""),
        last_check=checks[-1].get("Output", "").strip(),
    )


def await_ready(work: Work, container_id: str, args: ContainerArguments, restarts: int = 0) -> None:
    """Returns when the container is as it should be; `restarts` is how often the engine had restarted it before.

    A `UserError` says why it never will be, or that `wait_timeout` is over, with the container's last lines.
    """
    client = work.engine.client()
    looks = Retrying(
        retry=retry_if_result(lambda ready: not ready),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        stop=stop_any(stop_after_delay(args.wait_timeout), stop_when_event_set(work.cancelled)),
        sleep=sleep_using_event(work.cancelled),
    )
    try:
        looks(lambda: _is_ready(work, container_id, args, restarts))
    except RetryError:
        if work.cancelled.is_set():
            raise UserError(f"The wait for the container {args.name} was called off.") from None
        last = look(client, container_id)
        check = f", and its last health check said: {last.last_check}" if last.last_check else ""
        raise _failure(work, container_id, args, f"was not healthy within {args.wait_timeout} s{check}") from None


def _is_ready(work: Work, container_id: str, args: ContainerArguments, restarts: int) -> bool:
    state = look(work.engine.client(), container_id)
    if state.out_of_memory and state.status != RUNNING:
        memory = f" of {args.memory} MB" if args.memory else ""
        raise _failure(work, container_id, args, f"was killed for want of memory: it needs more than its limit{memory}")
    if state.status != RUNNING:
        if not args.must_run and not args.wait:
            return True
        raise _failure(work, container_id, args, f"exited with status {state.exit_code}")
    if state.restarts > restarts:
        raise _failure(work, container_id, args, "exited, and the engine had to start it again")
    if not args.wait:
        return True
    if not state.health:
        raise _failure(work, container_id, args, "has no health check to wait for, nor has its image")
    if state.health == UNHEALTHY:
        said = f", which last said: {state.last_check}" if state.last_check else ""
        raise _failure(work, container_id, args, f"is unhealthy by its own health check{said}")
    return state.health == HEALTHY


def _failure(work: Work, container_id: str, args: ContainerArguments, why: str) -> UserError:
    lines = _last_lines(work, container_id)
    if "no space left on device" in lines.lower():
        why = f"{why.rstrip('.')}, for want of space: the disk that its data are on is full. Make room there"
    evidence = f"Its last lines:\n{lines}" if lines else "It has logged nothing."
    return UserError(
        hidden(f"The container {args.name} (image {args.image}) {why.rstrip('.')}.", work.inputs),
        hidden(evidence, work.inputs),
    )


def _last_lines(work: Work, container_id: str) -> str:
    try:
        logged = work.engine.client().api.logs(container_id, tail=LAST_LINES)
    except APIError as error:
        return f"(they cannot be read: {error.explanation})"
    return logged.decode(errors="replace").strip()
