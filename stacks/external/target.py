"""A system that runs elsewhere, as a Pulumi resource: making it is to ask whether it answers, and for its identity.

The identity is the system's own (PostgreSQL's system identifier, Kafka's cluster id, ClickHouse's server UUID), so that
what the pipeline put into a system follows when another one answers in its place.
"""

import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import clickhouse_connect
import psycopg
import pulumi
import urllib3
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib.hops.tail import reason_of
from pipeline_lib.model.endpoints import KafkaEndpoint, KafkaSecurity, postgres_uri
from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, Provider
from stacks.pipeline.names import CONNECTOR, DATABASE, TOPIC

TIMEOUT_S = 10
_ROLES = ("postgres_owner", "postgres_replication", "postgres_application")


class Target(Resource, module="external", name="Target"):
    """One of the four systems; `has_pipeline` if what the features need has to be there already."""

    identity: pulumi.Output[str]

    def __init__(self, part: str, *, entry: Mapping[str, pulumi.Input[Any]], has_pipeline: bool) -> None:
        inputs = {"part": part, "entry": entry, "has_pipeline": str(has_pipeline), "identity": None}
        super().__init__(TargetProvider(), part, inputs, pulumi.ResourceOptions(retain_on_delete=True))


class TargetProvider(Provider):
    """Makes nothing and takes nothing away."""

    inputs = ("part", "entry", "has_pipeline")

    def create(self, props: Props) -> CreateResult:
        """Returns when the system has answered; raises UserError if it does not."""
        return CreateResult(props["part"], {**props, "identity": _identity(props)})

    def read(self, id_: str, props: Props) -> ReadResult:
        """Gone if it does not answer: `up` then tells why, and `down` needs it for nothing."""
        try:
            return ReadResult(id_, {**props, "identity": _identity(props)})
        except UserError:
            return ReadResult("", {})

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Asks at the new address."""
        return UpdateResult({**_news, "identity": _identity(_news)})

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing: it is not ours."""


class RolePasswords(Resource, module="external", name="RolePasswords"):
    """Passwords for the roles that the pipeline makes in PostgreSQL, kept for the life of the stack."""

    passwords: pulumi.Output[dict[str, str]]

    def __init__(self, name: str) -> None:
        options = pulumi.ResourceOptions(additional_secret_outputs=["passwords"])
        super().__init__(RolePasswordsProvider(), name, {"passwords": None}, options)


class RolePasswordsProvider(Provider):
    """They are in the state, and nowhere else."""

    def create(self, props: Props) -> CreateResult:
        """New ones."""
        return CreateResult("roles", {**props, "passwords": {name: secrets.token_urlsafe(24) for name in _ROLES}})

    def read(self, id_: str, props: Props) -> ReadResult:
        """As the state has them."""
        return ReadResult(id_, props)


def _identity(props: Props) -> str:
    return _ASK[props["part"]](props["entry"], props["has_pipeline"] == "True")


def _postgres(entry: Props, has_pipeline: bool) -> str:
    where = f"{entry['host']}:{entry['port']}"
    uri = postgres_uri(
        entry["user"], entry["password"], where, DATABASE if has_pipeline else "postgres", **entry["access"]
    )
    try:
        with psycopg.connect(uri, connect_timeout=TIMEOUT_S) as connection:
            row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except psycopg.Error as refused:
        raise _refusal(f"PostgreSQL at {where} does not let '{entry['user']}' in", refused, "postgres") from None
    return str(row[0]) if row else where


def _kafka(entry: Props, has_pipeline: bool) -> str:
    where, troubles = entry["bootstrap"], list[KafkaError]()
    security = KafkaSecurity.model_validate(entry["access"]) if entry["access"] else None
    endpoint = KafkaEndpoint(bootstrap=where, topic=TOPIC, security=security)
    admin = None
    try:
        settings = {
            **endpoint.client_settings(),
            "log_level": 0,
            "error_cb": troubles.append,
        }
        admin = AdminClient(settings)
        known = admin.list_topics(timeout=TIMEOUT_S)
    except KafkaException as refused:
        if admin is not None:
            admin.poll(0)  # lets the library tell why it could not connect
        raise _refusal(f"Kafka at {where} does not answer", reason_of(refused, troubles), "kafka") from None
    if has_pipeline and TOPIC not in known.topics:
        raise _no_pipeline(f"Kafka at {where} has no topic {TOPIC}")
    return str(known.cluster_id)


def _connect(entry: Props, has_pipeline: bool) -> str:
    where, access = entry["url"], entry["access"]
    headers = urllib3.make_headers(basic_auth=f"{access['user']}:{access['password']}") if "user" in access else None
    path = f"/connectors/{CONNECTOR}/status" if has_pipeline else "/connectors"
    with urllib3.PoolManager(headers=headers, ca_certs=access.get("ca_file")) as pool:
        try:
            about, asked = (
                pool.request("GET", f"{where}{below}", timeout=TIMEOUT_S, retries=False) for below in ("/", path)
            )
        except urllib3.exceptions.HTTPError as refused:
            raise _refusal(f"Connect at {where} does not answer", refused, "connect") from None
    if has_pipeline and asked.status == HTTPStatus.NOT_FOUND:
        raise _no_pipeline(f"Connect at {where} has no connector {CONNECTOR}")
    if asked.status != HTTPStatus.OK:
        status = f"{asked.status} {HTTPStatus(asked.status).phrase}"
        raise _refusal(f"Connect at {where} does not let us in", status, "connect")
    told = about.json() if about.status == HTTPStatus.OK else {}
    return str(told.get("kafka_cluster_id", where))


def _clickhouse(entry: Props, has_pipeline: bool) -> str:
    where = f"{entry['interface']}://{entry['host']}:{entry['port']}"
    try:
        with clickhouse_connect.get_client(
            host=entry["host"],
            port=int(entry["port"]),
            interface=entry["interface"],
            username=entry["user"],
            password=entry["password"],
            ca_cert=entry["access"].get("ca_file"),
            connect_timeout=TIMEOUT_S,
        ) as client:
            databases = [name for (name,) in client.query("SELECT name FROM system.databases").result_rows]
            identity = str(client.query("SELECT toString(serverUUID())").result_rows[0][0])
    except ClickHouseError as refused:
        raise _refusal(f"ClickHouse at {where} does not let '{entry['user']}' in", refused, "clickhouse") from None
    if not identity.strip("0-"):  # an engine without a server, as on an embedded stack, has none
        identity = where
    if has_pipeline and DATABASE not in databases:
        raise _no_pipeline(f"ClickHouse at {where} has no database {DATABASE} that '{entry['user']}' may see")
    return identity


_ASK: Mapping[str, Callable[[Props, bool], str]] = {
    "postgres": _postgres,
    "kafka": _kafka,
    "connect": _connect,
    "clickhouse": _clickhouse,
}


def _refusal(what: str, why: object, part: str) -> UserError:
    words = str(why).strip().splitlines()
    return UserError(
        f"{what}: {words[0].strip().rstrip('.') if words else 'no reason was given'}. It is not this stack's to mend: "
        f"see that it runs and whether it wants TLS, and correct the stack's keys of '{part}' or the environment (the "
        "README lists them)."
    )


def _no_pipeline(what: str) -> UserError:
    return UserError(
        f"{what}: the pipeline is not there. Put it there with `pulumi config set pipeline true`, or name the systems "
        "that have it."
    )
