"""The contract of the outbox: what an announcement looks like to whoever reads it, as JSON Schema, by version.

The versions are the files of `pipeline_lib/contracts/`. A version that is published is not changed but by adding what a
reader may pass over.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

from pipeline_lib.model import exact_json

CURRENT = 1
"""The version that the application writes."""


def violations(message: Mapping[str, Any], version: int = CURRENT) -> list[str]:
    """Where an outbox row (its `payload` an object, not text) breaks the contract, as "place: what is wrong".

    The properties, which the payload holds as text, are read and held to their part of it.
    """
    contract = _contract(version)
    broken = _told(Draft202012Validator(contract), message, "")
    text = message["payload"].get("properties") if not broken else None
    if text is None:
        return broken
    try:
        properties = exact_json.loads(text)
    except ValueError as error:
        return [f"/payload/properties: {error}"]
    nested = {"$ref": "#/$defs/properties", "$defs": contract["$defs"]}
    return _told(Draft202012Validator(nested), properties, "/payload/properties")


@cache
def _contract(version: int) -> dict[str, Any]:
    text = (files("pipeline_lib") / "contracts" / f"outbox_message.v{version}.json").read_text(encoding="utf-8")
    contract: dict[str, Any] = exact_json.loads(text)
    return contract


def _told(contract: Draft202012Validator, value: Any, place: str) -> list[str]:
    errors = contract.iter_errors(value)
    return [f"{place}{''.join(f'/{name}' for name in error.absolute_path)}: {error.message}" for error in errors]
