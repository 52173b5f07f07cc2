"""The stack's config: what is valid, and that everything else is refused with what would be."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.model.errors import UserError
from stacks.config import StackConfig, megabytes
from stacks.config_text import parse, with_settings


def test_defaults_need_no_config() -> None:
    assert parse({}) == StackConfig()


def test_parts_are_objects_as_pulumi_gives_them() -> None:
    config = parse({"throughline:kafka": '{"heap": "1g", "port": "21000"}', "aws:region": "eu-west-1"})
    assert (config.kafka.heap, config.kafka.port) == ("1g", 21000)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kafak": "1"}, ["unknown key 'kafak'", "backend", "postgres, kafka, connect, clickhouse"]),
        ({"kafka": '{"hep": "1g"}'}, ["unknown key 'kafka.hep'", "heap", "controllerPort"]),
        ({"backend": "dokcer"}, ["'backend'", "'dokcer'", "embedded"]),
        ({"kafka": '{"port": 80}'}, ["'kafka.port'", "80", "from 1024 to 65535"]),
        ({"kafka": '{"heap": "lots"}'}, ["'kafka.heap'", "'lots'", "512m"]),
        ({"kafka": '{"version": "2.8"}'}, ["'kafka.version'", "'2.8'", "4.3.1"]),
        ({"postgres": '{"version": "12"}'}, ["'postgres.version'", "'12'", "18"]),
        ({"connect": "{"}, ["'connect'", "an object of"]),
        ({"kafka": '{"brokers": 2}'}, ["'kafka.brokers'", "2", "1 or 3 (of two, neither could be spared)"]),
        ({"connect": '{"workers": "5"}'}, ["'connect.workers'", "'5'", "from 1 to 4"]),
        ({"clickhouse": '{"replicas": 0}'}, ["'clickhouse.replicas'", "0", "from 1 to 3"]),
        ({"clickhouse": '{"flushIntervalMs": 0}'}, ["'clickhouse.flushIntervalMs'", "milliseconds"]),
    ],
)
def test_a_bad_key_or_value_is_refused_with_the_valid_ones(values: dict[str, str], told: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        parse({f"throughline:{key}": value for key, value in values.items()})
    assert [words for words in told if words not in str(refused.value)] == []
    assert "\n" not in str(refused.value)


def test_one_port_for_two_parts_is_refused() -> None:
    with pytest.raises(UserError, match="one port to two parts"):
        parse({"throughline:kafka": '{"port": 21000}', "throughline:connect": '{"port": 21000}'})


@given(st.dictionaries(st.text(st.characters(categories=["L"]), min_size=1), st.text(), max_size=3))
def test_no_config_at_all_escapes_as_anything_but_a_user_error(values: dict[str, str]) -> None:
    with contextlib.suppress(UserError):
        parse({f"throughline:{key}": value for key, value in values.items()})


def test_settings_are_laid_over_what_is_set() -> None:
    before = {"throughline:kafka": '{"heap": "1g"}'}
    after = with_settings(before, {"kafka.port": "21000", "backend": "embedded"})
    assert json.loads(after["throughline:kafka"]) == {"heap": "1g", "port": "21000"}
    assert after["throughline:backend"] == "embedded"


def test_sizes() -> None:
    assert (megabytes("512m"), megabytes("3g")) == (512, 3072)


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("kafka", '{"version": "3.9.1"}', "has kafka 4.3.1 alone"),
        ("clickhouse", '{"version": "24.10"}', "has clickhouse 25.8 alone"),
        ("postgres", '{"image": "postgres:18"}', "has no images"),
        ("kafka", '{"brokers": 3}', "has one broker"),
        ("connect", '{"workers": "2"}', "has one worker"),
        ("clickhouse", '{"replicas": 2}', "has no replicas"),
    ],
)
def test_what_the_embedded_backend_does_not_have_is_refused(key: str, text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        parse({f"throughline:{key}": text})
    assert parse({f"throughline:{key}": text, "throughline:backend": "docker", **_KAFKA_3}).backend == "docker"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"dockerHost": "ssh://box"}, "'dockerHost', but the embedded backend has no Docker engine"),
        ({"readySeconds": "5"}, "'readySeconds', but the embedded backend has no Docker engine"),
        ({"backend": "docker", "dockerHost": "tcp://box:2376"}, "without certificates.*dockerCertPath"),
        ({"backend": "docker", "dockerHost": "http://box"}, r"'dockerHost'.*ssh://user@host"),
        ({"backend": "docker", "dockerBind": "everywhere"}, "'dockerBind'.*IP address"),
        ({"backend": "docker", "requiredDiskMb": "10"}, "'requiredDiskMb'"),
    ],
)
def test_what_does_not_fit_a_docker_engine_is_refused(values: dict[str, str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        parse({f"throughline:{key}": text for key, text in values.items()})


_KAFKA_3 = {"throughline:kafka": '{"version": "3.9.1"}'}


def test_versions_that_do_not_work_together_are_refused_with_the_reason() -> None:
    chosen = {"throughline:backend": "docker", "throughline:clickhouse": '{"version": "24.10"}'}
    with pytest.raises(UserError, match=r"ClickHouse 24\.10 cannot consume from Kafka 4\.3\.1"):
        parse(chosen)
    assert parse(chosen | _KAFKA_3).clickhouse.version == "24.10"


@pytest.mark.parametrize(
    ("kafka", "clickhouse", "partitions"),
    [
        ("{}", "{}", 1),
        ('{"brokers": "3"}', "{}", 3),
        ("{}", '{"replicas": 2}', 2),
        ('{"partitions": 1}', '{"replicas": 2}', 1),
    ],
)
def test_partitions_are_enough_for_every_broker_and_replica_unless_given(
    kafka: str, clickhouse: str, partitions: int
) -> None:
    docker = {"throughline:backend": "docker"}
    assert parse({**docker, "throughline:kafka": kafka, "throughline:clickhouse": clickhouse}).partitions == partitions


@pytest.mark.parametrize(
    ("backend", "values", "told"),
    [
        ("embedded", {"postgres": '{"host": "db.example"}'}, "postgres.host"),
        ("docker", {"security": "tls"}, "security"),
        ("external", {"security": "tls"}, "security"),
        ("external", {"kafka": '{"heap": "1g"}', "requiredDiskMb": "1"}, "kafka.heap, requiredDiskMb"),
        ("external", {"pipeline": "true", "postgres": '{"ownerUser": "x"}'}, "postgres.ownerUser"),
    ],
)
def test_what_the_backend_makes_nothing_of_is_refused(backend: str, values: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=f"sets {told}, of which the {backend} backend makes nothing"):
        parse({"throughline:backend": backend, **{f"throughline:{key}": value for key, value in values.items()}})


@pytest.mark.parametrize(
    ("values", "puts"),
    [
        ({}, True),
        ({"backend": "docker", "pipeline": "false"}, False),
        ({"backend": "external"}, False),
        ({"backend": "external", "pipeline": "true"}, True),
    ],
)
def test_the_pipeline_is_put_on_systems_that_are_not_ours_only_if_asked(values: dict[str, str], puts: bool) -> None:
    assert parse({f"throughline:{key}": value for key, value in values.items()}).puts_pipeline is puts


def test_a_password_is_never_shown() -> None:
    config = parse({"throughline:backend": "external", "throughline:postgres": '{"password": 4711}'})
    assert "4711" not in repr(config)
    with pytest.raises(UserError) as refused:
        parse({"throughline:backend": "external", "throughline:postgres": '{"password": {"a": "s3cret"}}'})
    assert "s3cret" not in str(refused.value)


def test_a_folder_of_plugins_has_to_be_there(tmp_path: Path) -> None:
    def with_plugins(folder: str, **others: str) -> StackConfig:
        return parse({"throughline:connect": json.dumps({"plugins": folder}), **others})

    assert with_plugins(str(tmp_path)).connect.plugins == str(tmp_path)
    for folder in (f"{tmp_path}/nowhere", "relative", ""):
        with pytest.raises(UserError, match="which is no folder by its absolute path"):
            with_plugins(folder)
    with pytest.raises(UserError, match="on Docker a worker has the plugins of its image"):
        with_plugins(str(tmp_path), **{"throughline:backend": "docker"})
