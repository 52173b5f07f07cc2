"""What `Check` answers: the inputs with the defaults filled in, and a sentence for each argument that will not do."""

import hashlib
import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tools.docker_plugin.arguments import Arguments
from tools.docker_plugin.values import UNKNOWN, Props, mapped, reveal


@dataclass(frozen=True)
class Objection:
    """Which argument will not do, as a path, and why, as a sentence."""

    path: str
    reason: str


def named(props: Props, old: Props, resource: str, seed: bytes) -> Props:
    """The properties with a name: the given one, else the old one, else one that no other resource has had.

    That is Pulumi's auto-naming: the resource's own name and seven hexadecimal digits, from the seed that Pulumi gives
    for it, so that a preview and the `up` after it agree.
    """
    if "name" in props:
        return props
    made = f"{resource}-{hashlib.sha256(seed).hexdigest()[:7] if seed else secrets.token_hex(4)[:7]}"
    return {**props, "name": old.get("name", made)}


def with_defaults(arguments: type[Arguments], props: Props) -> Props:
    """The properties, and the default of each argument that is a number, a text or a truth value and was not given."""
    filled = dict(props)
    for name, field in arguments.model_fields.items():
        on_wire = field.alias or name
        group = _group(field.annotation)
        if on_wire not in filled and isinstance(field.default, bool | int | str):
            filled[on_wire] = field.default
        elif on_wire in filled and group:
            filled[on_wire] = mapped(partial(_filled_group, group), filled[on_wire])
    return filled


def objections(resource: str, arguments: type[Arguments], props: Props) -> list[Objection]:
    """What is wrong with a resource's arguments; what a preview does not know yet is taken for right."""
    try:
        arguments.model_validate(reveal(props))
    except ValidationError as error:
        wrong = [one for one in error.errors(include_url=False) if one["input"] != UNKNOWN]
        return [_objection(resource, arguments, one) for one in wrong]
    return []


def known(arguments: type[Arguments], props: Props) -> Props:
    """Those of the properties that are arguments: old ones may have more, such as the official plugin's defaults."""
    groups = {field.alias or name: _group(field.annotation) for name, field in arguments.model_fields.items()}
    return {name: mapped(partial(_known_group, groups[name]), value) for name, value in props.items() if name in groups}


def _filled_group(group: type[Arguments], value: Any) -> Any:
    return with_defaults(group, value) if isinstance(value, dict) else value


def _known_group(group: type[Arguments] | None, value: Any) -> Any:
    return known(group, value) if group and isinstance(value, dict) else value


def _group(annotation: Any) -> type[Arguments] | None:
    """The arguments that an annotation such as `tuple[Port, ...]` or `Healthcheck | None` is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Arguments):
        return annotation
    return next((found for part in get_args(annotation) if (found := _group(part))), None)


def _objection(resource: str, arguments: type[Arguments], error: ErrorDetails) -> Objection:
    *outer, last = error["loc"] or ("",)
    path = _path(error["loc"])
    if error["type"] == "extra_forbidden":
        group = arguments
        for part in outer:
            if isinstance(part, str):
                group = _group(group.model_fields[_field(group, part)].annotation) or group
        names = ", ".join(field.alias or name for name, field in group.model_fields.items())
        of = _path(tuple(outer))
        what = f"argument {last} in {of} of {resource}" if of else f"argument {last} of {resource}"
        return Objection(path, f"The docker plugin at work here does not know the {what}; it knows {names}.")
    why = "is missing" if error["type"] == "missing" else f"will not do: {_in_words(error)}"
    return Objection(path, f"{resource}: {path} {why}." if path else f"{resource}: {_in_words(error)}.")


def _field(group: type[Arguments], alias: str) -> str:
    return next(name for name, field in group.model_fields.items() if field.alias == alias)


def _in_words(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _path(parts: tuple[int | str, ...]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
