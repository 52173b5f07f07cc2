"""The document lists the defects that there are, each with what it is named, and the results are of the same ones."""

import json
import re

from bench.measure import RESULTS
from bench.prove import DOCUMENT
from tests.sabotage.defects import DEFECTS


def test_the_document_lists_exactly_the_defects_that_there_are() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| [0-9.]+ \| [0-9.]* \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows == [(defect.name, defect.kind, defect.hop) for defect in DEFECTS]


def test_the_results_are_of_the_defects_that_there_are() -> None:
    proven = json.loads((RESULTS / "proof.json").read_text())
    assert [(one["defect"], one["kind_expected"], one["hop_expected"]) for one in proven] == [
        (defect.name, defect.kind, defect.hop) for defect in DEFECTS
    ]
    assert [
        one for one in proven if (one["kind_named"], one["hop_named"]) != (one["kind_expected"], one["hop_expected"])
    ] == []
