"""What a Docker stack is given once: a token for its names, ports, passwords, and its Kafka cluster's id."""

import secrets
from collections.abc import Iterable, Mapping

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.errors import UserError
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

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Refuses, before anything is touched, servers more or less where those that stand could not bear it."""
        _require_bearable(_olds["port_names"], _news["port_names"])
        return super().diff(_id, _olds, _news)

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


def _require_bearable(olds: Iterable[str], news: Iterable[str]) -> None:
    """The servers of a system are told by their ports: `kafka`, `kafka-2`, …"""

    def numbers_of(system: str) -> tuple[int, int]:
        had, wanted = (sum(name.partition("-")[0] == system for name in names) for names in (olds, news))
        return had, wanted

    had, wanted = numbers_of("kafka")
    if had != wanted:
        raise UserError(
            f"The stack stands with {had} of `kafka.brokers` and its config asks for {wanted}: brokers know each other "
            f"from the start, and their number cannot change. Set `kafka.brokers` to {had}, or start anew with "
            "`throughline down`."
        )
    had, wanted = numbers_of("clickhouse")
    if wanted < had:
        raise UserError(
            f"The stack stands with {had} of `clickhouse.replicas` and its config asks for {wanted}: replicas can be "
            f"added and not taken away, for one may hold rows that no other has yet. Set `clickhouse.replicas` to "
            f"{had} or more, or start anew with `throughline down`."
        )
