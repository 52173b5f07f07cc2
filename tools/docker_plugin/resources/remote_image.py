"""`docker:index/remoteImage:RemoteImage`: an image that the engine has, or else pulls, by its name with tag or digest.

The engine's answer to a name may change, when an image is built or pulled anew: then reading finds another `imageId`,
and the containers that were given that follow.
"""

from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.arguments import RemoteImageArguments
from tools.docker_plugin.engine import FAILURES
from tools.docker_plugin.resources.kind import Kind, Standing, Work, facts_stay
from tools.docker_plugin.values import Props


def _create(work: Work, args: RemoteImageArguments) -> tuple[str, Props]:
    client = work.engine.client()
    try:
        image = _found(client, args.name) or _pulled(client, args.name)
    except FAILURES as error:
        raise work.engine.explained(error, f"look for the image {args.name}") from error
    # The official plugin's id, so that a state may change hands.
    return f"{image.id}{args.name}", _facts(image, args)


def _found(client: docker.DockerClient, name: str) -> Image | None:
    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _pulled(client: docker.DockerClient, name: str) -> Image:
    if name.startswith("sha256:"):
        raise _missing(name, "an image that is named by its id alone cannot be pulled")
    repository, tag = docker.utils.parse_repository_tag(name)
    reason = "its registry has nothing of that name"
    try:
        for message in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
            reason = message.get("error", reason)
    except APIError as error:
        raise _missing(name, str(error.explanation or error)) from error
    image = _found(client, name)
    if image is None:
        raise _missing(name, reason)
    return image


def _missing(name: str, reason: str) -> UserError:
    digest = " A digest that does not match is told in the same way: see that it is the image's." if "@" in name else ""
    return UserError(
        f"The image {name} is not on the Docker engine and could not be pulled: {reason.strip().rstrip('.')}.{digest} "
        "Name another image in the stack's config, log in to its registry (`docker login`), or build the images from "
        "the package registries by `make images`; then run `up` again."
    )


def _facts(image: Image, args: RemoteImageArguments) -> Props:
    repository, _ = docker.utils.parse_repository_tag(args.name.partition("@")[0])
    digests = image.attrs.get("RepoDigests") or []
    ours = [digest for digest in digests if digest.partition("@")[0].endswith(repository)]
    return {"imageId": image.id, "repoDigest": (ours or digests or [""])[0]}


def _read(work: Work, _id: str, args: RemoteImageArguments) -> Standing | None:
    image = _found(work.engine.client(), args.name)
    return Standing(_facts(image, args), {}) if image else None


def _update(work: Work, _id: str, _old: RemoteImageArguments, new: RemoteImageArguments) -> Props:
    image = _found(work.engine.client(), new.name)
    if image is None:
        raise UserError(f"The image {new.name} has gone from the Docker engine meanwhile; run `up` again, to pull it.")
    return _facts(image, new)


def _delete(work: Work, _id: str, args: RemoteImageArguments) -> None:
    if args.keep_locally:
        return
    try:
        work.engine.client().images.remove(args.name)
    except ImageNotFound:
        return
    except FAILURES as error:
        raise work.engine.explained(error, f"remove the image {args.name}") from error


def _replaces(argument: str, _old: Any, _new: Any) -> bool:
    return argument != "keepLocally"


REMOTE_IMAGE = Kind(
    name="RemoteImage",
    arguments=RemoteImageArguments,
    replaces=_replaces,
    autonamed=False,  # its name says which image
    # Images of different names do not stand in each other's way, and deleting first would take the containers along.
    deleted_before_replaced=False,
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    computed=("imageId", "repoDigest"),
    foreseen=facts_stay,
)
