"""Ways to an engine that are not its own socket: on loopback, for as long as a test runs, each handing on to that."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ENGINE = "/var/run/docker.sock"


def certify(folder: Path, address: str = "127.0.0.1") -> None:
    """A certificate of an address that signs itself, under the names that Docker looks for."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throughline test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Hands on what comes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def forwarded(listening: socket.socket, wrap: Callable[[socket.socket], socket.socket]) -> Iterator[None]:
    """Hands on what comes to a listening socket; `wrap` makes of a connection what it is within, or raises OSError."""

    def serve() -> None:
        with suppress(OSError):  # the listening socket was closed: the test has ended
            while True:
                plain, _ = listening.accept()
                try:
                    client = wrap(plain)
                except OSError:  # a client that has no certificate that is known here
                    plain.close()
                    continue
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                for pair in ((client, engine), (engine, client)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listening.close()


@contextmanager
def tls_door(certificates: Path, address: str = "127.0.0.1") -> Iterator[str]:
    """The URL of an engine behind TLS that wants a client's certificate; `certificates` is made."""
    certify(certificates, address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    listening = socket.create_server((address, 0))
    with forwarded(listening, lambda plain: context.wrap_socket(plain, server_side=True)):
        yield f"tcp://{address}:{listening.getsockname()[1]}"


@contextmanager
def unix_door(path: Path) -> Iterator[str]:
    """The URL of an engine at a socket of the test's own."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    with forwarded(listening, lambda plain: plain):
        yield f"unix://{path}"


@contextmanager
def ssh_door(folder: Path, address: str) -> Iterator[Path]:
    """An SSH server that runs what it is asked to, for one key; a file for `ssh -F` that knows it as `box`."""
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "user")}
    for name, key in keys.items():
        key.write_private_key(folder / name)
        key.write_public_key(folder / f"{name}.pub")
        (folder / name).chmod(0o600)
    port: list[int] = []
    started, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    connections: set[asyncssh.SSHServerConnection] = set()

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        connections.add(process.get_extra_info("connection"))
        ran = await asyncio.create_subprocess_shell(
            process.command or "false", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        await process.redirect(stdin=ran.stdin, stdout=ran.stdout)
        process.exit(await ran.wait())

    async def serve() -> None:
        server = await asyncssh.listen(
            address,
            0,
            server_host_keys=[keys["host"]],
            authorized_client_keys=str(folder / "user.pub"),
            process_factory=run,
            encoding=None,
        )
        port.append(server.get_port())
        started.set()
        await ended.wait()
        server.close()
        # Whoever is still connected is not kept waiting by a loop that does not run any more.
        for connection in connections:
            connection.abort()
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=10)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(60)
    known, config = folder / "known_hosts", folder / "ssh_config"
    known.write_text(f"[{address}]:{port[0]} {(folder / 'host.pub').read_text()}")
    config.write_text(
        f"Host box\n  HostName {address}\n  Port {port[0]}\n  User root\n  IdentityFile {folder / 'user'}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  StrictHostKeyChecking yes\n"
    )
    try:
        yield config
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)
