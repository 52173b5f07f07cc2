"""An external stack, pointed at an embedded one whose systems ask for TLS and passwords.

PostgreSQL's binaries of an embedded stack are built without TLS, so it stands behind an end of TLS here, as behind a
cloud's proxy.
"""

import asyncio
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import urllib3
from confluent_kafka.admin import AdminClient

from pipeline_lib.model.endpoints import Credentials, Endpoints, reveal
from stacks.embedded.security import Certificates, ensure_certificates
from tests.stacks.conftest import Lab, Ran

SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # the first eight bytes of a client that wants TLS


@dataclass(frozen=True)
class TlsFront:
    """Takes PostgreSQL's clients over TLS alone, and passes them on to one that has none."""

    port: int
    authority: Path


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextmanager
def tls_front(folder: Path, behind: int) -> Iterator[TlsFront]:
    ensure_certificates(folder, "unused")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Certificates.of(folder).server)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != SSL_REQUEST:
                return
            writer.write(b"S")
            await writer.start_tls(context)
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", behind)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side may go at any time
        finally:
            writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield TlsFront(server.sockets[0].getsockname()[1], Certificates.of(folder).authority)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def environment_for(target: Endpoints, postgres_user: Credentials, front: TlsFront | None = None) -> dict[str, str]:
    """How a user tells of these systems."""
    security = target.kafka.security
    assert security is not None
    assert security.password is not None
    assert target.connect.password is not None
    admin = target.clickhouse.users["admin"]
    told = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(front.port if front else target.postgres.port),
        "PGUSER": postgres_user.user,
        "PGPASSWORD": reveal(postgres_user.password),
        "KAFKA_BOOTSTRAP_SERVERS": target.kafka.bootstrap,
        "KAFKA_SECURITY_PROTOCOL": security.protocol,
        "KAFKA_SASL_MECHANISM": str(security.mechanism),
        "KAFKA_SASL_USERNAME": str(security.username),
        "KAFKA_SASL_PASSWORD": reveal(security.password),
        "KAFKA_SSL_CA_LOCATION": str(security.ca_file),
        "CONNECT_URL": target.connect.url,
        "CONNECT_USER": str(target.connect.user),
        "CONNECT_PASSWORD": reveal(target.connect.password),
        "CONNECT_CA_FILE": str(target.connect.ca_file),
        "CLICKHOUSE_URL": target.clickhouse.url,
        "CLICKHOUSE_USER": admin.user,
        "CLICKHOUSE_PASSWORD": reveal(admin.password),
        "CLICKHOUSE_CA_FILE": str(target.clickhouse.ca_file),
        "CLICKHOUSE_ANALYST_USER": target.clickhouse.user,
        "CLICKHOUSE_ANALYST_PASSWORD": reveal(target.clickhouse.password),
    }
    return told | ({"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(front.authority)} if front else {})


def with_pipeline(target: Endpoints, front: TlsFront | None = None) -> dict[str, str]:
    """The same for systems that have the pipeline: the users that the features need, and no more rights."""
    application = target.postgres
    return environment_for(target, target.postgres.users["owner"], front) | {
        "POSTGRES_APPLICATION_USER": application.user,
        "POSTGRES_APPLICATION_PASSWORD": reveal(application.password),
    }


@dataclass(frozen=True)
class Found:
    """What is on the systems of a target."""

    slots: list[str]
    connectors: list[str]
    topics: set[str]
    outbox_rows: int


def look(target: Endpoints) -> Found:
    with psycopg.connect(reveal(target.postgres.dsn_of("admin"))) as postgres:
        slots = [name for (name,) in postgres.execute("SELECT slot_name FROM pg_replication_slots").fetchall()]
        row = postgres.execute("SELECT count(*) FROM outbox").fetchone()
    topics = AdminClient(target.kafka.client_settings()).list_topics(timeout=10).topics
    return Found(slots, connectors(target), set(topics), row[0] if row else 0)


def ask_connect(target: Endpoints, method: str, path: str) -> urllib3.BaseHTTPResponse:
    connect = target.connect
    assert connect.password is not None
    headers = urllib3.make_headers(basic_auth=f"{connect.user}:{reveal(connect.password)}")
    with urllib3.PoolManager(ca_certs=connect.ca_file, headers=headers) as pool:
        return pool.request(method, f"{connect.url}{path}")


def connectors(target: Endpoints) -> list[str]:
    names: list[str] = ask_connect(target, "GET", "/connectors").json()
    return names


def delete_connector(target: Endpoints) -> None:
    assert ask_connect(target, "DELETE", f"/connectors/{target.connect.connector}").status == 204


def run_features(lab: Lab, stack: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "features", "--stack", stack, "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        cwd=lab.root,
        env=lab.environment,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def paragraph(ran: Ran) -> str:
    told = ran.stdout + ran.stderr
    assert "Traceback" not in told
    assert len(ran.stderr.strip().splitlines()) == 1, told
    return told


def secrets_of(endpoints: Endpoints) -> set[str]:
    """Every password of a secured stack."""
    assert endpoints.kafka.security is not None
    users = (*endpoints.postgres.users.values(), *endpoints.clickhouse.users.values())
    found = [credentials.password for credentials in users]
    found += [secret for secret in (endpoints.kafka.security.password, endpoints.connect.password) if secret]
    return {reveal(secret) for secret in found}


def assert_nowhere_in_plain_text(lab: Lab, stack: str, secrets: set[str], *more: str) -> None:
    shown = [
        *more,
        lab.throughline("endpoints", "--stack", stack, "--json").stdout,
        lab.throughline("endpoints", "--stack", stack).stdout,
        lab.pulumi("stack", "output", "--stack", stack).stdout,
        lab.pulumi("stack", "export", "--stack", stack).stdout,
        *(file.read_text() for file in (lab.home / "state").rglob("*") if file.is_file()),
    ]
    assert [secret for secret in secrets for text in shown if secret in text] == []


@pytest.fixture(scope="module")
def secured(warm_lab: Lab) -> str:
    """An embedded stack with TLS and passwords, with its pipeline."""
    return warm_lab.up("--set", "security=tls")


@pytest.fixture(scope="module")
def target(warm_lab: Lab, secured: str) -> Endpoints:
    return warm_lab.endpoints(secured)


@pytest.fixture(scope="module")
def front(target: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsFront]:
    with tls_front(tmp_path_factory.mktemp("front"), target.postgres.port) as standing:
        yield standing


def test_the_features_pass_on_a_stack_with_tls(warm_lab: Lab, secured: str, target: Endpoints) -> None:
    assert target.connect.url.startswith("https:")
    assert target.clickhouse.url.startswith("https:")
    run_features(warm_lab, secured)
    logs = (file.read_text(errors="replace") for file in (warm_lab.folder(secured) / "logs").iterdir())
    assert_nowhere_in_plain_text(warm_lab, secured, secrets_of(target), *logs)
    warm_lab.pulumi("preview", "--expect-no-changes", "--stack", secured)


def test_nobody_gets_in_without_tls_or_password(target: Endpoints) -> None:
    told: list[object] = []
    plain = AdminClient({"bootstrap.servers": target.kafka.bootstrap, "error_cb": told.append, "log_level": 0})
    with pytest.raises(Exception, match=r"transport failure|timed out"):
        plain.list_topics(timeout=3)
    with urllib3.PoolManager(ca_certs=target.connect.ca_file) as pool:
        assert pool.request("GET", f"{target.connect.url}/connectors").status == 401
        assert pool.request("PUT", f"{target.connect.url}/connectors/mine/config", json={}).status == 401
    for url in (target.connect.url, target.clickhouse.url):
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.request("GET", url.replace("https:", "http:"), retries=False, timeout=5)


def test_on_systems_that_have_the_pipeline_nothing_is_made_and_nothing_taken_away(
    warm_lab: Lab, target: Endpoints, front: TlsFront
) -> None:
    before, told = look(target), with_pipeline(target, front)
    stack = warm_lab.new_stack()
    warm_lab.pulumi("stack", "init", stack)
    password = told.pop("PGPASSWORD")
    warm_lab.pulumi("config", "set", "--secret", "--path", "postgres.password", password, "--stack", stack)
    warm_lab.throughline("up", "--stack", stack, "--backend", "external", **told)
    config = warm_lab.root / f"Pulumi.{stack}.yaml"
    assert [secret for secret in secrets_of(target) if secret in config.read_text()] == []
    endpoints = warm_lab.endpoints(stack)
    assert (endpoints.backend, endpoints.abilities) == ("external", ())
    assert "sslmode=verify-full" in reveal(endpoints.postgres.dsn)
    run_features(warm_lab, stack)
    assert_nowhere_in_plain_text(warm_lab, stack, secrets_of(target))
    assert warm_lab.changes(warm_lab.throughline("up", "--stack", stack, **told)) == set()
    assert "it has no parts of its own" in warm_lab.throughline("status", "--stack", stack).stdout
    assert "is not ours" in paragraph(warm_lab.throughline("logs", "kafka", "--stack", stack, fails=True))
    assert "not ours to kill" in paragraph(warm_lab.throughline("kill", "kafka", "--stack", stack, fails=True))
    gone = warm_lab.changes(warm_lab.throughline("down", "--stack", stack))
    assert gone == {f"{part} kept" for part in ("postgres", "kafka", "connect", "clickhouse")}
    after = look(target)
    assert (after.slots, after.connectors, after.topics) == (before.slots, before.connectors, before.topics)
    assert after.outbox_rows > before.outbox_rows


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"PGPASSWORD": "wr0ng"}, ["PostgreSQL at", "password authentication failed"]),
        ({"PGSSLROOTCERT": "CA"}, ["PostgreSQL at", "certificate verify failed"]),
        ({"PGSSLMODE": "disable"}, ["PostgreSQL at", "'postgres'"]),
        ({"KAFKA_SASL_PASSWORD": "wr0ng"}, ["Kafka at", "Authentication failed"]),
        ({"KAFKA_SSL_CA_LOCATION": "CA"}, ["Kafka at", "certificate verify failed"]),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, ["Kafka at", "whether it wants TLS"]),
        ({"CONNECT_PASSWORD": "wr0ng"}, ["Connect at", "401 Unauthorized"]),
        ({"CONNECT_CA_FILE": "CA"}, ["Connect at", "CERTIFICATE_VERIFY_FAILED"]),
        ({"CONNECT_URL": "http:"}, ["Connect at http:", "whether it wants TLS"]),
        ({"CLICKHOUSE_PASSWORD": "wr0ng"}, ["ClickHouse at", "Authentication failed"]),
        ({"CLICKHOUSE_CA_FILE": "CA"}, ["ClickHouse at", "CERTIFICATE_VERIFY_FAILED"]),
        ({"CLICKHOUSE_URL": "http:"}, ["ClickHouse at http:", "whether it wants TLS"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_refusal_is_one_paragraph(
    warm_lab: Lab, target: Endpoints, front: TlsFront, tmp_path: Path, changed: dict[str, str], told: list[str]
) -> None:
    ensure_certificates(tmp_path, "unused")
    right = with_pipeline(target, front)
    stands_for = {
        "CA": lambda _: str(Certificates.of(tmp_path).authority),
        "http:": lambda key: right[key].replace("https:", "http:"),
    }
    wrong = {key: stands_for.get(value, lambda _, v=value: v)(key) for key, value in changed.items()}
    stack = warm_lab.new_stack()
    ran = warm_lab.throughline("up", "--stack", stack, "--backend", "external", fails=True, **right | wrong)
    text = paragraph(ran)
    assert [words for words in told if words not in text] == []
    assert not [secret for secret in (*secrets_of(target), "wr0ng") if secret in text]


def test_a_password_is_not_taken_from_the_command_line(warm_lab: Lab) -> None:
    stack = warm_lab.new_stack()
    ran = warm_lab.throughline("up", "--stack", stack, "--set", "postgres.password=wr0ng", fails=True)
    assert "pulumi config set --secret --path postgres.password" in paragraph(ran)
    assert "wr0ng" not in ran.stderr


def test_asked_for_the_pipeline_is_put_on_bare_systems_and_taken_off_them_without_their_data(
    warm_lab: Lab, tmp_path: Path
) -> None:
    lab = warm_lab
    bare = lab.endpoints(lab.up("--set", "security=tls", "--set", "pipeline=false"))
    assert connectors(bare) == []
    with tls_front(tmp_path, bare.postgres.port) as front:
        told = environment_for(bare, bare.postgres.users["admin"], front)
        stack = lab.new_stack()
        without = lab.throughline("up", "--stack", stack, "--backend", "external", fails=True, **told)
        assert "the pipeline is not there" in without.stderr or "does not exist" in without.stderr
        lab.throughline("up", "--stack", stack, "--backend", "external", "--set", "pipeline=true", **told)
        run_features(lab, stack)
        assert_nowhere_in_plain_text(lab, stack, secrets_of(bare) | secrets_of(lab.endpoints(stack)))
        assert lab.changes(lab.throughline("up", "--stack", stack, **told)) == set()
        delete_connector(bare)
        assert lab.changes(lab.throughline("up", "--stack", stack, **told)) == {"connector updated"}
        before = look(bare)
        assert (before.slots, before.connectors) == (["experiments_slot"], ["experiments-postgres-connector"])
        delete_connector(bare)  # its slot is left
        gone = lab.changes(lab.throughline("down", "--stack", stack))
        assert {"connector deleted", "clickhouse-schema deleted", "topic kept", "postgres-schema kept"} <= gone
        after = look(bare)
        assert (after.slots, after.connectors) == ([], [])
        assert (after.topics, after.outbox_rows) == (before.topics, before.outbox_rows)
        # What was kept is taken over.
        lab.throughline("up", "--stack", stack, "--backend", "external", "--set", "pipeline=true", **told)
        run_features(lab, stack)
        lab.throughline("down", "--stack", stack)


def test_a_killed_part_comes_back(warm_lab: Lab, secured: str) -> None:
    before = warm_lab.parts(secured)["clickhouse"]["pids"][0]
    warm_lab.throughline("kill", "clickhouse", "--stack", secured)
    warm_lab.throughline("up", "--stack", secured)
    assert warm_lab.parts(secured)["clickhouse"]["pids"][0] != before
