"""The jars of Kafka, Kafka Connect and Debezium: those of `tools/jars.lock.json`, as `make setup` cached them."""

from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.jar_lock import jar_folder, locked_jars


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
