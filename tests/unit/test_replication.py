"""How a table of one server becomes one that replicas hold together: the text, and nothing else of it."""

import re

import pytest

from pipeline_lib import sql
from stacks.pipeline.clickhouse import is_derived
from stacks.pipeline.replication import path_of, replicated

STORE = "throughline-unit-clickhouse-1a2b3c"
TEXTS = {name: sql.read("clickhouse", name) for name in sql.CLICKHOUSE_ORDER}
HOLDS_ROWS = {"events", "dead_letters", "fences"}


def test_what_holds_rows_is_replicated_and_nothing_else() -> None:
    made = {name: replicated(name, text, STORE) for name, text in TEXTS.items()}
    assert {name for name in made if made[name] != TEXTS[name]} == HOLDS_ROWS
    assert {name for name in made if path_of(made[name]) is not None} == HOLDS_ROWS
    assert not [name for name in HOLDS_ROWS if is_derived(made[name])]


@pytest.mark.parametrize(
    ("engine", "arguments"), [("ReplacingMergeTree", ""), ("ReplacingMergeTree(kafka_offset)", ", kafka_offset")]
)
def test_the_engine_keeps_its_arguments_and_the_rest_stays(engine: str, arguments: str) -> None:
    made = replicated("t", f"CREATE TABLE t (a UInt8)\nENGINE = {engine}\nORDER BY a", STORE)
    wanted = rf"CREATE TABLE t \(a UInt8\)\nENGINE = ReplicatedReplacingMergeTree\('(.*)', '{{replica}}'{arguments}\)\n"
    match = re.fullmatch(wanted + "ORDER BY a", made)
    assert match is not None
    assert match[1] == path_of(made)


def test_a_path_belongs_to_data_name_and_definition() -> None:
    text = TEXTS["fences"]
    paths = [
        path_of(replicated(name, statement, store))
        for name, statement, store in (
            ("fences", text, STORE),
            ("fences", text.replace("7 DAY", "8 DAY"), STORE),
            ("fences", text, "other"),
            ("others", text, STORE),
        )
    ]
    assert len(set(paths)) == len(paths)
    assert paths[0] == path_of(replicated("fences", text, STORE))
