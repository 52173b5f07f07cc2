"""An engine at the other end of TLS or ssh: before the real one, a door on loopback that wants a key."""

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.docker_plugin.plugin import running_plugin
from tests.docker_plugin.with_engine.conftest import Bench
from tests.doors import certify, ssh_door, tls_door


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of the engine behind TLS, and the folder of the certificates that it takes."""
    with tls_door(tmp_path / "certificates") as host:
        yield host, tmp_path / "certificates"


def test_an_engine_behind_tls(bench: Bench, remote: tuple[str, Path], tmp_path: Path) -> None:
    host, certificates = remote
    certify(tmp_path / "others")
    # As on a machine that reaches the web through a gate with certificates of its own.
    elsewhere = {"REQUESTS_CA_BUNDLE": str(tmp_path / "others" / "ca.pem")}
    with running_plugin(**os.environ | elsewhere) as plugin:
        plugin.configure(host=host, certPath=str(certificates))
        inputs = bench.container(uploads=[{"file": "/seed", "content": "over TLS"}])
        id_, outputs = plugin.create("Container", inputs)
        assert bench.run(id_, "cat", "/seed") == "over TLS"
        plugin.delete("Container", id_, inputs, outputs)
    assert bench.containers() == []


def test_an_engine_that_does_not_take_the_certificate(bench: Bench, remote: tuple[str, Path], tmp_path: Path) -> None:
    host, _ = remote
    certify(tmp_path / "others")
    bench.plugin.configure(host=host, certPath=str(tmp_path / "others"))
    with pytest.raises(grpc.RpcError) as refused:
        bench.plugin.create("Container", bench.container())
    assert f"{host} cannot be spoken to" in refused.value.details()
    assert "certificate" in refused.value.details()


def test_certificates_as_texts(bench: Bench, remote: tuple[str, Path]) -> None:
    host, folder = remote
    texts = {f"{name}Material": (folder / f"{name}.pem").read_text() for name in ("ca", "cert", "key")}
    bench.plugin.configure(host=host, **texts)
    id_, _ = bench.plugin.create("Container", bench.container())
    assert bench.engine.containers.get(id_).status == "running"


def test_an_engine_over_ssh(bench: Bench, tmp_path: Path) -> None:
    with ssh_door(tmp_path, "127.0.0.1") as config, running_plugin() as plugin:
        plugin.configure(host="ssh://box", sshOpts=f'["-F", "{config}"]')
        inputs = bench.container(uploads=[{"file": "/seed", "content": "over ssh" * 100_000}])
        id_, outputs = plugin.create("Container", inputs)
        assert bench.run(id_, "cat", "/seed") == "over ssh" * 100_000
        assert plugin.read("Container", id_, inputs, outputs) == (inputs, outputs)
        plugin.delete("Container", id_, inputs, outputs)
    assert bench.containers() == []


def test_what_ssh_says_is_told(bench: Bench, tmp_path: Path) -> None:
    with ssh_door(tmp_path, "127.0.0.1") as config:
        (tmp_path / "known_hosts").write_text("")
        bench.plugin.configure(host="ssh://box", sshOpts=f'["-F", "{config}"]')
        with pytest.raises(grpc.RpcError) as refused:
            bench.plugin.create("Container", bench.container())
    assert "ssh://box cannot be spoken to: " in refused.value.details()
    assert "Host key verification failed" in refused.value.details()
