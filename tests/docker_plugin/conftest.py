from collections.abc import Iterator

import pytest

from tests.docker_plugin.plugin import Plugin, running_plugin


@pytest.fixture(scope="session")
def plugin() -> Iterator[Plugin]:
    """A plugin that nobody has configured: it needs no engine to check and to compare."""
    with running_plugin() as plugin:
        yield plugin
