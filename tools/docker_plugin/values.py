"""Property values as Pulumi sends them: plain JSON, in which a secret is an object with a signature, and a value that a
preview cannot know yet is one of a few agreed strings.

Here a secret is a `Secret` around its value, so that it can be given back as a secret, and every unknown is `UNKNOWN`.
Only `reveal` takes secrets out of their wrapping, for the engine call and for comparing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2

Props = dict[str, Any]
"""A resource's properties by their names on the wire (camelCase)."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  Pulumi's mark for a secret, itself none
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

UNKNOWNS = {
    UNKNOWN,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
"""What Pulumi writes for a text, truth value, number, list or object that is not known yet."""

SHORTEST_HIDDEN = 6
"""Shorter secrets are not looked for in a text: they would be found everywhere."""


@dataclass(frozen=True)
class Secret:
    """A value that must not be seen in the state or in a message, nor in our own tracebacks."""

    value: Any = field(repr=False)


def from_wire(struct: struct_pb2.Struct) -> Props:
    """The properties of a message, without those that are null: to Pulumi these are absent."""
    return {name: _received(value) for name, value in json_format.MessageToDict(struct).items() if value is not None}


def to_wire(props: Mapping[str, Any]) -> struct_pb2.Struct:
    """The properties as a message has them; what is None is left out."""
    struct = struct_pb2.Struct()
    struct.update({name: _sent(value) for name, value in props.items() if value is not None})
    return struct


def reveal(value: Any) -> Any:
    """The value and everything in it without the wrapping of secrets."""
    match value:
        case Secret(value=inner):
            return reveal(inner)
        case dict():
            return {name: reveal(inner) for name, inner in value.items()}
        case list():
            return [reveal(inner) for inner in value]
    return value


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The function's answer for a value, for each one of a list, through the wrapping of secrets; not for `UNKNOWN`."""
    match value:
        case Secret(value=inner):
            return Secret(mapped(function, inner))
        case list():
            return [mapped(function, inner) for inner in value]
    return value if value == UNKNOWN else function(value)


def sealed(value: Any) -> Any:
    """The value as a secret, if it is not one or unknown already."""
    return value if isinstance(value, Secret) or value == UNKNOWN else Secret(value)


def hidden(text: str, props: Any) -> str:
    """The text with `[secret]` in the place of each secret text of the properties."""
    for secret in sorted(set(_secret_texts(props, within=False)), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def _secret_texts(value: Any, *, within: bool) -> Iterator[str]:
    match value:
        case Secret(value=inner):
            yield from _secret_texts(inner, within=True)
        case dict():
            for inner in value.values():
                yield from _secret_texts(inner, within=within)
        case list():
            for inner in value:
                yield from _secret_texts(inner, within=within)
        case str() if within:
            # An environment variable's value is a secret without its name too.
            parts = {value.strip(), value.partition("=")[2].strip()}
            yield from (part for part in parts if len(part) >= SHORTEST_HIDDEN)


def _received(value: Any) -> Any:
    match value:
        case dict() if value.get(SIGNATURE) == SECRET:
            return Secret(_received(value.get("value")))
        case dict():
            return {name: _received(inner) for name, inner in value.items()}
        case list():
            return [_received(inner) for inner in value]
        case str() if value in UNKNOWNS:
            return UNKNOWN
    return value


def _sent(value: Any) -> Any:
    match value:
        case Secret(value=inner):
            return {SIGNATURE: SECRET, "value": _sent(inner)}
        case dict():
            return {name: _sent(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_sent(inner) for inner in value]
    return value
