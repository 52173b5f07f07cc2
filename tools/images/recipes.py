"""What each image is made of: a folder of `images/`, the image beneath it, and jars of the locks."""

import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.jar_lock import LOCK, Jar, locked_jars
from tools.images import base

FOLDERS = Path(__file__).parents[2] / "images"

KAFKA_3_LOCK = LOCK.with_name("jars.kafka-3.9.1.lock.json")
"""The jars of the broker for those whose ClickHouse cannot consume from Kafka 4."""

DEBEZIUM_GROUPS = ("com.datadoghq", "com.google.protobuf", "io.debezium", "org.postgresql")
"""Maven groups of what Debezium needs and Kafka does not: the connector's folder; the rest is the worker's."""


@dataclass(frozen=True)
class Recipe:
    """An image; `jars` are put beside the Dockerfile, in folders of the given names."""

    tag: str
    folder: str
    parent: str
    jars: Mapping[str, Sequence[Jar]] = field(default_factory=dict)


def recipes() -> list[Recipe]:
    """All images that have a Dockerfile, each after its parent."""
    jars = locked_jars()
    plugin = [jar for jar in jars if jar.group in DEBEZIUM_GROUPS]
    kafka = [jar for jar in jars if jar.group not in DEBEZIUM_GROUPS]
    kafka_3 = locked_jars(KAFKA_3_LOCK)
    jre = "throughline/jre:21"
    newest = f"throughline/kafka:{_version(kafka, 'kafka_2.13')}"
    return [
        Recipe("throughline/postgres:17", "postgres", base.TAG),
        Recipe(jre, "jre", base.TAG),
        Recipe(newest, "kafka", jre, {"jars": kafka}),
        Recipe(f"throughline/kafka:{_version(kafka_3, 'kafka_2.13')}", "kafka", jre, {"jars": kafka_3}),
        Recipe(
            f"throughline/connect:{_version(plugin, 'debezium-connector-postgres')}",
            "connect",
            newest,
            {"plugin": plugin},
        ),
    ]


def _version(jars: Sequence[Jar], artifact: str) -> str:
    return {jar.artifact: jar.version for jar in jars}[artifact]


def digest(recipe: Recipe, parent: str) -> str:
    """Of everything that the image is made from; `parent` is the digest of the image beneath."""
    sha256 = hashlib.sha256(parent.encode())
    for path in _files(recipe):
        sha256.update(f"{path.name} {_mode(path):o} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for folder, jars in recipe.jars.items():
        sha256.update("".join(f"{folder}/{jar.file_name} {jar.sha256}\n" for jar in jars).encode())
    return sha256.hexdigest()


def write_context(recipe: Recipe, target: Path) -> None:
    """What the image is built from, as a tar archive: the folder's files, and the jars out of the cache."""
    with tarfile.open(target, "w") as archive:
        for path in _files(recipe):
            _add(archive, path.name, path.read_bytes(), _mode(path))
        for folder, jars in recipe.jars.items():
            for jar in jars:
                _add(archive, f"{folder}/{jar.file_name}", jar.path.read_bytes(), 0o644)


def _files(recipe: Recipe) -> list[Path]:
    return sorted((FOLDERS / recipe.folder).iterdir())


def _mode(path: Path) -> int:
    """755 or 644: a checkout keeps no more of a file's mode than this."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
