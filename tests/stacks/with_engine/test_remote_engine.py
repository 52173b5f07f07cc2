"""A stack on another machine's engine: its ports are at that machine's address alone, and all verbs ask that engine.

The other machine is this one under another address of its loopback, behind a door that wants a key.
"""

import json
from pathlib import Path

import docker
import pytest

from tests.doors import ssh_door, tls_door
from tests.stacks.conftest import Lab
from tests.stacks.with_engine.conftest import container, left_on, settings

ADDRESS = "127.0.0.2"
PARTS = ("postgres", "kafka", "connect", "clickhouse")


def lives(lab: Lab, engine: docker.DockerClient, **where: str) -> str:
    """A stack lives and goes on the engine that `where` names; what its `up` said."""
    stack = lab.new_stack()
    said = lab.throughline("up", "--stack", stack, *settings(**where)).stdout
    told = lab.endpoints(stack)
    addresses = (told.postgres.host, told.kafka.bootstrap, told.connect.url, told.clickhouse.url)
    assert all(ADDRESS in address for address in addresses)
    for part in PARTS:
        published = container(engine, stack, part).attrs["HostConfig"]["PortBindings"].values()
        assert {binding["HostIp"] for bindings in published for binding in bindings} == {ADDRESS}
    # From here on no other way to an engine is there: the stack itself says which one it is.
    elsewhere = {"DOCKER_HOST": "unix:///nowhere.sock"}
    ran = lab.throughline("demo", "--stack", stack, "--json", **elsewhere)
    assert json.loads(ran.stdout)["verdict"] == "passed"
    parts = json.loads(lab.throughline("status", "--stack", stack, "--json", **elsewhere).stdout)["parts"]
    assert {part["state"] for part in parts} == {"RUNNING"}
    assert lab.throughline("logs", "postgres", "--stack", stack, **elsewhere).stdout.strip()
    assert lab.changes(lab.throughline("up", "--stack", stack, **elsewhere)) == set()
    lab.throughline("down", "--stack", stack, **elsewhere)
    assert left_on(engine, stack) == []
    return said


def test_an_engine_behind_tls(docker_lab: Lab, engine: docker.DockerClient, tmp_path: Path) -> None:
    with tls_door(tmp_path / "certificates", ADDRESS) as url:
        said = lives(docker_lab, engine, dockerHost=url, dockerCertPath=str(tmp_path / "certificates"))
    assert "without a password" in said


def test_an_engine_over_ssh(docker_lab: Lab, engine: docker.DockerClient, tmp_path: Path) -> None:
    with ssh_door(tmp_path, ADDRESS) as config:
        lives(docker_lab, engine, dockerHost="ssh://box", dockerSshOpts=f"-F {config}")


def test_a_stack_stays_on_its_engine(docker_lab: Lab, engine: docker.DockerClient, tmp_path: Path) -> None:
    with tls_door(tmp_path / "certificates", ADDRESS) as url:
        stack = docker_lab.up(*settings())
        certificates = ("--set", f"dockerCertPath={tmp_path / 'certificates'}")
        refused = docker_lab.throughline(
            "up", "--stack", stack, "--set", f"dockerHost={url}", *certificates, fails=True
        ).stderr
    assert "stands on the Docker engine this machine's own" in refused
    assert "Traceback" not in refused
    docker_lab.throughline("down", "--stack", stack)
    assert left_on(engine, stack) == []


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"dockerHost": "tcp://127.0.0.1:9", "dockerCertPath": "/nowhere"}, "no ca.pem and no cert.pem and no key.pem"),
        ({"dockerHost": "ssh://engine.invalid"}, "has no IPv4 address that is known here"),
    ],
)
def test_what_cannot_be_an_engine_is_told(docker_lab: Lab, where: dict[str, str], told: str) -> None:
    refused = docker_lab.throughline("up", "--stack", docker_lab.new_stack(), *settings(**where), fails=True).stderr
    assert told in refused
    assert "Traceback" not in refused
