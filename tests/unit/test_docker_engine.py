"""Which Docker engine a config and the environment name, and what cannot be one."""

from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK, PORT_RANGE, ports
from stacks.config_text import parse
from stacks.docker.engine import CERTIFICATES, EngineAddress, address_of, engine_of, host_of


def named(**config: str) -> EngineAddress:
    """The engine of a config."""
    return engine_of(
        parse({"throughline:backend": "docker", **{f"throughline:{key}": to for key, to in config.items()}})
    )


def test_without_a_word_it_is_the_machine_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert named() == EngineAddress()
    assert host_of(named()) == LOOPBACK


def test_docker_host_of_the_environment_means_the_same_as_the_config_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://box:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "/certificates")
    assert named() == EngineAddress("tcp://box:2376", "/certificates")
    assert named(dockerHost="unix:///other.sock") == EngineAddress("unix:///other.sock")


def test_its_machine_is_that_of_the_url_or_of_the_ssh_config(tmp_path: Path) -> None:
    assert host_of(EngineAddress("tcp://box.example:2376")) == "box.example"
    config = tmp_path / "config"
    config.write_text("Host box\n  HostName 192.0.2.7\n")
    assert host_of(named(dockerHost="ssh://me@box", dockerSshOpts=f"-F {config}")) == "192.0.2.7"
    assert host_of(EngineAddress("unix:///other.sock")) == LOOPBACK


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    for name in CERTIFICATES[:2]:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"it has no key\.pem\."):
        named(dockerHost="tcp://box:2376", dockerCertPath=str(tmp_path))
    with pytest.raises(UserError, match="dockerSshOpts"):
        named(dockerHost="ssh://box", dockerSshOpts="-F '")
    with pytest.raises(UserError, match="dockerBind"):
        address_of("engine.invalid")


def test_ports_of_another_machine_are_chosen_all_different() -> None:
    names = [f"port-{number}" for number in range(200)]
    found = ports({"asked_ports": {"port-0": "21000"}, "port_names": names}, kept={}, probed=False)
    assert found["port-0"] == "21000"
    assert len(set(found.values())) == len(names)
    assert all(int(port) in PORT_RANGE for port in found.values())
