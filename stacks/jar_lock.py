"""The lock of the jars, and where the cache keeps them: set-up fills it, and the embedded parts run on what is there.

The lock is a list of Maven coordinates, each with the SHA-256 and the size of its jar. Set-up puts a jar into the cache
only when its SHA-256 is the lock's, under a name that no half-fetched file ever bears: what is there is whole.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from stacks.cache import cache_folder

LOCK = Path(__file__).parents[1] / "tools" / "jars.lock.json"


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
