"""Which image a part runs: the config's, else the official one of the part's version.

They are named by tag: no digest of theirs could be looked up where this was written. A config that names an image with
a digest (`postgres:18@sha256:…`) is held to it by the engine.
"""

from collections.abc import Mapping

from stacks.config import StackConfig

_OFFICIAL: Mapping[str, str] = {
    "postgres": "postgres",
    "kafka": "apache/kafka",
    "connect": "quay.io/debezium/connect",
    "clickhouse": "clickhouse/clickhouse-server",
}


def images(config: StackConfig) -> dict[str, str]:
    """Each part's image by the part's name."""
    chosen = {
        "postgres": (config.postgres.image, config.postgres.version),
        "kafka": (config.kafka.image, config.kafka.version),
        "connect": (config.connect.image, config.connect.debezium),
        "clickhouse": (config.clickhouse.image, config.clickhouse.version),
    }
    return {part: image or f"{_OFFICIAL[part]}:{version}" for part, (image, version) in chosen.items()}
