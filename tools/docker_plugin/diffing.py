"""What `Diff` answers: which arguments differ, down to the place within them, and whether that needs a new resource."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tools.docker_plugin.values import Props

Replaces = Callable[[str, Any, Any], bool]
"""Whether the change of an argument from one value to another (None: not given) needs a new resource."""


class Change(Enum):
    """What became of a value."""

    ADD = "added"
    DELETE = "deleted"
    UPDATE = "updated"


@dataclass(frozen=True)
class Difference:
    """One place that differs: its argument, the path to it (`uploads[0].content`), and what it needs."""

    argument: str
    path: str
    change: Change
    replaces: bool


def differences(old: Props, new: Props, replaces: Replaces) -> list[Difference]:
    """Where two sets of revealed arguments differ."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        needs_new = replaces(name, old.get(name), new.get(name))
        for path, change in _within(old.get(name), new.get(name), name):
            found.append(Difference(name, path, change, needs_new))
    return found


def _within(old: Any, new: Any, path: str) -> Iterator[tuple[str, Change]]:
    if old is None or new is None:
        if old is not new:
            yield path, Change.ADD if old is None else Change.DELETE
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            step = f".{name}" if name.isidentifier() else f'["{name}"]'
            yield from _within(old.get(name), new.get(name), path + step)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _within(_at(old, index), _at(new, index), f"{path}[{index}]")
    elif old != new:
        yield path, Change.UPDATE


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None
