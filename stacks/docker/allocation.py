"""What a Docker stack is given once: a token for its names, ports, passwords, its Kafka cluster's id, and its engine.

Whether a port is free on another machine cannot be asked from here: one is chosen, and the engine tells if it is taken.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK, asked, new_passwords, ports
from stacks.docker.engine import EngineAddress, address_of, host_of
from stacks.dynamic import Props, Provider
from stacks.kafka_settings import cluster_id


class Allocation(Resource, module="docker", name="Allocation"):
    """Outputs: token (in every name, so that stacks of one name never meet), ports, passwords, cluster_id, host (the
    engine's machine, as clients reach it) and bind (its address at which ports are published)."""

    token: pulumi.Output[str]
    ports: pulumi.Output[dict[str, str]]
    passwords: pulumi.Output[dict[str, str]]
    cluster_id: pulumi.Output[str]
    host: pulumi.Output[str]
    bind: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        asked_ports: Mapping[str, int | None],
        engine: EngineAddress,
        bind: str,
    ) -> None:
        given = {"engine": asdict(engine), "asked_bind": bind}
        made = dict.fromkeys(("token", "ports", "passwords", "cluster_id", "host", "bind"))
        options = pulumi.ResourceOptions(additional_secret_outputs=["passwords"])
        super().__init__(AllocationProvider(), name, {**asked(asked_ports), **given, **made}, options)


class AllocationProvider(Provider):
    """Everything is in the state, and nowhere else."""

    inputs = ("asked_ports", "port_names", "engine", "asked_bind")

    def diff(self, _id: str, _olds: Props, _news: Props) -> DiffResult:
        """Refuses, before anything is touched, servers more or less where those that stand could not bear it."""
        _require_bearable(_olds["port_names"], _news["port_names"])
        return super().diff(_id, _olds, _news)

    def create(self, props: Props) -> CreateResult:
        """Free ports, new passwords; `UserError` if the engine's machine has no address."""
        engine = _engine(props)
        token, host = secrets.token_hex(4), host_of(engine)
        made = {
            "ports": ports(props, kept={}, probed=not engine.remote),
            "passwords": new_passwords(),
            "cluster_id": cluster_id(),
            "host": host,
            "bind": props["asked_bind"] or _bind(engine, host),
        }
        return CreateResult(token, {**props, "token": token, **made})

    def read(self, id_: str, props: Props) -> ReadResult:
        """As the state has it."""
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Ports that the config gives are taken, the others kept; `UserError` if it names another engine."""
        before, after = _engine(_olds), _engine(_news)
        if before.url != after.url:
            was, is_ = (engine.url or "this machine's own" for engine in (before, after))
            raise UserError(
                f"The stack stands on the Docker engine {was}, and now its config or DOCKER_HOST names {is_}: what "
                "stands would be lost sight of. Name the former one again, or take the stack away first (`throughline "
                "down`), or give the other engine a stack of its own."
            )
        same = {key: _olds[key] for key in ("token", "passwords", "cluster_id", "host")}
        bind = _news["asked_bind"] or (_bind(after, same["host"]) if _olds["asked_bind"] else _olds["bind"])
        found = ports(_news, kept=_olds, probed=not after.remote)
        return UpdateResult({**_news, **same, "ports": found, "bind": bind})

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


def _engine(props: Props) -> EngineAddress:
    told = props["engine"]
    return EngineAddress(told["url"], told["cert_path"], tuple(told["ssh_options"]))


def _bind(engine: EngineAddress, host: str) -> str:
    return address_of(host) if engine.remote else LOOPBACK
