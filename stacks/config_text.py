"""A stack's config as Pulumi keeps it: a flat map of `namespace:key` to text.

The keys live in the project's namespace and are one object a part: `pulumi config set --path kafka.heap 1g` is
`throughline:kafka: {heap: 1g}`, which comes as JSON.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipeline_lib.model.errors import UserError
from stacks import config_rules
from stacks.config import PROJECT, Section, StackConfig, is_secret, key_of


def parse(values: Mapping[str, str]) -> StackConfig:
    """The stack's config from Pulumi's flat map of `namespace:key` to text (JSON where it is an object).

    Keys of other namespaces are Pulumi's or a provider's and none of ours. Raises UserError.
    """
    ours = {key.removeprefix(f"{PROJECT}:"): text for key, text in values.items() if key.startswith(f"{PROJECT}:")}
    try:
        config = StackConfig.model_validate({key: _decoded(text) for key, text in ours.items()})
    except ValidationError as invalid:
        raise UserError(_refusal(invalid)) from None
    config_rules.check(config)
    return config


def with_settings(values: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Pulumi's flat map as it is after `pulumi config set --path` of each setting (`kafka.heap` to its value)."""
    merged = dict(values)
    for path, value in settings.items():
        head, _, rest = path.partition(".")
        key = f"{PROJECT}:{head}"
        inner = _decoded(merged.get(key, "{}"))
        merged[key] = json.dumps({**(inner if isinstance(inner, dict) else {}), rest: value}) if rest else value
    return merged


def _decoded(text: str) -> Any:
    """Objects come as JSON; anything else is the text itself."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _refusal(invalid: ValidationError) -> str:
    sentences = []
    for error in invalid.errors(include_url=False):
        *path, last = [str(step) for step in error["loc"]]
        section = _section(path)
        key = ".".join([*path, last])
        if error["type"] == "extra_forbidden":
            known = ", ".join(key_of(name) for name in section.model_fields)
            sentences.append(f"The stack's config has an unknown key '{key}': {_where(path)} takes {known}.")
        else:
            sentences.append(
                f"The stack's config has a bad value for '{key}': {_shown(key, error['input'])} was given, "
                f"{_valid_values(section, last)} is wanted."
            )
    example = ".".join(str(step) for step in invalid.errors(include_url=False)[0]["loc"])
    return (
        " ".join(sentences)
        + f" Change it with `pulumi config set --path {example} VALUE` or take it away with "
        + (f"`pulumi config rm --path {example}`.")
    )


def _shown(key: str, given: Any) -> str:
    return "what must not be shown" if is_secret(key) else repr(given)


def _section(path: list[str]) -> type[Section]:
    section: type[Section] = StackConfig
    for step in path:
        annotation = next(field.annotation for name, field in section.model_fields.items() if key_of(name) == step)
        if not (isinstance(annotation, type) and issubclass(annotation, Section)):
            break
        section = annotation
    return section


def _where(path: list[str]) -> str:
    return f"'{'.'.join(path)}'" if path else "a stack"


def _valid_values(section: type[Section], key: str) -> str:
    for name, field in section.model_fields.items():
        if key_of(name) != key:
            continue
        if field.description:
            return field.description
        for nested in getattr(field.annotation, "__args__", ()):
            for extra in getattr(nested, "__metadata__", ()):
                if getattr(extra, "description", None):
                    return str(extra.description)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            return "an object of " + ", ".join(key_of(inner) for inner in field.annotation.model_fields)
    return "another value"
