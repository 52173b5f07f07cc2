"""Loads an image from an archive that `docker save` made, if it is the archive that its owner means: by SHA-256.

The archive may be compressed (gzip, bzip2, xz), may lie in a tar archive of its own, and all this in a Python wheel: it
is unpacked until the manifest of an image shows. The SHA-256 is that of the file as it is named, so nothing of it is
read before it is known to be the right one. The id of the image that was in it is kept in the cache, so that a second
time costs no more than reading the file once.
"""

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.cache import cache_folder
from tools.images.docker import image_id, load, require_engine, tag_as, untag
from tools.setup.progress import step

MANIFEST = "manifest.json"
SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz")
"""What an archive in an archive is called."""


def ensure_archive(archive: Path, sha256: str, tag: str) -> bool:
    """Sees to it that the engine knows the image of the archive as `tag`; False if it did already."""
    require_engine()
    check(archive, sha256)
    known = cache_folder() / "images" / f"{sha256.lower()}.id"
    loaded = known.read_text() if known.is_file() else None
    if loaded and image_id(tag) == loaded:
        return False
    with step("images", f"{tag}, from {archive.name}") as shown:
        if not loaded or image_id(loaded) is None:
            loaded = _load(archive, tag, shown.say)
            known.parent.mkdir(parents=True, exist_ok=True)
            known.write_text(loaded)
        tag_as(loaded, tag)
    return True


def _load(archive: Path, tag: str, say: Callable[[str], None]) -> str:
    """Has the engine load the archive; the image's id."""
    with tempfile.TemporaryDirectory() as folder:
        reference = load(_unpacked(archive, Path(folder), say))
    loaded = image_id(reference)
    assert loaded is not None
    tag_as(loaded, tag)
    if reference not in (loaded, tag):
        # The name that the archive brings along may be that of an official image: nobody has checked that it is one.
        untag(reference)
    return loaded


def check(archive: Path, sha256: str) -> None:
    """A `UserError` unless the file's SHA-256 is the given one."""
    try:
        with archive.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"The image archive {archive} cannot be read: {error.strerror}. Name a file that `docker save` made, or a "
            "wheel that holds one."
        ) from error
    if found != sha256.lower():
        raise UserError(
            f"{archive} is not the image archive that was meant: its SHA-256 is {found}, the one that was named is "
            f"{sha256}. Nothing of it was loaded. If the archive is the right one, name its SHA-256; else get the "
            "right one."
        )


def _unpacked(archive: Path, folder: Path, say: Callable[[str], None]) -> Path:
    """The archive that Docker takes, uncompressed in `folder`."""
    current, depth = archive, 0
    while not _is_image(current):
        inner = folder / str(depth := depth + 1)
        say(f"unpacking {current.name if depth == 1 else 'what is in it'}")
        _unpack_one(archive, current, inner)
        current = inner
    return current


def _is_image(path: Path) -> bool:
    """Whether it is an archive with an image's manifest; of any compression, for Docker takes them all."""
    if not tarfile.is_tarfile(path):
        return False
    with tarfile.open(path) as tar:
        # Docker writes the manifest last: an archive that holds one other archive is told by its only member.
        return MANIFEST in tar.getnames()


def _unpack_one(archive: Path, current: Path, target: Path) -> None:
    """Writes the one archive that is in `current` to `target`."""
    if zipfile.is_zipfile(current):
        with zipfile.ZipFile(current) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(SUFFIXES)]
            if len(names) == 1:
                with wheel.open(names[0]) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                return
    elif tarfile.is_tarfile(current):
        with tarfile.open(current) as tar:
            members = [member for member in tar.getmembers() if member.isfile() and member.name.endswith(SUFFIXES)]
            if len(members) == 1:
                inner = tar.extractfile(members[0])
                assert inner is not None
                with inner, target.open("wb") as copy:
                    shutil.copyfileobj(inner, copy)
                return
    raise UserError(
        f"{archive} holds no image: neither it nor the one archive in it has the {MANIFEST} that `docker save` writes. "
        "Name a file that `docker save` made, or a wheel that holds one."
    )
