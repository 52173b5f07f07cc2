"""A change of the SQL is a diff that `up` applies, and no row is lost to it."""

import shutil
from pathlib import Path

import psycopg
import pytest

from pipeline_lib.model.endpoints import reveal
from stacks.state import ROOT
from tests.stacks.conftest import Lab


@pytest.fixture
def lab_of_a_copy(tmp_path: Path) -> Lab:
    """A lab whose project is a copy that a test may edit."""
    copy = tmp_path / "project"
    for folder in ("stacks", "pipeline_lib", "tools"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Pulumi.yaml", copy)
    return Lab(tmp_path / "throughline", copy)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))


def test_changed_sql_is_applied_to_what_stands(lab_of_a_copy: Lab) -> None:
    lab = lab_of_a_copy
    sql = lab.root / "pipeline_lib" / "sql"
    try:
        stack = lab.up()
        lab.throughline("demo", "--stack", stack)
        owner = reveal(lab.endpoints(stack).postgres.dsn_of("owner"))

        # A column that ClickHouse computes, one in a view, and one in PostgreSQL.
        edit(
            sql / "clickhouse" / "events.sql",
            "    is_exposure        Bool",
            "    is_page_view       Bool MATERIALIZED event_type = 'page_view',\n    is_exposure        Bool",
        )
        edit(sql / "clickhouse" / "event_details.sql", "    is_exposure,", "    is_page_view,\n    is_exposure,")
        edit(
            sql / "postgres" / "tables.sql",
            "    occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp()\n",
            "    occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp(),\n"
            "    device  text NOT NULL DEFAULT 'desktop'\n",
        )
        preview = lab.pulumi("preview", "--diff", "--stack", stack).stdout
        assert "is_page_view" in preview
        assert "device" in preview
        changed = lab.changes(lab.throughline("up", "--stack", stack))
        assert changed == {"clickhouse-schema updated", "postgres-schema updated"}

        with lab.analyst(stack) as client:
            assert client.query(
                "SELECT event_type, is_page_view FROM event_details ORDER BY occurred_at"
            ).result_rows == [
                ("exposure", False),
                ("page_view", True),
                ("click", False),
                ("conversion", False),
            ]
        with psycopg.connect(owner) as postgres:
            assert postgres.execute("SELECT DISTINCT device FROM events").fetchall() == [("desktop",)]

        lab.throughline("demo", "--stack", stack)
        assert lab.changes(lab.throughline("up", "--stack", stack)) == set()

        # What would cost rows is refused, and nothing of it is applied.
        edit(sql / "postgres" / "tables.sql", "    device  text NOT NULL DEFAULT 'desktop'", "    device  int")
        refused = lab.throughline("up", "--stack", stack, fails=True)
        assert "events.device" in refused.stderr
        assert "Traceback" not in refused.stderr
        edit(sql / "postgres" / "tables.sql", "    device  int", "    device  text NOT NULL DEFAULT 'desktop'")

        # A mistake in a statement is told with ClickHouse's own words, and the next `up` goes on.
        edit(sql / "clickhouse" / "event_details.sql", "    is_page_view,", "    is_page_vew,")
        refused = lab.throughline("up", "--stack", stack, fails=True)
        assert "is_page_vew" in refused.stderr
        assert "Traceback" not in refused.stderr
        edit(sql / "clickhouse" / "event_details.sql", "    is_page_vew,", "    is_page_view,")
        lab.throughline("up", "--stack", stack)
        lab.throughline("demo", "--stack", stack)
    finally:
        lab.clean_up()
    assert lab.processes() == []
