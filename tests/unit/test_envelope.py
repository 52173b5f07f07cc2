"""Debezium's envelope: read whole, or refused with what it is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.model import exact_json
from pipeline_lib.model.envelope import Envelope, NotAnEnvelope
from pipeline_lib.model.position import Lsn
from tests.unit.store import GOOD
from tests.unit.store import envelope as text_of


def changed(path: tuple[str, ...], value: Any) -> bytes:
    """A good envelope with one field replaced, or removed where the value is `...`."""
    fields = json.loads(text_of(GOOD, 7))
    *way, last = path
    place = fields
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(fields).encode()


def test_an_insert_is_read() -> None:
    envelope = Envelope.parse(text_of(GOOD, 7).encode())
    assert (envelope.op, envelope.before, envelope.outbox_id, envelope.lsn) == ("c", None, 7, Lsn(27340424))
    assert (envelope.aggregate_id, envelope.payload) == (GOOD.aggregate_id, GOOD.payload)
    assert envelope.committed_at.isoformat() == "2026-11-22T16:53:04.273880+00:00"
    assert envelope.captured_at.isoformat() == "2026-11-22T16:53:04.302108+00:00"


def test_of_a_delete_the_row_is_the_one_before() -> None:
    fields = json.loads(text_of(GOOD, 7))
    fields |= {"op": "d", "before": fields["after"], "after": None}
    assert Envelope.parse(json.dumps(fields).encode()).outbox_id == 7


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"", "not JSON"),
        (b"not json{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "no envelope"),
        (b"1", "no envelope"),
        (b'{"ts_ms":1}', "'op'"),
        (changed(("op",), ...), "'op'"),
        (changed(("op",), 1), "1 is not str"),
        (changed(("after",), ...), "'after'"),
        (changed(("after",), "row"), "'row' is not dict or NoneType"),
        (changed(("after",), None), "'id'"),
        (changed(("after", "id"), "7"), "'7' is not int"),
        (changed(("after", "id"), True), "True is not int"),
        (changed(("after", "payload"), {"a": 1}), "is not str"),
        (changed(("source", "lsn"), None), "None is not int"),
        (changed(("source",), ...), "'source'"),
        (changed(("ts_us",), 10**30), "OverflowError"),
    ],
)
def test_anything_else_is_refused_and_told(value: bytes, told: str) -> None:
    with pytest.raises(NotAnEnvelope) as refused:
        Envelope.parse(value)
    assert told in str(refused.value)


@given(st.binary())
def test_no_bytes_escape_as_another_error(value: bytes) -> None:
    with pytest.raises(NotAnEnvelope):
        Envelope.parse(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([("op",), ("before",), ("after",), ("source",), ("ts_us",), ("source", "lsn")]), json_values)
def test_no_field_escapes_as_another_error(path: tuple[str, ...], value: Any) -> None:
    try:
        envelope = Envelope.parse(changed(path, value))
    except NotAnEnvelope as refused:
        told = str(refused)
        assert "no envelope" in told
    else:
        assert envelope.outbox_id == 7


def test_a_payload_keeps_its_decimals() -> None:
    payload = exact_json.loads(Envelope.parse(text_of(GOOD, 7).encode()).payload["properties"])
    assert str(payload["value"]) == "39.99"
