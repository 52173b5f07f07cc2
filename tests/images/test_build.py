"""What an image is made from, what decides whether it is made anew, and what a user is told when it cannot be."""

import dataclasses
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tools.images import recipes
from tools.images.docker import require_engine
from tools.images.recipes import Recipe, digest, write_context
from tools.setup.python_env import ROOT

NOWHERE = "tcp://127.0.0.1:9"


def test_the_connector_s_jars_are_the_plugin_s_alone() -> None:
    made = {recipe.folder: recipe for recipe in recipes.recipes()}
    plugin = {jar.artifact for jar in made["connect"].jars["plugin"]}
    worker = {jar.artifact for jar in recipes.recipes()[2].jars["jars"]}
    assert {"debezium-connector-postgres", "postgresql"} <= plugin
    assert {"connect-runtime", "kafka_2.13", "kafka-clients"} <= worker
    assert plugin | worker == {jar.artifact for jar in recipes.locked_jars()}
    assert not plugin & worker


def test_the_digest_changes_with_each_input(recipe: Recipe) -> None:
    folder = recipes.FOLDERS / "one"
    seen = [digest(recipe, "parent"), digest(recipe, "other parent")]
    seen.append(digest(dataclasses.replace(recipe, jars={"jars": recipe.jars["jars"][:1]}), "parent"))
    seen.append(digest(dataclasses.replace(recipe, jars={"plugin": recipe.jars["jars"]}), "parent"))
    (folder / "entrypoint").chmod(0o644)
    seen.append(digest(recipe, "parent"))
    (folder / "entrypoint").write_text("#!/bin/sh\nexit\n")
    seen.append(digest(recipe, "parent"))
    assert len(set(seen)) == len(seen)
    assert digest(recipe, "parent") == seen[-1]


def test_the_context_holds_the_folder_and_the_jars(recipe: Recipe, tmp_path: Path) -> None:
    write_context(recipe, tmp_path / "context.tar")
    with tarfile.open(tmp_path / "context.tar") as context:
        modes = {member.name: member.mode for member in context.getmembers()}
        first = recipe.jars["jars"][0]
        packed = context.extractfile(f"jars/{first.file_name}")
        assert packed is not None
        assert packed.read() == first.path.read_bytes()
    jars = {f"jars/{jar.file_name}": 0o644 for jar in recipe.jars["jars"]}
    assert modes == {"Dockerfile": 0o644, "entrypoint": 0o755, **jars}


def test_without_an_engine_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    with pytest.raises(UserError, match=rf"{NOWHERE}\) does not answer.*tools\.engine up"):
        require_engine()


def test_the_command_ends_with_a_paragraph_and_a_status() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tools.images"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": NOWHERE},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert "does not answer" in told.stderr
    assert "Traceback" not in told.stderr
