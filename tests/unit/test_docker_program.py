"""The Docker backend against Pulumi's own mocks: names, ports, secrets, what depends on what; no engine is asked."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_all_config, set_mocks

from stacks.allocation import LOOPBACK, PASSWORDS
from stacks.program import program

PORTS = {
    **{"postgres": "21001", "kafka": "21002", "connect": "21004", "clickhouse": "21005"},
    **{"kafka-2": "21012", "kafka-3": "21022", "connect-2": "21014", "clickhouse-2": "21015"},
}
SECRETS = {name: f"s3cret-of-{name}" for name in PASSWORDS}
PARTS = ("postgres", "kafka", "connect", "clickhouse")


class Declared(Mocks):
    """Remembers what is declared, by name and by type, and answers as the providers would."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}
        self.types: dict[str, str] = {}
        self.resources: dict[str, pulumi.Resource] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.inputs[args.name], self.types[args.name] = args.inputs, args.typ
        outputs = dict(args.inputs)
        if args.name == "allocation":
            outputs |= {"token": "c0ffee", "ports": PORTS, "passwords": SECRETS, "cluster_id": "cluster"}
            remote = args.inputs["engine"]["url"]
            outputs |= {"host": "box" if remote else LOOPBACK, "bind": "192.0.2.7" if remote else LOOPBACK}
        if args.typ.endswith(":RemoteImage"):
            outputs["imageId"] = f"id-of-{args.name}"
        if args.typ.endswith(":Store"):
            outputs["identity"] = f"{args.name}-identity"
        if args.typ.endswith(":Volume"):
            outputs["name"] = f"{args.name}-1a2b3c"
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"{args.token} is called, and nothing should be")

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: self.inputs[name] for name, its in self.types.items() if its.endswith(f":{kind}")}


@pulumi.runtime.test
def _run() -> None:
    program()


def _declared(**config: str) -> Declared:
    mocks = Declared()
    set_mocks(mocks, project="throughline", stack="unit")
    set_all_config({"throughline:backend": "docker", **{f"throughline:{key}": text for key, text in config.items()}})
    _run()
    return mocks


@pytest.fixture
def declared() -> Iterator[Declared]:
    yield _declared()
    set_all_config({})


def test_a_container_a_part_named_for_stack_and_token(declared: Declared) -> None:
    names = {name: container["name"] for name, container in declared.of_type("Container").items()}
    assert names == {part: f"throughline-unit-c0ffee-{part}" for part in ("postgres", "kafka", "connect", "clickhouse")}


def test_ports_are_published_on_loopback_alone(declared: Declared) -> None:
    for name, container in declared.of_type("Container").items():
        (port,) = container["ports"]
        assert (port["ip"], port["external"]) == (LOOPBACK, int(PORTS[name]))


def test_no_password_is_in_what_docker_inspect_shows(declared: Declared) -> None:
    for container in declared.of_type("Container").values():
        shown = str({key: value for key, value in container.items() if key != "uploads"})
        assert not [password for password in SECRETS.values() if password in shown]


def test_containers_are_limited_restarted_checked_and_labelled(declared: Declared) -> None:
    for name, container in declared.of_type("Container").items():
        assert container["memory"] > 0
        assert container["restart"] == "unless-stopped"
        assert container["wait"]
        assert container["healthcheck"]["tests"][0] == "CMD"
        labels = {label["label"]: label["value"] for label in container["labels"]}
        assert labels == {"throughline.stack": "unit", "throughline.token": "c0ffee", "throughline.part": name}


def test_what_lives_in_a_part_follows_its_volume(declared: Declared) -> None:
    assert declared.inputs["postgres-schema"]["within"] == "throughline-unit-postgres-1a2b3c"
    assert declared.inputs["clickhouse-schema"]["within"] == "throughline-unit-clickhouse-1a2b3c"


def test_the_parts_reach_each_other_by_name(declared: Declared) -> None:
    connector = declared.inputs["connector"]["config"]
    assert (connector["database.hostname"], connector["database.port"]) == ("postgres", "5432")
    assert "kafka:29092" in declared.inputs["clickhouse-schema"]["objects"]["events_queue"]
    assert "BOOTSTRAP_SERVERS=kafka:29092" in declared.inputs["connect"]["envs"]


def test_clients_on_the_host_are_told_the_published_port(declared: Declared) -> None:
    (file,) = declared.inputs["kafka"]["uploads"]
    assert f"OUTER://{LOOPBACK}:{PORTS['kafka']}" in file["content"]


def test_one_of_each_is_what_it_was_before_there_could_be_more(declared: Declared) -> None:
    assert declared.inputs.keys() == {
        *(name for part in PARTS for name in (part, f"{part}-image")),
        *(f"throughline-unit-{part}" for part in PARTS if part != "connect"),
        *("allocation", "network", "postgres-schema", "topic", "heartbeat-topic", "connector", "clickhouse-schema"),
    }
    assert "replication.factor=3" not in str(declared.inputs["kafka"]["uploads"])
    assert "controller.quorum.voters=1@127.0.0.1:9093\n" in declared.inputs["kafka"]["uploads"][0]["content"]
    assert not [env for env in declared.inputs["connect"]["envs"] if env.startswith("ADVERTISED")]
    assert "<zookeeper>" not in str(declared.inputs["clickhouse"]["uploads"])
    assert "Replicated" not in str(declared.inputs["clickhouse-schema"]["objects"])


def test_the_pipeline_is_the_same_as_on_every_backend(declared: Declared) -> None:
    assert declared.inputs.keys() >= {"postgres-schema", "topic", "heartbeat-topic", "connector", "clickhouse-schema"}


def test_images_are_the_official_ones_unless_the_config_names_others() -> None:
    declared = _declared(kafka='{"image": "registry.example/kafka:1"}')
    assert {name: image["name"] for name, image in declared.of_type("RemoteImage").items()} == {
        "postgres-image": "postgres:18",
        "kafka-image": "registry.example/kafka:1",
        "connect-image": "quay.io/debezium/connect:3.7.0.Final",
        "clickhouse-image": "clickhouse/clickhouse-server:25.8",
    }
    set_all_config({})


def test_on_another_machine_the_ports_are_at_its_one_address_and_clients_are_told_its_name() -> None:
    declared = _declared(dockerHost="ssh://ops@box", dockerSshOpts="-F config")
    (engine,) = declared.of_type("docker").values()
    assert (engine["host"], engine["sshOpts"]) == ("ssh://ops@box", '["-F", "config"]')
    for name, container in declared.of_type("Container").items():
        (port,) = container["ports"]
        assert (port["ip"], port["external"]) == ("192.0.2.7", int(PORTS[name]))
    (file,) = declared.inputs["kafka"]["uploads"]
    assert f"OUTER://box:{PORTS['kafka']}" in file["content"]
    set_all_config({})
