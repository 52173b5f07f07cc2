"""Loading an image from an archive: only the one that was meant, however it is wrapped; and the tests' ClickHouse."""

import hashlib
import io
import subprocess
import tarfile
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pipeline_lib.model.errors import UserError
from tests.images.with_engine.conftest import Engine, docker, free_port, wait_for
from tools.images.archive import ensure_archive
from tools.images.clickhouse_for_tests import ensure_test_clickhouse
from tools.images.docker import image_id


@dataclass(frozen=True)
class Saved:
    """A small image as `docker save` wrote it; `claimed` is the name in the archive, `tag` the one it is to get."""

    archive: Path
    claimed: str
    tag: str
    id: str


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Saved]:
    """The engine does not have the image any more."""
    monkeypatch.setenv("THROUGHLINE_CACHE", str(tmp_path / "cache"))
    unique = uuid.uuid4().hex
    claimed, tag = f"somebody/{unique}:1", f"throughline/{unique}:1"
    root = io.BytesIO()
    with tarfile.open(fileobj=root, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(unique))
    subprocess.run(["docker", "import", "-", claimed], input=root.getvalue(), check=True, capture_output=True)
    identity = image_id(claimed)
    assert identity is not None
    path = tmp_path / "image.tar"
    docker("save", f"--output={path}", claimed)
    docker("image", "rm", claimed)
    yield Saved(path, claimed, tag, identity)
    for name in (claimed, tag):
        if image_id(name):
            docker("image", "rm", name)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wrapped(archive: Path, *wrappings: str) -> Path:
    """The archive in a tar of the given compression, or in a wheel; the first wrapping is the innermost."""
    for wrapping in wrappings:
        inner = archive.with_name(f"{archive.name}.{wrapping}")
        if wrapping == "whl":
            with zipfile.ZipFile(inner, "w") as wheel:
                wheel.write(archive, "package/image.tar.xz")
                wheel.writestr("package/METADATA", "text")
        else:
            with tarfile.open(inner, f"w:{wrapping}") as outer:
                outer.add(archive, "image.tar")
        archive = inner
    return archive


@pytest.mark.parametrize("wrappings", [(), ("gz",), ("xz",), ("whl",), ("xz", "whl")], ids="+".join)
def test_an_image_is_loaded_out_of_its_wrappings(saved: Saved, wrappings: tuple[str, ...]) -> None:
    archive = wrapped(saved.archive, *wrappings)
    assert ensure_archive(archive, sha256(archive).upper(), saved.tag)
    assert image_id(saved.tag) == saved.id
    assert image_id(saved.claimed) is None
    assert not ensure_archive(archive, sha256(archive), saved.tag)


def test_an_image_that_was_removed_is_loaded_again(saved: Saved) -> None:
    ensure_archive(saved.archive, sha256(saved.archive), saved.tag)
    docker("image", "rm", saved.tag)
    assert ensure_archive(saved.archive, sha256(saved.archive), saved.tag)
    assert image_id(saved.tag) == saved.id


def test_another_archive_than_was_meant_is_refused_with_both_digests(saved: Saved) -> None:
    meant = "0" * 64
    with pytest.raises(UserError) as refused:
        ensure_archive(saved.archive, meant, saved.tag)
    assert meant in refused.value.paragraph
    assert sha256(saved.archive) in refused.value.paragraph
    assert str(saved.archive) in refused.value.paragraph
    assert image_id(saved.tag) is None


def test_an_archive_that_is_not_there_is_one_paragraph(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.tar cannot be read: No such file"):
        ensure_archive(tmp_path / "nowhere.tar", "0" * 64, saved.tag)


@pytest.mark.parametrize("content", ["text", "tar", "zip"])
def test_what_holds_no_image_is_refused(saved: Saved, tmp_path: Path, content: str) -> None:
    path = tmp_path / "other"
    if content == "text":
        path.write_text("no archive at all")
    elif content == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("README"))
    else:
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("README", "")
    with pytest.raises(UserError, match="holds no image"):
        ensure_archive(path, sha256(path), saved.tag)


def test_the_clickhouse_of_the_tests_answers(engine: Engine) -> None:
    port = free_port()
    container = engine.start(
        ensure_test_clickhouse(), ports={8123: port}, volumes={"/var/lib/clickhouse": engine.volume()}
    )

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/ping", timeout=5).text == "Ok.\n"
        except httpx.TransportError:
            return False

    wait_for(answers, container.logs)
    assert docker("exec", container.name, "clickhouse-client", "--query=SELECT version()") == "24.10.2.80"
