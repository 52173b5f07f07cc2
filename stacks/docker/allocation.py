"""What a Docker stack is given once: a token for its names, ports, passwords, and its Kafka cluster's id."""

import secrets
from collections.abc import Mapping

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from stacks.allocation import asked, new_passwords, ports
from stacks.dynamic import Props, Provider
from stacks.kafka_settings import cluster_id


class Allocation(Resource, module="docker", name="Allocation"):
    """Outputs: token (in every name, so that stacks of one name never meet), ports, passwords, cluster_id."""

    token: pulumi.Output[str]
    ports: pulumi.Output[dict[str, str]]
    passwords: pulumi.Output[dict[str, str]]
    cluster_id: pulumi.Output[str]

    def __init__(self, name: str, *, asked_ports: Mapping[str, int | None]) -> None:
        made = dict.fromkeys(("token", "ports", "passwords", "cluster_id"))
        options = pulumi.ResourceOptions(additional_secret_outputs=["passwords"])
        super().__init__(AllocationProvider(), name, {**asked(asked_ports), **made}, options)


class AllocationProvider(Provider):
    """Everything is in the state, and nowhere else."""

    inputs = ("asked_ports", "port_names")

    def create(self, props: Props) -> CreateResult:
        """Free ports, new passwords."""
        token = secrets.token_hex(4)
        made = {"ports": ports(props, kept={}), "passwords": new_passwords(), "cluster_id": cluster_id()}
        return CreateResult(token, {**props, "token": token, **made})

    def read(self, id_: str, props: Props) -> ReadResult:
        """As the state has it."""
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Ports that the config gives are taken, the others kept."""
        same = {key: _olds[key] for key in ("token", "passwords", "cluster_id")}
        return UpdateResult({**_news, **same, "ports": ports(_news, kept=_olds)})

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing is left to take away."""
