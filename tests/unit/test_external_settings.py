"""What an external stack is told: by config or environment, all that is missing at once, and nothing that is no use."""

from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.config_text import parse
from stacks.external.settings import VARIABLES, settings_of, url_of

TOLD = {
    "PGHOST": "db.example",
    "PGUSER": "admin",
    "PGPASSWORD": "s3cret",
    "KAFKA_BOOTSTRAP_SERVERS": "one.example:9092,two.example:9092",
    "CONNECT_URL": "https://connect.example/rest/",
    "CLICKHOUSE_URL": "https://clickhouse.example:8443",
    "CLICKHOUSE_USER": "default",
    "CLICKHOUSE_PASSWORD": "s3cret",
}
EXTERNAL = {"throughline:backend": "external"}


def refusal(environment: dict[str, str], **config: str) -> str:
    with pytest.raises(UserError) as refused:
        settings_of(parse(EXTERNAL | {f"throughline:{key}": value for key, value in config.items()}), environment)
    told = str(refused.value)
    assert "\n" not in told
    assert "s3cret" not in told
    return told


def test_the_environment_stands_in_for_the_config() -> None:
    known = settings_of(parse(EXTERNAL | {"throughline:postgres": '{"host": "other.example", "port": 6432}'}), TOLD)
    assert known["postgres.host"] == "other.example"
    assert known["postgres.port"] == "6432"
    assert known["clickhouse.user"] == "default"


def test_every_key_is_one_of_the_configs() -> None:
    sections = parse(EXTERNAL).model_dump(by_alias=True)
    assert [key for key in VARIABLES if key.split(".")[1] not in sections[key.split(".")[0]]] == []


def test_all_that_is_missing_is_told_at_once_with_both_ways_to_give_it() -> None:
    told = refusal({key: value for key, value in TOLD.items() if key not in ("PGPASSWORD", "CONNECT_URL")})
    assert "postgres.password (PGPASSWORD), connect.url (CONNECT_URL)" in told
    assert "pulumi config set --secret --path postgres.password" in told
    assert "pulumi config set --path connect.url VALUE" in told
    assert "PGHOST" not in told


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"],
        ),
        ({"KAFKA_SASL_PASSWORD": "s3cret"}, ["KAFKA_SECURITY_PROTOCOL"]),
        ({"CONNECT_USER": "me"}, ["CONNECT_PASSWORD"]),
        ({"POSTGRES_OWNER_PASSWORD": "s3cret"}, ["POSTGRES_OWNER_USER"]),
        ({"CLICKHOUSE_ANALYST_USER": "ann"}, ["CLICKHOUSE_ANALYST_PASSWORD"]),
    ],
)
def test_what_goes_together_is_wanted_together(given: dict[str, str], missing: list[str]) -> None:
    told = refusal(TOLD | given)
    assert [name for name in missing if name not in told] == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "ca.pem") in refusal(TOLD | {"KAFKA_SSL_CA_LOCATION": str(tmp_path / "ca.pem")})


def test_urls_have_a_port_and_keep_their_path() -> None:
    known = settings_of(parse(EXTERNAL), TOLD)
    connect, clickhouse = url_of(known, "connect.url", path=True), url_of(known, "clickhouse.url", path=False)
    assert (connect.scheme, connect.hostname, connect.port, connect.path) == ("https", "connect.example", 443, "/rest")
    assert (clickhouse.hostname, clickhouse.port) == ("clickhouse.example", 8443)


@pytest.mark.parametrize(
    "text", ["clickhouse.example", "tcp://a:9000", "https://u:s3cret@a", "https://a/path", "http://"]
)
def test_what_is_no_url_of_a_system_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="CLICKHOUSE_URL") as refused:
        url_of({"clickhouse.url": text}, "clickhouse.url", path=False)
    assert "s3cret" not in str(refused.value)
