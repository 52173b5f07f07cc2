"""What the plugin says when there is no engine to speak to, and that it does not outlive Pulumi."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest

from pipeline_lib.model.errors import UserError
from stacks.wait import until
from tests.docker_plugin.plugin import Plugin, running_plugin
from tools.docker_plugin.engine import Address, Engine

NOBODY = 65534
Refusal = Callable[..., str]


@pytest.fixture
def refusal() -> Iterator[Refusal]:
    """What creating a network ends in, by the provider's config."""
    with running_plugin() as plugin:

        def of(**config: str) -> str:
            plugin.configure(**config)
            with pytest.raises(grpc.RpcError) as refused:
                plugin.create("Network", {"name": "dev", "driver": "bridge"})
            said: str = refused.value.details()
            assert "Traceback" not in said
            return said

        yield of


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_an_engine_that_does_not_run(refusal: Refusal, host: str) -> None:
    said = refusal(host=host)
    assert f"No Docker engine is running at {host}" in said
    assert "dockerHost" in said


def test_a_host_that_has_no_address(refusal: Refusal) -> None:
    assert "tcp://engine.invalid:2376 cannot be spoken to" in refusal(host="tcp://engine.invalid:2376")


def test_certificates_that_are_not_there(refusal: Refusal, tmp_path: Path) -> None:
    said = refusal(host="tcp://127.0.0.1:9", certPath=str(tmp_path))
    assert "tcp://127.0.0.1:9 cannot be spoken to" in said
    assert "DOCKER_CERT_PATH" in said


def test_ssh_that_does_not_get_through(refusal: Refusal) -> None:
    said = refusal(host="ssh://nobody@127.0.0.1:9")
    assert "ssh://nobody@127.0.0.1:9 cannot be spoken to" in said
    assert "`ssh` to that host" in said


@pytest.fixture
def closed_socket(tmp_path: Path) -> Iterator[Path]:
    """A socket that listens, in a folder whose user may not speak to it: this process, while the test runs."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
        root = os.geteuid() == 0  # to whom nothing is closed
        if root:
            os.seteuid(NOBODY)
        try:
            yield path
        finally:
            if root:
                os.seteuid(0)


def test_a_socket_that_this_user_may_not_speak_to(closed_socket: Path) -> None:
    with pytest.raises(UserError) as refused:
        Engine(Address(f"unix://{closed_socket}")).client()
    assert "may not speak to the Docker engine" in refused.value.paragraph
    assert "usermod -aG docker" in refused.value.paragraph


def test_the_environment_names_the_engine_if_the_config_does_not() -> None:
    with running_plugin(**os.environ | {"DOCKER_HOST": "unix:///elsewhere.sock"}) as plugin:
        plugin.configure()
        with pytest.raises(grpc.RpcError) as refused:
            plugin.create("Volume", {"name": "dev"})
    assert "unix:///elsewhere.sock" in refused.value.details()


def test_it_ends_when_pulumi_has_gone() -> None:
    pulumi = grpc.server(ThreadPoolExecutor(1))
    port = pulumi.add_insecure_port("127.0.0.1:0")
    pulumi.start()
    with running_plugin(f"127.0.0.1:{port}") as plugin:
        plugin.configure()
        (process,) = [child for child in psutil.Process().children() if f"127.0.0.1:{port}" in child.cmdline()]
        assert until(lambda: any(one.raddr and one.raddr.port == port for one in process.net_connections()), seconds=60)
        pulumi.stop(grace=None).wait()
        assert process.wait(timeout=60) == 0


def test_a_resource_that_no_stack_made_is_not_imported(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        plugin.read("Volume", "somebodys", {}, {})
    assert "cannot import Volume somebodys" in refused.value.details()
