"""One stack for all defects, with the transforms on its Connect's plugin path. It is always the run's own: a stack that
somebody works with is not to be broken.
"""

from collections.abc import Iterator

import pytest

from pipeline_lib.model.endpoints import Endpoints
from pipeline_lib.pipeline import open_pipeline
from steps.stack import endpoints_of, stack_of_its_own
from tests.sabotage.compiler import compile_transforms
from tests.sabotage.site import Site, open_site


@pytest.fixture(scope="session")
def sabotaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the stack to break."""
    plugins = compile_transforms(tmp_path_factory.mktemp("transforms"))
    with stack_of_its_own("sabotage", f"connect.plugins={plugins}") as name:
        yield name


@pytest.fixture(scope="session")
def sabotaged_endpoints(sabotaged: str) -> Endpoints:
    """Where its systems are."""
    return endpoints_of(sabotaged)


@pytest.fixture
def site(sabotaged_endpoints: Endpoints, request: pytest.FixtureRequest) -> Iterator[Site]:
    """The stack's pipeline and the hands on its systems."""
    with (
        open_pipeline(sabotaged_endpoints, name=request.node.name) as pipeline,
        open_site(sabotaged_endpoints, pipeline) as opened,
    ):
        yield opened
