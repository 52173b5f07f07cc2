"""What may be done to a stack's parts beside using them: each ability is a function here, which a backend may grant.

A feature that needs an ability says so by a tag, `@needs_kill`, and is skipped on a stack that does not grant it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_lib.model.errors import UserError
from stacks.status import PARTS, in_order, system_of

GRANTED: Mapping[str, tuple[str, ...]] = {"embedded": ("kill",), "docker": ("kill",), "external": ()}
"""By backend."""


def require_part(part: str, outputs: Mapping[str, Any] | None = None) -> None:
    """Raises UserError if a stack of these outputs has no such part; without them, if no stack can have it."""
    parts = in_order({*PARTS, *(outputs or {}).get("parts", {})})
    if part not in parts and (outputs is not None or system_of(part) not in (*PARTS, "keeper")):
        raise UserError(f"There is no part '{part}': the parts are {', '.join(parts)}.")


def kill(stack: str, outputs: Mapping[str, Any], part: str) -> None:
    """Ends the part's process at once (SIGKILL); whoever supervises it starts it again. Raises UserError."""
    backend = outputs.get("backend", "")
    if "kill" not in GRANTED.get(backend, ()):
        raise UserError(
            f"The stack '{stack}' is {backend or 'not up'}, and its {part} is not ours to kill: only parts of a stack "
            f"on {' or '.join(name for name, granted in GRANTED.items() if 'kill' in granted)} are."
        )
    if backend == "docker":
        from stacks.docker.status import kill as kill_container

        kill_container(outputs, part)
        return
    from stacks.embedded.supervision import Supervisor

    Supervisor(Path(outputs.get("folder", ""))).kill(part)
