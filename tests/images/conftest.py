"""A recipe that a test may change."""

from pathlib import Path

import pytest

from tools.images import base, recipes
from tools.images.recipes import Recipe


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """An image whose folder the test may change, with the smallest of its jars."""
    monkeypatch.setattr(recipes, "FOLDERS", tmp_path / "images")
    folder = tmp_path / "images" / "one"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("ARG PARENT\nFROM ${PARENT}\nCOPY jars/ /jars/\n")
    (folder / "entrypoint").write_text("#!/bin/sh\n")
    (folder / "entrypoint").chmod(0o755)
    jars = sorted(recipes.locked_jars(), key=lambda jar: jar.size)[:2]
    return Recipe("throughline/one:1", "one", base.TAG, {"jars": jars})
