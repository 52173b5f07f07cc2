"""What an embedded part is: a folder, ports, files, one command, and how to tell that it is ready.

A part says these things of itself and nothing else. Writing the files, supervising the command, waiting until it is
ready, telling why it is not, and taking it away are done once for all parts, here and in `provider.py`.

A part's data carry an identity: `data/throughline.json`, made with the data. Whoever keeps something inside the part
(a schema, a topic) depends on that identity, so that it follows when the data are made anew.
"""

import json
import os
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pipeline_lib.model.errors import UserError
from stacks.embedded.supervision import Command


@dataclass(frozen=True)
class EmbeddedPart(ABC):
    """One of the four systems on this machine, without root and without Docker."""

    stack_folder: Path
    ports: Mapping[str, int]
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)

    name: ClassVar[str]
    title: ClassVar[str]
    own_ports: ClassVar[tuple[str, ...]]
    patience_s: ClassVar[float] = 60

    @property
    def folder(self) -> Path:
        """Everything of the part but its log."""
        return self.stack_folder / self.name

    @property
    def secured(self) -> bool:
        """Whether the stack asks for TLS and passwords (`security.py`)."""
        return self.settings.get("security") == "tls"

    @property
    def data(self) -> Path:
        """What the part must not lose."""
        return self.folder / "data"

    @abstractmethod
    def version(self) -> str:
        """The version of the system, as its makers write it."""

    def files(self) -> Mapping[str, str]:
        """Files to be written in `folder`, by relative path; nothing secret in them."""
        return {}

    def secret_files(self) -> Mapping[str, str]:
        """The same for what nobody else may read."""
        return {}

    @abstractmethod
    def command(self) -> Command:
        """What to run."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the system answers what it is asked, now."""

    def make_data(self, folder: Path) -> None:  # noqa: B027  most start from nothing
        """Fills the empty `folder` with whatever the part's data start from."""

    def port(self, name: str | None = None) -> int:
        """A port of the stack; without a name the part's first."""
        return self.ports[name or self.own_ports[0]]


def identity_of(part: EmbeddedPart) -> str | None:
    """The identity of the part's data, None if there are none; raises UserError if another version made them."""
    try:
        stored = json.loads((part.data / "throughline.json").read_text())
    except FileNotFoundError:
        return None
    if stored["version"] != part.version():
        raise UserError(
            f"{part.title}'s data in {part.data} were made by version {stored['version']}, and this is "
            f"{part.version()}, which does not read them. Check out the Throughline that made them to keep using "
            "them, or give them up with `throughline down` and start anew with `throughline up`."
        )
    return str(stored["id"])


def ensure_data(part: EmbeddedPart) -> str:
    """The identity of the part's data, which are made first if there are none.

    Data are made beside their place and renamed into it, so that an interrupted attempt leaves none that look whole.
    """
    known = identity_of(part)
    if known is not None:
        return known
    if part.data.exists() and any(part.data.iterdir()):
        raise UserError(
            f"{part.title}'s data folder {part.data} has files but no throughline.json, so it is not known whose they "
            "are, and they are left alone. Move the folder away and run `throughline up` again."
        )
    draft = part.data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    part.make_data(draft)
    identity = uuid.uuid4().hex[:12]
    (draft / "throughline.json").write_text(json.dumps({"id": identity, "version": part.version()}))
    if part.data.exists():
        part.data.rmdir()
    draft.rename(part.data)
    return identity


def write_files(part: EmbeddedPart) -> None:
    """Writes the part's files; secret ones are readable by their owner only, from their first byte on."""
    for files, mode in ((part.files(), 0o644), (part.secret_files(), 0o600)):
        for name, text in files.items():
            path = part.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)  # whatever the umask is
                file.write(text)
