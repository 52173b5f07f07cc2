"""What an image is made from, and when it is made anew: with an engine, on a Debian."""

from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tests.images.with_engine.conftest import docker
from tools.images import base, recipes
from tools.images.build import build_images
from tools.images.docker import build, image_id, inputs_of
from tools.images.recipes import Recipe, write_context


def test_images_that_are_there_are_left_alone(images: None) -> None:
    tags = [base.TAG, *(recipe.tag for recipe in recipes.recipes())]
    before = [image_id(tag) for tag in tags]
    assert None not in before
    assert build_images() == []
    assert [image_id(tag) for tag in tags] == before


def test_an_image_that_is_missing_is_made_and_so_is_what_stands_on_it(images: None) -> None:
    [connect] = [recipe for recipe in recipes.recipes() if recipe.folder == "connect"]
    docker("image", "rm", "--no-prune", connect.parent)
    assert build_images() == [connect.parent, connect.tag]
    assert build_images() == []


def test_a_build_that_fails_shows_the_engine_s_words_and_leaves_no_image(
    images: None, recipe: Recipe, tmp_path: Path
) -> None:
    (recipes.FOLDERS / "one" / "Dockerfile").write_text("ARG PARENT\nFROM ${PARENT}\nRUN echo broken by hand; exit 3\n")
    write_context(recipe, tmp_path / "context.tar")
    lines: list[str] = []
    with pytest.raises(UserError) as refused:
        build(recipe.tag, tmp_path / "context.tar", recipe.parent, "inputs", lines.append)
    assert recipe.tag in refused.value.paragraph
    assert "broken by hand" in refused.value.evidence
    assert any("broken by hand" in line for line in lines)
    assert inputs_of(recipe.tag) is None


def test_the_packages_come_from_where_this_machine_s_come_from() -> None:
    mirrors = base.debian_mirrors()
    assert mirrors["Debian"].startswith("http")
    text = base.sources({"Debian": "http://mirror/debian"})
    assert text == "deb http://mirror/debian trixie main\ndeb http://mirror/debian trixie-updates main\n"
    assert base.sources({"Debian": "a", "Debian-Security": "b"}).splitlines()[2:] == ["deb b trixie-security main"]


def test_a_machine_whose_apt_knows_no_debian_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{tmp_path}/none.list";\nDir::Etc::SourceParts "{tmp_path}/none.d";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    with pytest.raises(UserError, match="its sources name none"):
        base.debian_mirrors()
