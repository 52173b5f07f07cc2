"""The locks of the jars, each written anew from the POM of its name: `python -m tools.setup.jars_lock`.

`tools/jars.lock.json`, from `tools/jars.pom.xml`, is what every stack consists of; the others are for images and tests.
Maven (`mvn` and a JDK, needed for nothing else) resolves the versions: other resolvers pick others, with which Connect
does not start. A lock records what Maven fetched and checked against the repository's own checksums.
"""

import hashlib
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from stacks.jar_lock import Jar
from tools.setup.command import run
from tools.setup.reporting import reported
from tools.setup.uv import TOOLS

POMS = sorted(TOOLS.glob("jars*.pom.xml"))


def resolved_jars(folder: Path) -> list[Jar]:
    """All jars in a folder that is laid out as a Maven repository, by their coordinates."""
    found = []
    for path in folder.rglob("*.jar"):
        *group, artifact, version, name = path.relative_to(folder).parts
        classifier = name.removeprefix(f"{artifact}-{version}").removesuffix(".jar").removeprefix("-")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        found.append(Jar(".".join(group), artifact, version, classifier, digest, len(content)))
    return sorted(found, key=lambda jar: (jar.group, jar.artifact, jar.version, jar.classifier))


def as_json(jars: list[Jar]) -> str:
    """The lock's text: a line a jar, so that a change of one is a change of one line."""
    lines = [json.dumps(asdict(jar)) for jar in jars]
    return "[\n  " + ",\n  ".join(lines) + "\n]\n"


def lock_of(pom: Path) -> Path:
    """The lock that is made from a POM, beside it."""
    return pom.with_name(pom.name.replace(".pom.xml", ".lock.json"))


def write_locks() -> None:
    """Has Maven resolve each POM, and writes what it came to."""
    for pom in POMS:
        jars = _resolve(pom)
        lock_of(pom).write_text(as_json(jars))
        print(f"{lock_of(pom).name}: {len(jars)} jars")


def _resolve(pom: Path) -> list[Jar]:
    with tempfile.TemporaryDirectory() as folder:
        options = ["-DincludeScope=runtime", "-Dmdep.useRepositoryLayout=true", f"-DoutputDirectory={folder}"]
        run(
            ["mvn", "--batch-mode", "--strict-checksums", f"--file={pom}", "dependency:copy-dependencies", *options],
            failure=f"Maven could not resolve {pom}; its last words are below. This command, and it alone, needs "
            "`mvn` on PATH. Mend what Maven names and run `make lock-jars` again.",
        )
        return resolved_jars(Path(folder))


if __name__ == "__main__":
    sys.exit(reported(write_locks))
