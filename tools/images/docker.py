"""What is asked of the Docker engine, by Docker's own command: it knows DOCKER_HOST, contexts, and certificates."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline_lib.model.errors import UserError
from tools.engine.answering import ask, where
from tools.setup.command import run

INPUTS_LABEL = "throughline.inputs"
"""The label with the digest of what an image was made from."""

PROXY_SETTINGS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""This machine's way to the registries, which a build takes over where it is set; no image keeps them."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def require_engine() -> None:
    """A `UserError` unless an engine answers."""
    answer = ask()
    if not answer.version:
        raise UserError(
            f"The Docker engine ({where()}) does not answer: {answer.reason}. Start it, or let DOCKER_HOST name "
            "another; as root on Debian `python -m tools.engine up` brings one up."
        )


def image_id(reference: str) -> str | None:
    """The id of an image that the engine has."""
    found = _inspect(reference)
    return str(found["Id"]) if found else None


def inputs_of(tag: str) -> str | None:
    """The digest of what an image was made from, by its label; None if there is no such image or label."""
    found = _inspect(tag)
    return ((found["Config"] or {}).get("Labels") or {}).get(INPUTS_LABEL) if found else None


def _inspect(reference: str) -> dict[str, Any] | None:
    told = subprocess.run(["docker", "image", "inspect", reference], capture_output=True, text=True)
    if told.returncode != 0:
        return None
    images: list[dict[str, Any]] = json.loads(told.stdout)
    return images[0]


def build(tag: str, context: Path, parent: str, inputs: str, on_line: Callable[[str], None]) -> None:
    """Builds an image from a tar archive that holds its Dockerfile and what that copies."""
    proxies = [f"--build-arg={name}" for name in PROXY_SETTINGS if os.environ.get(name)]
    with context.open("rb") as archive:
        run(
            [
                *("docker", "build", "--force-rm", f"--tag={tag}", f"--build-arg=PARENT={parent}", *proxies),
                *(f"--label={INPUTS_LABEL}={inputs}", "--network=host", "-"),
            ],
            # The builder that every engine has; the other is a plugin that may be missing.
            env={**os.environ, "DOCKER_BUILDKIT": "0"},
            stdin=archive,
            on_line=lambda line: on_line(_COLOUR.sub("", line)),
            failure=f"The image {tag} could not be built; the engine's last words are below. If they name a package or "
            "a host that could not be reached, see to the way there (a proxy is taken over from HTTP_PROXY); then run "
            "`make images` again: the images that were built are kept.",
        )


def import_root(tag: str, root: Path, changes: Sequence[str]) -> None:
    """Makes an image of one layer from a tar archive of a root file system; `changes` are lines as in a Dockerfile."""
    with root.open("rb") as archive:
        run(
            ["docker", "import", *(f"--change={change}" for change in changes), "-", tag],
            stdin=archive,
            failure=f"The engine did not take {tag}; its last words are below. Often its disk is full (`docker system "
            "df`). Then run `make images` again.",
        )


def load(archive: Path) -> str:
    """Loads an archive that `docker save` made; the reference of the image that was in it, an id or a name."""
    loaded: list[str] = []
    with archive.open("rb") as content:
        run(
            ["docker", "load", "--quiet"],
            stdin=content,
            on_line=loaded.append,
            failure="The engine did not take the image archive; its last words are below. Often its disk is full "
            "(`docker system df`).",
        )
    return loaded[-1].split(": ", 1)[-1].strip()


def tag_as(reference: str, tag: str) -> None:
    """Gives an image that the engine has another name."""
    run(["docker", "tag", reference, tag], failure=f"The engine did not give {reference} the name {tag}.")


def untag(tag: str) -> None:
    """Takes a name away from an image that has another one."""
    run(["docker", "image", "rm", tag], failure=f"The engine did not give up the name {tag}.")


def forget_replaced() -> None:
    """Removes images of ours that have lost their name to a newer one, unless a container still stands on them."""
    run(
        ["docker", "image", "prune", "--force", f"--filter=label={INPUTS_LABEL}"],
        failure="The engine could not remove the images that were replaced.",
    )
