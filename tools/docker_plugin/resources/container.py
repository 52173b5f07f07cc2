"""`docker:index/container:Container`: created, given its files, started, waited for; what fails on the way is undone.

In place changes what the engine can change in a standing container (its limits, when it is started again, that it runs)
and what is this plugin's affair alone (whether and how long to wait, how long stopping may take). A stopped container
that must run is mended by starting it: it keeps its id and its files. Everything else makes another container.
"""

from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.arguments import ContainerArguments, as_dict
from tools.docker_plugin.engine import FAILURES, taken_port
from tools.docker_plugin.resources import container_settings
from tools.docker_plugin.resources.container_facts import COMPUTED, drift, facts, foreseen, runs
from tools.docker_plugin.resources.container_health import await_ready
from tools.docker_plugin.resources.kind import Kind, Standing, Work
from tools.docker_plugin.values import Props, hidden, sealed

OWN_AFFAIRS = {"wait", "waitTimeout", "destroyGraceSeconds", "mustRun"}
LIMITS = {"restart", "maxRetryCount", "memory", "memorySwap"}

REMOVED = "It was removed again; mend what is named and run `up` again."
LEFT = "It was left as it is; mend what is named and run `up` again."


def _replaces(argument: str, _old: Any, new: Any) -> bool:
    # The engine can change a limit of memory, but not take it away.
    return argument not in OWN_AFFAIRS | LIMITS or (argument == "memory" and new is None)


def _create(work: Work, args: ContainerArguments) -> tuple[str, Props]:
    client = work.engine.client()
    try:
        _make_way(client, args)
        container_id = container_settings.create(client, args)
    except FAILURES as error:
        raise _explained(work, error, args, "create") from error
    try:
        if args.uploads:
            client.api.put_archive(container_id, "/", container_settings.archive(args.uploads))
        return container_id, _started(work, container_id, args)
    except Exception as error:
        undone = _undone(work, container_id)
        if not isinstance(error, UserError | DockerException | RequestException | OSError):
            raise
        reason = error if isinstance(error, UserError) else _explained(work, error, args, "start")
        raise UserError(f"{reason.paragraph} {undone}", reason.evidence) from error


def _make_way(client: docker.DockerClient, args: ContainerArguments) -> None:
    """Removes a stopped container of the name with just the labels that are wanted: a killed `up` has left it."""
    try:
        found = client.containers.get(args.name)
    except NotFound:
        return
    if found.name != args.name:  # the engine also takes the beginning of an id for a name
        return
    ours = bool(args.labels) and as_dict(args.labels).items() <= found.labels.items()
    if not ours or found.status == "running":
        whose = "it is running" if ours else "it has other labels, so this stack did not make it"
        raise UserError(
            f"A container named {args.name} is there already, and {whose}. Remove it (`docker rm -f {args.name}`) if "
            "nobody needs it, and run `up` again; or give this stack another name."
        )
    found.remove(force=True, v=True)


def _started(work: Work, container_id: str, args: ContainerArguments) -> Props:
    api = work.engine.client().api
    before = api.inspect_container(container_id)
    if before["State"]["Paused"]:
        api.unpause(container_id)
    elif not before["State"]["Running"]:
        api.start(container_id)
    await_ready(work, container_id, args, before["RestartCount"])
    return facts(api.inspect_container(container_id), args)


def _undone(work: Work, container_id: str) -> str:
    """Removes what was created; a sentence that says so."""
    try:
        work.engine.client().api.remove_container(container_id, force=True, v=True)
    except NotFound:
        return REMOVED
    except FAILURES as error:
        return f"It could not be removed again ({error}): `docker rm -f -v {container_id[:12]}` does it."
    return REMOVED


def _read(work: Work, id_: str, args: ContainerArguments) -> Standing | None:
    client = work.engine.client()
    try:
        found = client.api.inspect_container(id_)
    except NotFound:
        return None
    return Standing(facts(found, args), drift(client, found, args))


def _update(work: Work, id_: str, old: ContainerArguments, new: ContainerArguments) -> Props:
    client = work.engine.client()
    try:
        if container_settings.limits(old) != container_settings.limits(new):
            client.api.update_container(id_, **container_settings.limits(new))
        if new.must_run and not runs(client.api.inspect_container(id_)):
            return _started(work, id_, new)
        return facts(client.api.inspect_container(id_), new)
    except (UserError, *FAILURES) as error:
        reason = error if isinstance(error, UserError) else _explained(work, error, new, "change or start")
        raise UserError(f"{reason.paragraph} {LEFT}", reason.evidence) from error


def _delete(work: Work, id_: str, args: ContainerArguments) -> None:
    api = work.engine.client().api
    grace = args.stop_timeout if args.destroy_grace_seconds is None else args.destroy_grace_seconds
    try:
        api.stop(id_, timeout=grace)
        api.remove_container(id_, force=True, v=True)
    except NotFound:
        return
    except FAILURES as error:
        raise work.engine.explained(error, f"stop and remove the container {args.name}") from error


def _explained(work: Work, error: Exception, args: ContainerArguments, doing: str) -> UserError:
    if isinstance(error, ImageNotFound):
        return UserError(
            f"The image {args.image} of the container {args.name} is not on the Docker engine. Build it (`make "
            "images`) or pull it (`docker pull`), or name another one in the stack's config."
        )
    if port := taken_port(error):
        return UserError(
            f"The container {args.name} could not be started: {port} on the Docker engine's machine is taken by "
            "another process or container. Stop that (`docker ps`, `ss -ltnp`), or choose another port in the stack's "
            "config."
        )
    explained = work.engine.explained(error, f"{doing} the container {args.name}")
    if isinstance(error, APIError):
        return UserError(hidden(explained.paragraph, work.inputs))
    return explained


def _sealed(inputs: Props) -> Props:
    """Environment and files are secrets, whether the program says so or not: they often hold one somewhere."""
    envs, uploads = inputs.get("envs"), inputs.get("uploads")
    if isinstance(envs, list):
        inputs = {**inputs, "envs": [sealed(env) for env in envs]}
    if isinstance(uploads, list):
        inputs = {**inputs, "uploads": [_sealed_upload(upload) for upload in uploads]}
    return inputs


def _sealed_upload(upload: Any) -> Any:
    return {**upload, "content": sealed(upload["content"])} if isinstance(upload, dict) else upload


CONTAINER = Kind(
    name="Container",
    arguments=ContainerArguments,
    replaces=_replaces,
    deleted_before_replaced=True,
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    computed=COMPUTED,
    foreseen=foreseen,
    sealed=_sealed,
)
