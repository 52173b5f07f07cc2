"""Blocks of ClickHouse's Native format: where their columns are, and what a client of a protocol version is sent in
addition.

A block is: number of columns and of rows (as variable-length integers), then column by column its name, its type and
its data. Data have no length of their own, so a column is found by walking through those before it, type by type
(NativeWriter.cpp and the types' serializations).

The engine writes blocks for clients of version 0. From version 51903 on a client expects each block to begin with its
block info (here: not an overflow row, bucket -1), and from 54337 on to be told the time zone of a DateTime column,
which version 0 is not.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

BLOCK_INFO_SINCE = 51903
TIME_ZONES_SINCE = 54337
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"

_SIZES = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{
        "Float32": 4,
        "Float64": 8,
        "BFloat16": 2,
        "Bool": 1,
        "Nothing": 1,
        "Enum8": 1,
        "Enum16": 2,
        "UUID": 16,
        "IPv4": 4,
        "IPv6": 16,
    },
    **{"Date": 2, "Date32": 4, "DateTime": 4, "DateTime32": 4, "DateTime64": 8, "Time": 4, "Time64": 8},
    **{"Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32},
}
_POINT = "Tuple(Float64, Float64)"
_ALIASES = {
    "Point": _POINT,
    "Ring": f"Array({_POINT})",
    "LineString": f"Array({_POINT})",
    "Polygon": f"Array(Array({_POINT}))",
    "MultiLineString": f"Array(Array({_POINT}))",
    "MultiPolygon": f"Array(Array(Array({_POINT})))",
}
_DECIMAL_SIZES = ((9, 4), (18, 8), (38, 16), (76, 32))
_TYPE_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+")
_ELEMENT_NAME = re.compile(r"^(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=[A-Z])")


class UnknownLayoutError(Exception):
    """A type whose data this module cannot walk through: AggregateFunction, Variant, Dynamic, JSON."""


@dataclass(frozen=True)
class Column:
    """A column of a block and where it is: its name's beginning, its data's beginning and end."""

    name: str
    type: str
    start: int
    data: int
    end: int


class BlockWriter:
    """Rewrites blocks of version 0 for a client of another version.

    `types` is asked for the columns' full types, once, when a block has a DateTime column whose zone might be missing.
    """

    def __init__(self, protocol_version: int, types: Callable[[], Mapping[str, str]]) -> None:
        self._prefix = BLOCK_INFO if protocol_version >= BLOCK_INFO_SINCE else b""
        self._tells_zones = protocol_version >= TIME_ZONES_SINCE
        self._types = types
        self._known_types: Mapping[str, str] | None = None

    def rewritten(self, block: bytes) -> bytes:
        """The block as the client expects it."""
        return self._prefix + (self._with_zones(block) if self._tells_zones and b"\x08DateTime" in block else block)

    def _with_zones(self, block: bytes) -> bytes:
        pieces = []
        copied = 0
        for column in _readable_columns(block):
            if column.type != "DateTime":
                continue
            full = self._type_of(column.name)
            pieces += [block[copied : column.start], _text(column.name), _text(full)]
            copied = column.data
        return b"".join((*pieces, block[copied:]))

    def _type_of(self, name: str) -> str:
        if self._known_types is None:
            self._known_types = self._types()
        full = self._known_types.get(name, "DateTime")
        return full if full.startswith("DateTime(") else "DateTime"


def split(blocks: bytes) -> Iterator[bytes]:
    """The single blocks of several in a row; UnknownLayoutError if their types do not let them be told apart."""
    start = 0
    while start < len(blocks):
        end = start
        for column in columns(blocks, start):
            end = column.end
        if end == start:
            return
        yield blocks[start:end]
        start = end


def rows_of(block: bytes) -> int:
    """How many rows the block has."""
    _, position = _number(block, 0)
    return _number(block, position)[0]


def columns(block: bytes, start: int = 0) -> Iterator[Column]:
    """The columns of the block at `start`."""
    count, position = _number(block, start)
    rows, position = _number(block, position)
    for _ in range(count):
        begin = position
        name, position = _read_text(block, position)
        type_name, position = _read_text(block, position)
        layout = _layout(type_name)
        end = layout.skip(block, layout.skip_prefix(position), rows) if rows else position
        yield Column(name, type_name, begin, position, end)
        position = end


def _readable_columns(block: bytes) -> Iterator[Column]:
    """The columns up to the first that cannot be walked through: zones behind it are not told."""
    try:
        yield from columns(block)
    except UnknownLayoutError:
        return


@dataclass(frozen=True)
class _Layout:
    """How a type's data lie in a block: a prefix once, then all rows' values."""

    prefix: int
    skip: Callable[[bytes, int, int], int]
    """Behind the data of so many rows at a position."""

    def skip_prefix(self, position: int) -> int:
        return position + self.prefix


def _layout(type_name: str) -> _Layout:
    name, arguments = _parsed(type_name)
    if name in _ALIASES:
        return _layout(_ALIASES[name])
    if name == "String":
        return _Layout(0, _skip_strings)
    if name == "FixedString":
        return _fixed(int(arguments[0]))
    if name == "Decimal":
        return _fixed(next(size for digits, size in _DECIMAL_SIZES if int(arguments[0]) <= digits))
    if name.startswith("Interval"):
        return _fixed(8)
    if name in _SIZES:
        return _fixed(_SIZES[name])
    if name == "Nullable":
        return _nullable(_layout(arguments[0]))
    if name == "Array":
        return _array(_layout(arguments[0]))
    if name in ("Map", "Nested"):
        return _array(_tuple([_layout(_without_name(argument)) for argument in arguments]))
    if name == "Tuple":
        return _tuple([_layout(_without_name(argument)) for argument in arguments])
    if name == "LowCardinality":
        inner, inner_arguments = _parsed(arguments[0])
        return _low_cardinality(_layout(inner_arguments[0] if inner == "Nullable" else arguments[0]))
    if name == "SimpleAggregateFunction":
        return _layout(arguments[1])
    raise UnknownLayoutError(type_name)


def _fixed(size: int) -> _Layout:
    return _Layout(0, lambda _, position, rows: position + size * rows)


def _nullable(inner: _Layout) -> _Layout:
    return _Layout(inner.prefix, lambda block, position, rows: inner.skip(block, position + rows, rows))


def _array(inner: _Layout) -> _Layout:
    def skip(block: bytes, position: int, rows: int) -> int:
        if not rows:
            return position
        position += 8 * rows
        (elements,) = struct.unpack_from("<Q", block, position - 8)
        return inner.skip(block, position, elements)

    return _Layout(inner.prefix, skip)


def _tuple(elements: Sequence[_Layout]) -> _Layout:
    def skip(block: bytes, position: int, rows: int) -> int:
        if not elements:
            return position + rows
        for element in elements:
            position = element.skip(block, position, rows)
        return position

    return _Layout(sum(element.prefix for element in elements), skip)


def _low_cardinality(key: _Layout) -> _Layout:
    """A version as prefix; then flags (the indexes' width in the lowest byte), the keys, and an index for each row."""

    def skip(block: bytes, position: int, rows: int) -> int:
        if not rows:
            return position
        flags, keys = struct.unpack_from("<QQ", block, position)
        position = key.skip(block, position + 16, keys)
        (indexes,) = struct.unpack_from("<Q", block, position)
        return int(position + 8 + indexes * (1 << (flags & 0xFF)))

    return _Layout(8, skip)


def _skip_strings(block: bytes, position: int, rows: int) -> int:
    for _ in range(rows):
        length = block[position]
        if length < 0x80:
            position += length + 1
        else:
            length, position = _number(block, position)
            position += length
    return position


def _parsed(type_name: str) -> tuple[str, list[str]]:
    """`Tuple(a Int8, b String)` → `Tuple`, [`a Int8`, `b String`]."""
    arguments: list[str] = []
    piece = ""
    depth = 0
    name = type_name.partition("(")[0].strip()
    for token in _TYPE_TOKEN.findall(type_name[len(name) :]):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if (depth == 1 and token in ("(", ",")) or depth == 0:
            if piece.strip():
                arguments.append(piece.strip())
            piece = ""
        else:
            piece += token
    return name, arguments


def _without_name(element: str) -> str:
    """A Tuple's element may have a name before its type."""
    return _ELEMENT_NAME.sub("", element)


def _number(block: bytes, position: int) -> tuple[int, int]:
    """A variable-length integer and the position behind it."""
    value = shift = 0
    while True:
        byte = block[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _read_text(block: bytes, position: int) -> tuple[str, int]:
    length, position = _number(block, position)
    return block[position : position + length].decode(errors="surrogateescape"), position + length


def _text(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    length = len(data)
    prefix = bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data
