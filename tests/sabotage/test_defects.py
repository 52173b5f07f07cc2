"""Each defect is named at its hop, with the messages that it hits and no others; a healthy pipeline has none."""

import pytest

from tests.sabotage.defect import Defect
from tests.sabotage.defects import DEFECTS
from tests.sabotage.site import Site
from tests.sabotage.trial import HEALTHY_RUNS, healthy, run


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_named_and_leaves_nothing(site: Site, defect: Defect) -> None:
    outcome = run(site, defect)
    assert outcome.faults == [], outcome.verdict.text()


def test_a_healthy_pipeline_has_no_defect(site: Site) -> None:
    for _ in range(HEALTHY_RUNS):
        healthy(site.pipeline)
