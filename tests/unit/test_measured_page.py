"""The page of figures tells what the measurements have kept, and nothing else."""

from bench.page import DOCUMENT, TABLE, table


def test_the_page_has_what_was_measured_last() -> None:
    written = TABLE.search(DOCUMENT.read_text())
    assert written is not None
    assert written.group() == table()


def test_every_measurement_that_is_kept_is_on_the_page() -> None:
    commands = {line.split("`make ")[-1].partition("`")[0] for line in table().splitlines()[2:]}
    assert {"bench-start", "bench-latency", "bench-verdict", "bench-verify", "bench-results"} <= commands
