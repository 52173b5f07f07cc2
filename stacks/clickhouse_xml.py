"""ClickHouse's configuration files: XML whose elements are named by the keys of a mapping, in their order.

A mapping's value is an element's content: a text or number, a mapping of what is in it, or a sequence for an element
that is there several times. A key that begins with @ is an attribute.
"""

import xml.etree.ElementTree as Xml
from collections.abc import Mapping


def configuration(settings: Mapping[str, object]) -> str:
    """The text of a file; everything in it is quoted as XML wants it."""
    return Xml.tostring(_element("clickhouse", settings), encoding="unicode")


def _element(tag: str, content: object) -> Xml.Element:
    element = Xml.Element(tag)
    if not isinstance(content, Mapping):
        element.text = str(content)
        return element
    for key, value in content.items():
        if key.startswith("@"):
            element.set(key[1:], str(value))
        else:
            element.extend(_element(key, each) for each in (value if isinstance(value, list) else [value]))
    return element
