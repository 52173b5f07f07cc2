"""What there is to know about a kind of resource: its arguments, which of them change in place, what is done with it.

`inputs` are arguments as the wire has them; facts are outputs that are no inputs, or that say more than the input of
the same name. Both are laid over each other to become a resource's state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, TypeVar

from tools.docker_plugin.arguments import Arguments
from tools.docker_plugin.engine import Engine
from tools.docker_plugin.values import Props

A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Work:
    """What a call works with: the engine, the inputs (to hide the secrets among them), whether all is called off."""

    engine: Engine
    inputs: Props
    cancelled: Event


@dataclass(frozen=True)
class Standing:
    """A resource as it was found: its facts, and the inputs that no longer hold, as they are now (None: not at all)."""

    facts: Props
    drift: Props


def nothing_sealed(inputs: Props) -> Props:
    """For a resource that has no secrets of its own accord."""
    return inputs


def facts_stay(_old: Props | None, _new: Props, known: Props) -> Props:
    """For a resource whose facts no change in place alters."""
    return known


def needs_another(_argument: str, _old: Any, _new: Any) -> bool:
    """`replaces` of what the engine cannot change."""
    return True


def never_in_place(_work: Work, _id: str, _old: Arguments, _new: Arguments) -> Props:
    """`update` of what the engine cannot change: Pulumi does not call it where every change needs another one."""
    raise AssertionError("this kind of resource does not change in place")


@dataclass(frozen=True)
class Kind(Generic[A]):
    """A kind of resource. `create` gives its id and facts, or leaves nothing behind; `delete` bears that it is gone.

    `computed` are the names of its facts. `foreseen` are those that a preview can tell of new inputs, in which values
    may be unknown: of a new resource (the old inputs are None), or of one that changes in place and has known facts.
    """

    name: str
    arguments: type[A]
    replaces: Callable[[str, Any, Any], bool]
    deleted_before_replaced: bool
    create: Callable[[Work, A], tuple[str, Props]]
    read: Callable[[Work, str, A], Standing | None]
    update: Callable[[Work, str, A, A], Props]
    delete: Callable[[Work, str, A], None]
    computed: tuple[str, ...]
    foreseen: Callable[[Props | None, Props, Props], Props]
    autonamed: bool = True
    """Whether it is given a name if it has none."""
    sealed: Callable[[Props], Props] = nothing_sealed
