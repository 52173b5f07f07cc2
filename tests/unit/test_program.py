"""The Pulumi program against Pulumi's own mocks: what it declares, on what it depends, what it exports as secrets."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks

from stacks.program import program

PORTS = {"postgres": "21001", "kafka": "21002", "kafka_controller": "21003", "connect": "21004", "clickhouse": "21005"}
PASSWORDS = {
    f"{system}_{role}": f"s3cret-{role}"
    for system, roles in {
        "postgres": ("admin", "owner", "replication", "application"),
        "clickhouse": ("admin", "ingestion", "analyst"),
    }.items()
    for role in roles
}


class Declared(Mocks):
    """Remembers what is declared and answers as the providers would."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.inputs[args.name] = args.inputs
        outputs = dict(args.inputs)
        if args.name == "home":
            outputs |= {"folder": "/stacks/here", "ports": PORTS, "passwords": PASSWORDS}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        return {}


@pytest.fixture
def declared() -> Iterator[Declared]:
    mocks = Declared()
    set_mocks(mocks, project="throughline", stack="unit")
    set_all_config({"throughline:kafka": '{"partitions": 3, "heap": "1g"}'})
    yield mocks
    set_all_config({})


@pulumi.runtime.test
def _run(program_: Any) -> Any:
    return program_()


def test_the_parts_and_the_pipeline_are_declared(declared: Declared) -> None:
    _run(program)
    assert declared.inputs.keys() >= {
        *("home", "postgres", "kafka", "connect", "clickhouse"),
        *("postgres-schema", "topic", "heartbeat-topic", "connector", "clickhouse-schema"),
    }
    assert declared.inputs["topic"]["partitions"] == "3"
    assert declared.inputs["kafka"]["settings"]["heap"] == "1g"


def test_what_lives_in_a_part_follows_its_identity(declared: Declared) -> None:
    _run(program)
    assert declared.inputs["postgres-schema"]["within"] == "postgres-id"
    assert declared.inputs["topic"]["within"] == "kafka-id"
    assert declared.inputs["clickhouse-schema"]["within"] == "clickhouse-id"
    assert declared.inputs["connector"]["within"] == "postgres-id/kafka-id/connect-id"
    assert declared.inputs["connect"]["settings"]["kafka"] == "kafka-id"


def test_the_connectors_config_names_its_password_and_does_not_hold_it(declared: Declared) -> None:
    _run(program)
    config = declared.inputs["connector"]["config"]
    assert config["database.password"] == "${file:/stacks/here/connect/secrets.properties:database.password}"
    assert "s3cret" not in str(config)


def test_nothing_is_told_to_bind_beyond_loopback(declared: Declared) -> None:
    _run(program)
    for name in ("postgres", "kafka", "connect"):
        rendered = str(declared.inputs[name]["rendered"])
        assert "127.0.0.1" in rendered
        assert "0.0.0.0" not in rendered


def test_bad_config_ends_the_program_with_its_refusal(declared: Declared) -> None:
    set_all_config({"throughline:backend": "dokcer"})
    with pytest.raises(pulumi.RunError, match="embedded, docker or external is wanted"):
        program()
