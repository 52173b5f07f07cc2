"""`docker:index/network:Network`: any change needs another one, since the engine cannot change a network.

One that stands already is taken over if it has just the labels that are asked for and no container is in it: it was
left by an `up` that was killed. Any other one of the name is somebody else's.
"""

from docker.errors import NotFound
from docker.models.networks import Network

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.arguments import NetworkArguments, as_dict
from tools.docker_plugin.engine import FAILURES
from tools.docker_plugin.resources.drift import changed_labels
from tools.docker_plugin.resources.kind import Kind, Standing, Work, facts_stay, needs_another, never_in_place
from tools.docker_plugin.values import Props


def _create(work: Work, args: NetworkArguments) -> tuple[str, Props]:
    networks = work.engine.client().networks
    try:
        for found in networks.list(names=[args.name], greedy=True):
            if found.name == args.name:
                return _taken_over(found, args)
        made = networks.create(args.name, driver=args.driver, labels=as_dict(args.labels), check_duplicate=True)
        made.reload()
    except FAILURES as error:
        raise work.engine.explained(error, f"create the network {args.name}") from error
    return str(made.id), _facts(made)


def _taken_over(found: Network, args: NetworkArguments) -> tuple[str, Props]:
    ours = args.labels and found.attrs["Labels"] == as_dict(args.labels) and found.attrs["Driver"] == args.driver
    if not ours or found.attrs["Containers"]:
        whose = "is in use" if ours else "has other labels, so this stack did not make it"
        raise UserError(
            f"A network named {args.name} is there already and {whose}. Remove it (`docker network rm {args.name}`) if "
            "nobody needs it, and run `up` again; or give this stack another name."
        )
    return str(found.id), _facts(found)


def _facts(network: Network) -> Props:
    return {"scope": network.attrs["Scope"]}


def _read(work: Work, id_: str, args: NetworkArguments) -> Standing | None:
    try:
        found = work.engine.client().networks.get(id_)
    except NotFound:
        return None
    return Standing(_facts(found), changed_labels(args.labels, found.attrs["Labels"]))


def _delete(work: Work, id_: str, args: NetworkArguments) -> None:
    try:
        work.engine.client().networks.get(id_).remove()
    except NotFound:
        return
    except FAILURES as error:
        raise work.engine.explained(error, f"remove the network {args.name}") from error


NETWORK = Kind(
    name="Network",
    arguments=NetworkArguments,
    replaces=needs_another,
    deleted_before_replaced=True,
    create=_create,
    read=_read,
    update=never_in_place,
    delete=_delete,
    computed=("scope",),
    foreseen=facts_stay,
)
