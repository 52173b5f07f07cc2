"""ClickHouse's RowBinary: numbers little-endian, a string behind its length, a byte before what may be null."""

import struct

_INT64 = struct.Struct("<q")
_INT32 = struct.Struct("<i")


def int64(number: int) -> bytes:
    """An Int64, or a UInt64 below 2^63."""
    return _INT64.pack(number)


def int32(number: int) -> bytes:
    """An Int32."""
    return _INT32.pack(number)


def string(value: bytes) -> bytes:
    """A String."""
    return _length(len(value)) + value


def nullable_string(value: bytes | None) -> bytes:
    """A Nullable(String)."""
    return b"\x01" if value is None else b"\x00" + string(value)


def _length(number: int) -> bytes:
    """As LEB128: seven bits a byte, the lowest first, the eighth set while more follow."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _length(rest) if rest else bytes([low])
