"""What a user asks a verification about: moments and files of ids, and what is told of those that are none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from pipeline_lib.model.position import Lsn
from pipeline_lib.verify.bulk import asked, rowbinary


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0/1A11F98", Lsn(0x1A11F98)),
        ("2026-11-22T15:04:11Z", datetime(2026, 11, 22, 15, 4, 11, tzinfo=UTC)),
        ("2026-11-22T16:04:11.000001+01:00", datetime(2026, 11, 22, 15, 4, 11, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_lsn_or_a_time(text: str, moment: Lsn | datetime) -> None:
    assert asked.since(text) == asked.Since(moment)


@pytest.mark.parametrize("text", ["", "0/", "1/G", "yesterday", "2026-11-22", "2026-11-22T15:04:11"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="takes an LSN such as 0/1A11F98, or a time with its zone"):
        asked.since(text)


def test_ids_are_a_line_each_plain_or_in_json(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    file.write_text('one\n\n  two \n{"id": "three", "value": 1}\n"four"\r\nüñï')
    assert list(asked.ids_in(file)) == ["one", "two", "three", "four", "üñï"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "There is no id in"),
        (b" \n\n", "There is no id in"),
        (b'one\n{"name": 1}\n', "Line 2 of"),
        (b'{"id": 5}\n', "does not name an event"),
        (b'{"id": \n', "does not name an event"),
        (b"\xff\xfe\n", "it is not UTF-8"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "ids"
    file.write_bytes(content)
    with pytest.raises(UserError, match=words):
        list(asked.ids_in(file))


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        list(asked.ids_in(tmp_path / path))


@pytest.mark.parametrize(
    ("length", "prefix"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (16384, b"\x80\x80\x01")],
)
def test_a_string_stands_behind_its_length(length: int, prefix: bytes) -> None:
    assert rowbinary.nullable_string(b"x" * length) == b"\x00" + prefix + b"x" * length
