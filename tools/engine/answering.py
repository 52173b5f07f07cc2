"""Whether a Docker engine answers, asked with Docker's own command, which knows DOCKER_HOST and its contexts."""

import os
import shutil
import subprocess
from dataclasses import dataclass

PATIENCE_S = 20
"""How long an engine may take to answer: a remote one is reached over ssh."""


@dataclass(frozen=True)
class Answer:
    """What an engine said: its version, or the reason why there is none."""

    version: str = ""
    reason: str = ""

    @property
    def denied(self) -> bool:
        """Whether there is an engine whose socket this user may not open."""
        return "permission denied" in self.reason.lower()


def where() -> str:
    """The engine that is meant, for a reader."""
    return os.environ.get("DOCKER_HOST") or "the default socket"


def ask(host: str = "") -> Answer:
    """The engine's answer; `host` (a Docker URL) stands for DOCKER_HOST or the default."""
    docker = shutil.which("docker")
    if docker is None:
        return Answer(reason="there is no `docker` on PATH")
    try:
        told = subprocess.run(
            [docker, *(["--host", host] if host else []), "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return Answer(reason=f"it said nothing for {PATIENCE_S} s")
    if told.returncode == 0:
        return Answer(version=told.stdout.strip())
    return Answer(reason=told.stderr.strip() or told.stdout.strip())
