"""What several servers hold together: data that are lost only with enough of the volumes that they are in.

A server that has lost its volume gets everything again from the others. So what lives in such data (a topic, a consumer
group's offsets, the replicas' common tables) must not follow the volume of one server, but this identity.
"""

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from stacks.dynamic import Props, Provider


class Store(Resource, module="docker", name="Store"):
    """`identity` changes when fewer than `needed` of the `volumes` are left; it is that of data in the first one alone
    if one is enough, so that servers can be added to one that stands."""

    identity: pulumi.Output[str]

    def __init__(self, name: str, *, volumes: list[pulumi.Output[str]], needed: int) -> None:
        super().__init__(StoreProvider(), name, {"volumes": volumes, "needed": str(needed), "identity": None})


class StoreProvider(Provider):
    """Everything is in the state, and nowhere else."""

    inputs = ("volumes", "needed")

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Replaced if too few volumes are left."""
        result = super().diff(_id, _olds, _news)
        if len(set(_olds["volumes"]) & set(_news["volumes"])) < int(_news["needed"]):
            result.replaces = ["volumes"]
        return result

    def create(self, props: Props) -> CreateResult:
        """Names the data after the volumes that they begin in."""
        begun_in = props["volumes"][:1] if int(props["needed"]) == 1 else props["volumes"]
        identity = "+".join(begun_in)
        return CreateResult(identity, {**props, "identity": identity})

    def read(self, id_: str, props: Props) -> ReadResult:
        """As the state has it."""
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """The data are the same, in volumes some of which are new."""
        return UpdateResult({**_news, "identity": _olds["identity"]})

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing is left to take away."""
