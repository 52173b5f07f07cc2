"""The values: exact JSON, times, positions, partitions. Each is read back as it was written."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.model import exact_json, instant
from pipeline_lib.model.journey import REFERENCE_ACTS, Visitor, sees
from pipeline_lib.model.partitioner import aggregate_ids_for_all, key_of, murmur2, partition_of
from pipeline_lib.model.position import Lsn, TopicPosition

decimals = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number.adjusted()) < 100)
scalars = st.none() | st.booleans() | st.integers() | st.text() | decimals
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(values)
def test_exact_json_is_read_as_it_was_written(value: object) -> None:
    assert exact_json.loads(exact_json.dumps(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_a_decimal_keeps_its_digits_in_json(number: Decimal) -> None:
    assert exact_json.dumps({"value": number}) == f'{{"value":{number:f}}}'


@given(values)
def test_exact_json_is_json(value: object) -> None:
    json.loads(exact_json.dumps(value))


@pytest.mark.parametrize("value", [1.5, {1: "a"}, {"a": {2.5}}, b"a", object()])
def test_what_has_no_exact_form_in_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        exact_json.dumps(value)


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_in_json_is_refused(number: Decimal) -> None:
    with pytest.raises(ValueError, match="no form in JSON"):
        exact_json.dumps(number)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "{'a': 1}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact_json.loads(text)


@given(st.datetimes(datetime(1900, 1, 2), datetime(2299, 12, 30), timezones=st.timezones()))  # noqa: DTZ001
def test_a_time_is_read_back_to_the_microsecond(moment: datetime) -> None:
    # In UTC, since Python holds no two times of different zones equal where the clocks are put back.
    assert instant.from_text(instant.to_text(moment)) == moment.astimezone(UTC)


def test_a_time_is_written_in_utc_with_all_six_digits() -> None:
    moment = datetime(2026, 11, 22, 17, 4, 11, tzinfo=timezone(timedelta(hours=2)))
    assert instant.to_text(moment) == "2026-11-22T15:04:11.000000Z"


@given(st.integers(min_value=0, max_value=253402300799999999))
def test_microseconds_since_1970_are_exact(microseconds: int) -> None:
    moment = instant.from_microseconds(microseconds)
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == microseconds


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 11, 22)  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        instant.to_text(naive)
    with pytest.raises(ValueError, match="no time zone"):
        instant.from_text("2026-11-22T15:04:11")
    with pytest.raises(ValueError, match="no zone"):
        sees("/").by(Visitor(), naive)


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_an_lsn_is_read_back(position: int) -> None:
    assert Lsn.parse(str(Lsn(position))) == position


def test_an_lsn_is_written_as_postgresql_writes_it() -> None:
    assert str(Lsn(27340424)) == "0/1A12E88"
    assert str(Lsn(2**32 + 255)) == "1/FF"
    assert Lsn.parse("0/1A11F98") < Lsn.parse("0/1A12038") < Lsn.parse("1/0")


@pytest.mark.parametrize("text", ["", "1A11F98", "0/", "0/1A11F98 ", "0/123456789", "x/1", "-1/0"])
def test_what_is_no_lsn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an LSN"):
        Lsn.parse(text)


@pytest.mark.parametrize("position", [-1, 2**64])
def test_a_position_beyond_the_wal_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        Lsn(position)


def test_an_offset_is_written_as_topic_partition_and_offset() -> None:
    assert str(TopicPosition("experiments_events", 2, 118)) == "experiments_events-2@118"


@pytest.mark.parametrize(
    ("data", "hash_"),
    [
        # The vectors of Kafka's own UtilsTest.testMurmur2.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(data: bytes, hash_: int) -> None:
    assert murmur2(data) == hash_ % 2**32


def test_a_key_is_what_connect_writes() -> None:
    assert key_of("fé-1") == '{"aggregate_id":"fé-1"}'.encode()


@given(st.integers(min_value=1, max_value=50))
def test_there_is_an_aggregate_for_every_partition(partitions: int) -> None:
    ids = aggregate_ids_for_all(partitions, "fence")
    assert [partition_of(id_, partitions) for id_ in ids] == list(range(partitions))


def test_every_visitor_and_every_event_has_ids_of_its_own() -> None:
    visitors = [Visitor() for _ in range(50)]
    events = [act.by(visitor, instant.now()) for visitor in visitors for act in REFERENCE_ACTS]
    assert len({visitor.user_id for visitor in visitors} | {visitor.session_id for visitor in visitors}) == 100
    assert len({event.id for event in events}) == len(events)
