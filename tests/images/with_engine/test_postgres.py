"""The image of PostgreSQL behaves as the official one does."""

import psycopg
import pytest

from tests.images.with_engine.conftest import Container, Engine, docker, free_port, wait_for

IMAGE = "throughline/postgres:17"
PASSWORD = 'it\'s "quoted" and \\ spaced'
PASSWORD_FILE = "/etc/postgres-password"
DATA = "/var/lib/postgresql"


def start(engine: Engine, volume: str, port: int) -> Container:
    return engine.start(
        IMAGE,
        *("postgres", "-c", "wal_level=logical"),
        env={"POSTGRES_PASSWORD_FILE": PASSWORD_FILE},
        files={PASSWORD_FILE: PASSWORD},
        ports={5432: port},
        volumes={DATA: volume},
    )


def connect(port: int, password: str = PASSWORD) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", password=password, connect_timeout=5, autocommit=True
    )


def answers(port: int) -> bool:
    try:
        connect(port).close()
    except psycopg.OperationalError:
        return False
    return True


def ready(container: Container, port: int) -> Container:
    wait_for(lambda: answers(port), container.logs)
    return container


def one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_it_answers_to_its_password_and_to_no_other(engine: Engine) -> None:
    port = free_port()
    container = ready(start(engine, engine.volume(), port), port)
    with connect(port) as connection:
        stored = one(connection, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")
        assert str(stored).startswith("SCRAM-SHA-256$")
        assert one(connection, "SHOW wal_level") == "logical"
        assert str(one(connection, "SHOW data_directory")).startswith(f"{DATA}/")
    for wrong in ("", PASSWORD.strip('"d')):
        with pytest.raises(psycopg.OperationalError, match="password"):
            connect(port, wrong)
    assert container.process() == "postgres\npostgres"
    assert PASSWORD not in str(container.inspect()["Config"])


def test_what_was_committed_outlives_the_container(engine: Engine) -> None:
    port, volume = free_port(), engine.volume()
    first = ready(start(engine, volume, port), port)
    with connect(port) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert first.stop() == 0
    ready(start(engine, volume, port), port)
    with connect(port) as connection:
        assert one(connection, "SELECT answer FROM kept") == 42


def test_a_first_start_that_was_cut_off_is_begun_again(engine: Engine) -> None:
    port, volume = free_port(), engine.volume()
    half = 'mkdir -p "$PGDATA.draft" "$PGDATA" && touch "$PGDATA.draft/half" "$PGDATA/half"'
    docker("run", "--rm", "--network=none", f"--volume={volume}:{DATA}", "--entrypoint=bash", IMAGE, "-c", half)
    ready(start(engine, volume, port), port)


def test_without_a_password_it_ends_and_says_what_it_lacks(engine: Engine) -> None:
    container = engine.start(IMAGE)
    assert container.exit_code() == 1
    assert "POSTGRES_PASSWORD_FILE" in container.logs()
