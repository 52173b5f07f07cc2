"""Where Kafka puts a record: its producers hash the key's bytes with murmur2 and take the result modulo partitions.

From `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`. The key is what Connect's
JsonConverter writes without schemas: the key's fields as compact JSON.
"""

import json
from collections.abc import Iterator
from itertools import count

_MASK = 0xFFFFFFFF
_SEED, _M, _R = 0x9747B28C, 0x5BD1E995, 24


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 hash, as an unsigned 32-bit number."""
    whole = len(data) & ~3
    hash_ = (_SEED ^ len(data)) & _MASK
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ k >> _R) * _M & _MASK
        hash_ = hash_ * _M & _MASK ^ k
    tail = data[whole:]
    if tail:
        hash_ = (hash_ ^ int.from_bytes(tail, "little")) * _M & _MASK
    hash_ = (hash_ ^ hash_ >> 13) * _M & _MASK
    return hash_ ^ hash_ >> 15


def key_of(aggregate_id: str) -> bytes:
    """The Kafka key of the messages of an aggregate."""
    return json.dumps({"aggregate_id": aggregate_id}, ensure_ascii=False, separators=(",", ":")).encode()


def partition_of(aggregate_id: str, partitions: int) -> int:
    """The partition that the messages of an aggregate go to, of so many."""
    return (murmur2(key_of(aggregate_id)) & 0x7FFFFFFF) % partitions


def aggregate_ids_for_all(partitions: int, prefix: str) -> list[str]:
    """An aggregate id for each partition, in their order: prefix-0, prefix-1, … until each has one."""
    found: dict[int, str] = {}
    for candidate in _candidates(prefix):
        found.setdefault(partition_of(candidate, partitions), candidate)
        if len(found) == partitions:
            return [found[partition] for partition in range(partitions)]
    raise AssertionError("count() never ends")


def _candidates(prefix: str) -> Iterator[str]:
    return (f"{prefix}-{number}" for number in count())
