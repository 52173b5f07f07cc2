"""What a verification is asked about, as a user says it: everything since an LSN or a time, or the ids in a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline_lib.model import instant
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import Lsn


@dataclass(frozen=True)
class Since:
    """Everything that the outbox got since; from its beginning if that is None."""

    moment: Lsn | datetime | None = None


@dataclass(frozen=True)
class Events:
    """The messages of the ids in a file: one a line, or JSON objects with an `id`, one a line."""

    file: Path


@dataclass(frozen=True)
class Journeys:
    """So many journeys, which are written first: `rate` of them a second, as fast as can be if that is 0."""

    number: int
    rate: float = 0


Asked = Since | Events | Journeys


def since(text: str) -> Since:
    """From "0/1A11F98" or "2026-11-22T15:04:11Z"; raises UserError."""
    try:
        return Since(Lsn.parse(text) if "/" in text else instant.from_text(text))
    except ValueError:
        raise UserError(
            f"--since takes an LSN such as 0/1A11F98, or a time with its zone such as 2026-11-22T15:04:11Z, and got "
            f"'{text}'."
        ) from None


def ids_in(file: Path) -> Iterator[str]:
    """The ids, line by line; raises UserError for a file that is not there or that holds something else."""
    try:
        with file.open(encoding="utf-8") as lines:
            found = False
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    found = True
                    yield _id_in(line.strip(), file, number)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"The events in {file} cannot be read: {why}. Name a file with an event's id a line.") from None
    if not found:
        raise UserError(f"There is no id in {file}. Name a file with an event's id a line.")


def _id_in(line: str, file: Path, number: int) -> str:
    if not line.startswith(("{", '"')):
        return line
    try:
        value = json.loads(line)
        id_ = value["id"] if isinstance(value, dict) else value
    except (ValueError, KeyError):
        id_ = None
    if not isinstance(id_, str) or not id_:
        raise UserError(
            f"Line {number} of {file} does not name an event: {line[:80]}. A line is an id, or an object such as "
            '{"id": "e2e_event_cdc895ed"}.'
        )
    return id_
