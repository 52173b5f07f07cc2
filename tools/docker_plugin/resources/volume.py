"""`docker:index/volume:Volume`: any change needs another one, since the engine cannot change a volume.

To the engine, creating one that stands already means to use it, whoever made it. Here that is done only for one that
has just the labels that are asked for and that no container uses: it was left by an `up` that was killed.
"""

from docker.errors import NotFound
from docker.models.volumes import Volume

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.arguments import VolumeArguments, as_dict
from tools.docker_plugin.engine import FAILURES
from tools.docker_plugin.resources.drift import changed_labels
from tools.docker_plugin.resources.kind import Kind, Standing, Work, facts_stay, needs_another, never_in_place
from tools.docker_plugin.values import Props


def _create(work: Work, args: VolumeArguments) -> tuple[str, Props]:
    client = work.engine.client()
    try:
        for found in client.volumes.list(filters={"name": args.name}):
            if found.name == args.name:
                users = client.containers.list(all=True, filters={"volume": args.name})
                return _taken_over(found, args, [str(user.name) for user in users])
        made = client.volumes.create(args.name, labels=as_dict(args.labels))
    except FAILURES as error:
        raise work.engine.explained(error, f"create the volume {args.name}") from error
    return args.name, _facts(made)


def _taken_over(found: Volume, args: VolumeArguments, users: list[str]) -> tuple[str, Props]:
    ours = args.labels and found.attrs["Labels"] == as_dict(args.labels)
    if not ours or users:
        whose = f"is in use by {', '.join(users)}" if users else "has other labels, so this stack did not make it"
        raise UserError(
            f"A volume named {args.name} is there already and {whose}. Remove it (`docker volume rm {args.name}`) if "
            "nobody needs its data, and run `up` again; or give this stack another name."
        )
    return args.name, _facts(found)


def _facts(volume: Volume) -> Props:
    return {"driver": volume.attrs["Driver"], "mountpoint": volume.attrs["Mountpoint"]}


def _read(work: Work, id_: str, args: VolumeArguments) -> Standing | None:
    try:
        found = work.engine.client().volumes.get(id_)
    except NotFound:
        return None
    return Standing(_facts(found), changed_labels(args.labels, found.attrs["Labels"]))


def _delete(work: Work, id_: str, args: VolumeArguments) -> None:
    try:
        work.engine.client().volumes.get(id_).remove()
    except NotFound:
        return
    except FAILURES as error:
        raise work.engine.explained(error, f"remove the volume {args.name}") from error


VOLUME = Kind(
    name="Volume",
    arguments=VolumeArguments,
    replaces=needs_another,
    deleted_before_replaced=True,
    create=_create,
    read=_read,
    update=never_in_place,
    delete=_delete,
    computed=("driver", "mountpoint"),
    foreseen=facts_stay,
)
