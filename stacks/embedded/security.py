"""TLS and passwords on an embedded stack that asks for them (`security: tls`).

The stack has an authority of its own and one certificate for everything that listens on loopback. They are made once,
in the stack's home. The authority's key signs once and is not kept, so nobody can make another certificate that the
stack's clients would trust; the certificate's key is readable by its owner alone. Kafka and Connect then ask for a
password too, the same user's everywhere. PostgreSQL stays as it is: its binaries are built without TLS.
"""

import ipaddress
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pulumi
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from stacks.allocation import LOOPBACK

CLIENT = "throughline"
"""The one user of Kafka and of Connect's REST API."""
_LIFE = timedelta(days=3650)
_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True)
class Certificates:
    """The files: `authority` for clients, the others for who listens (PEM with its key, and PKCS #12 for Connect)."""

    folder: Path

    @classmethod
    def of(cls, stack_folder: Path) -> "Certificates":
        """A stack's, made or not."""
        return cls(stack_folder / "tls")

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def keystore(self) -> Path:
        return self.folder / "server.p12"


def ensure_certificates(stack_folder: Path, keystore_password: str) -> None:
    """Makes the certificates unless they are there; an interrupted attempt leaves none that look whole."""
    made = Certificates.of(stack_folder)
    if made.folder.exists():
        return
    draft = Certificates(made.folder.with_name("tls.new"))
    shutil.rmtree(draft.folder, ignore_errors=True)
    draft.folder.mkdir(mode=0o755)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Throughline stack authority", authority_key, None, authority_key)
    certificate = _certificate("Throughline stack", key, authority, authority_key)
    pem = certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    store = pkcs12.serialize_key_and_certificates(
        b"server", key, certificate, [authority], BestAvailableEncryption(keystore_password.encode())
    )
    _write(draft.authority, authority.public_bytes(Encoding.PEM), 0o644)
    _write(draft.server, private + pem, 0o600)
    _write(draft.keystore, store, 0o600)
    draft.folder.rename(made.folder)


def kafka_client(authority: pulumi.Input[str], password: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """How a client gets into the stack's Kafka, under the names of `KafkaSecurity`."""
    return {
        "protocol": "SASL_SSL",
        "mechanism": "PLAIN",
        "username": CLIENT,
        "password": password,
        "ca_file": authority,
    }


def java_client(stack_folder: Path, prefix: str = "") -> dict[str, object]:
    """The same for a JVM whose JAAS file has the password."""
    return {
        f"{prefix}security.protocol": "SASL_SSL",
        f"{prefix}sasl.mechanism": "PLAIN",
        f"{prefix}ssl.truststore.type": "PEM",
        f"{prefix}ssl.truststore.location": Certificates.of(stack_folder).authority,
    }


def jaas(section: str, password: str, *, serves: bool = False) -> str:
    """A section of a JAAS file: who a JVM is to Kafka and, if it serves, whom it lets in."""
    users = f' user_{CLIENT}="{password}"' if serves else ""
    return f'{section} {{\n  {_MODULE} required username="{CLIENT}" password="{password}"{users};\n}};\n'


def answers(url: str, authority: Path | None, headers: Mapping[str, str] | None = None) -> int:
    """The status with which a part of the stack answers; raises urllib3's HTTPError while it does not."""
    with urllib3.PoolManager(ca_certs=str(authority) if authority else None) as pool:
        return pool.request("GET", url, headers=headers, timeout=5, retries=False).status


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Signed by `authority`; without one it is an authority itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
