"""The config of a stack on the images that are built here: what the tests and the measurements on Docker stand on."""

from collections.abc import Mapping

SELF_BUILT: Mapping[str, str] = {
    "backend": "docker",
    "postgres.version": "17",
    "postgres.image": "throughline/postgres:17",
    "kafka.version": "3.9.1",
    "kafka.image": "throughline/kafka:3.9.1",
    "connect.image": "throughline/connect:3.7.0.Final",
    "clickhouse.version": "24.10",
    "clickhouse.image": "throughline/clickhouse:24.10",
}


def as_arguments(settings: Mapping[str, str]) -> list[str]:
    """Settings as `throughline up` takes them."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
