"""The jars of Kafka, Kafka Connect and Debezium: exactly those of `tools/jars.lock.json`, as `make setup` cached them.

The lock is a list of Maven coordinates, each with the SHA-256 and the size of its jar. Set-up puts a jar into the cache
only when its SHA-256 is the lock's, under a name that no half-fetched file ever bears: what is there is whole.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.cache import cache_folder

LOCK = Path(__file__).parents[2] / "tools" / "jars.lock.json"


@dataclass(frozen=True)
class Jar:
    """One jar by its Maven coordinates; `size` is in bytes, `classifier` is mostly empty."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The jar's name in a Maven repository: artifact-version[-classifier].jar."""
        return f"{'-'.join(filter(None, (self.artifact, self.version, self.classifier)))}.jar"

    @property
    def path(self) -> Path:
        """Where the cache keeps it: the layout of a Maven repository, so that no two coordinates share a file."""
        return jar_folder().joinpath(*self.group.split("."), self.artifact, self.version, self.file_name)


def jar_folder() -> Path:
    """The folder of all cached jars, whichever checkout's lock names them."""
    return cache_folder() / "jars"


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """The jars of the lock, in its order."""
    return [Jar(**entry) for entry in json.loads(lock.read_text())]


def classpath() -> list[Path]:
    """The cached jars of the lock, in its order; a `UserError` if any of them is missing."""
    jars = locked_jars()
    missing = [jar for jar in jars if not jar.path.is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(jars)} jars that Kafka, Connect and Debezium consist of are not in "
            f"{jar_folder()} (the first: {missing[0].file_name}). Run `make setup`, which fetches what is missing."
        )
    return [jar.path for jar in jars]


def version_of(artifact: str) -> str:
    """The locked version of an artifact, such as "4.3.1" of `connect-runtime`; `KeyError` if the lock has none."""
    return {jar.artifact: jar.version for jar in locked_jars()}[artifact]
