"""The external backend against Pulumi's own mocks: what it declares, what it keeps, and that secrets are secret."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc, set_all_config, set_mocks

from stacks.external.settings import VARIABLES
from stacks.program import program

PARTS = {"postgres", "kafka", "connect", "clickhouse"}
PIPELINE = {"postgres-schema", "topic", "heartbeat-topic", "connector", "clickhouse-schema"}
TOLD = {
    "PGHOST": "db.example",
    "PGUSER": "admin",
    "PGPASSWORD": "s3cret/of:pg",
    "PGSSLMODE": "require",
    "KAFKA_BOOTSTRAP_SERVERS": "one.example:9092,two.example:9093",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "broker-user",
    "KAFKA_SASL_PASSWORD": "s3cret-of-kafka",
    "CONNECT_URL": "https://connect.example:8083/rest",
    "CONNECT_USER": "worker-user",
    "CONNECT_PASSWORD": "s3cret-of-connect",
    "CLICKHOUSE_URL": "https://clickhouse.example:8443",
    "CLICKHOUSE_USER": "default",
    "CLICKHOUSE_PASSWORD": "s3cret-of-clickhouse",
}


class Declared(Mocks):
    """Remembers what is declared, and answers as the providers would."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}
        self.secret: dict[str, set[str]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.inputs[args.name] = {name: _told(value) for name, value in args.inputs.items()}
        self.secret[args.name] = {name for name, value in args.inputs.items() if _told(value) is not value}
        outputs = dict(args.inputs)
        if args.name in PARTS:
            outputs["identity"] = f"{args.name}-identity"
        if args.name == "role-passwords":
            roles = ("owner", "replication", "application")
            outputs["passwords"] = {f"postgres_{role}": f"made-for-{role}" for role in roles}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"{args.token} is called, and nothing should be")


def _told(value: Any) -> Any:
    """What is in a secret; another value as it is."""
    is_secret = isinstance(value, dict) and rpc._special_sig_key in value
    return value["value"] if is_secret else value


@pulumi.runtime.test
def _run() -> None:
    program()


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Declared]:
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    for variable, value in TOLD.items():
        monkeypatch.setenv(variable, value)
    mocks = Declared()
    set_mocks(mocks, project="throughline", stack="unit")
    set_all_config({"throughline:backend": "external"})
    yield mocks
    set_all_config({})


def test_without_being_asked_it_declares_only_that_four_systems_answer(declared: Declared) -> None:
    _run()
    assert declared.inputs.keys() - {"throughline-unit"} == PARTS
    assert {declared.inputs[part]["has_pipeline"] for part in PARTS} == {"True"}


def test_asked_it_puts_the_pipeline_there(declared: Declared) -> None:
    set_all_config({"throughline:backend": "external", "throughline:pipeline": "true"})
    _run()
    assert declared.inputs.keys() >= PARTS | PIPELINE | {"role-passwords"}
    assert declared.inputs["connector"]["drops_slot"] == "True"
    assert declared.inputs["postgres-schema"]["within"] == "postgres-identity"


def test_clients_and_connector_get_in_as_they_were_told(declared: Declared) -> None:
    set_all_config({"throughline:backend": "external", "throughline:pipeline": "true"})
    _run()
    topic, connector, tables = (declared.inputs[name] for name in ("topic", "connector", "clickhouse-schema"))
    assert topic["bootstrap"] == TOLD["KAFKA_BOOTSTRAP_SERVERS"]
    assert topic["security"]["mechanism"] == "SCRAM-SHA-512"
    assert connector["url"] == TOLD["CONNECT_URL"]
    assert connector["access"]["user"] == "worker-user"
    assert connector["config"]["database.hostname"] == "db.example"
    assert connector["config"]["database.sslmode"] == "require"
    assert connector["config"]["database.password"] == "made-for-replication"
    uri = "postgresql://admin:s3cret%2Fof%3Apg@db.example:5432/postgres?sslmode=require"
    assert connector["server"] == declared.inputs["postgres-schema"]["server"] == uri
    assert tables["server"]["interface"] == "https"
    assert {"server", "access", "config"} <= declared.secret["connector"]
    assert {"password"} <= declared.secret["clickhouse-schema"]
    assert {"security"} <= declared.secret["topic"]
    # ClickHouse logs in to Kafka with what its own configuration says.
    assert "s3cret" not in str(tables["objects"])


def test_what_is_missing_ends_the_program_with_its_refusal(declared: Declared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST")
    with pytest.raises(pulumi.RunError, match=r"is not told postgres\.host \(PGHOST\)"):
        program()
