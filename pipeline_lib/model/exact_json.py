"""JSON whose numbers are Decimals: read and written digit by digit, never through a float.

The standard library reads that way (`parse_float`) but does not write Decimals. Written text is compact and not
escaped beyond what JSON asks for (RFC 8259).
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False).encode


def loads(text: str | bytes) -> Any:
    """The value of a JSON text, with a Decimal for every number that has a fraction or an exponent.

    Raises ValueError for what is no JSON, which includes NaN and Infinity.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: Any) -> str:
    """The JSON text of a value; raises TypeError for a float, since its digits are not what was meant."""
    match value:
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{value} has no form in JSON")
            return f"{value:f}"
        case None | bool() | int() | str():
            return _encode(value)
        case Mapping():
            return "{" + ",".join(f"{_key(key)}:{dumps(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact form in JSON: {value!r}")


def as_jsonb(value: Any) -> str:
    """The text that PostgreSQL gives of the value as a jsonb: keys by length, then by bytes, and blanks between."""
    match value:
        case Mapping():
            pairs = sorted(value.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode()))
            return "{" + ", ".join(f"{_key(key)}: {as_jsonb(item)}" for key, item in pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(as_jsonb(item) for item in value) + "]"
    return dumps(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"A key of a JSON object is text, not {key!r}")
    return _encode(key)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
