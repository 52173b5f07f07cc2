"""The certificates of a stack with TLS, and what its parts are told, without starting any."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from stacks.embedded.clickhouse import ClickHouse
from stacks.embedded.connect import Connect
from stacks.embedded.kafka import Kafka
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.security import Certificates, ensure_certificates
from tests.unit.test_parts import PORTS

SECRETS = dict.fromkeys(
    ("client", "kafka_client", "connect_client", "replication", "admin", "ingestion", "analyst"), "s3cret"
)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    ensure_certificates(tmp_path, "s3cret")
    return Certificates.of(tmp_path)


def test_keys_are_the_owners_alone_and_the_authoritys_is_nowhere(certificates: Certificates) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in certificates.folder.iterdir()}
    assert modes == {"authority.pem": 0o644, "server.pem": 0o600, "server.p12": 0o600}
    assert certificates.server.read_text().count("PRIVATE KEY-----") == 2  # one key: its begin and its end
    assert "PRIVATE" not in certificates.authority.read_text()


def test_the_certificate_is_the_authoritys_and_for_loopback(certificates: Certificates) -> None:
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    key, certificate, _ = pkcs12.load_key_and_certificates(certificates.keystore.read_bytes(), b"s3cret")
    assert key is not None
    assert certificate is not None
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name) for name in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificates.server)


def test_they_are_made_once(certificates: Certificates) -> None:
    before = certificates.authority.read_text()
    ensure_certificates(certificates.folder.parent, "another")
    assert certificates.authority.read_text() == before


def test_each_stack_has_an_authority_of_its_own(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ensure_certificates(tmp_path / "other", "s3cret")
    assert Certificates.of(tmp_path / "other").authority.read_text() != certificates.authority.read_text()


@pytest.mark.parametrize("kind", [Kafka, Connect, ClickHouse])
def test_no_listener_is_open_and_no_password_is_in_a_file_that_all_may_read(
    kind: type[EmbeddedPart], tmp_path: Path
) -> None:
    part = kind(tmp_path, PORTS, {"heap": "1g", "memory": "1g", "kafka": "abc", "security": "tls"}, SECRETS)
    open_to_all = "\n".join(part.files().values())
    assert "s3cret" not in open_to_all
    assert "PLAINTEXT" not in open_to_all
    assert "http://" not in open_to_all
    assert "s3cret" in "\n".join(part.secret_files().values())
    assert "s3cret" not in " ".join(part.command().argv)
