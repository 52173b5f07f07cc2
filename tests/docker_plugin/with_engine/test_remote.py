"""An engine at the other end of TLS: before the real one, a proxy on loopback that wants a client's certificate."""

import datetime
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.docker_plugin.plugin import running_plugin
from tests.docker_plugin.with_engine.conftest import Bench

ENGINE = "/var/run/docker.sock"


def certify(folder: Path) -> None:
    """A certificate of 127.0.0.1 that signs itself, under the names that Docker looks for."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throughline test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hands on what comes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of the engine behind TLS, and the folder of the certificates that it takes."""
    certificates = tmp_path / "certificates"
    certify(certificates)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # the listening socket was closed: the test has ended
            while True:
                plain, _ = listening.accept()
                try:
                    client = context.wrap_socket(plain, server_side=True)
                except OSError:  # a client that has no certificate that is known here
                    plain.close()
                    continue
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                for pair in ((client, engine), (engine, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{listening.getsockname()[1]}", certificates
    listening.close()


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
