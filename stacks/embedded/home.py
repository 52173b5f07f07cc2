"""A stack's home: its folder, its ports and its secrets, made once and kept for the life of the stack.

The folder's name carries a random part, so that two stacks of one name (in two Pulumi backends) never meet.
"""

import contextlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.errors import UserError
from stacks.allocation import asked, new_passwords, ports
from stacks.dynamic import Props, Provider
from stacks.embedded.security import ensure_certificates
from stacks.embedded.supervision import Supervisor, end, processes_of
from stacks.embedded.unprivileged import SYSTEM_FOLDER
from stacks.state import state_folder


class StackHome(Resource, module="embedded", name="StackHome"):
    """Outputs: folder, ports (name to number as text), passwords (name to text, secret)."""

    folder: pulumi.Output[str]
    ports: pulumi.Output[dict[str, str]]
    passwords: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        asked_ports: Mapping[str, int | None],
        required_disk_mb: int,
        settings: Mapping[str, str],
    ) -> None:
        inputs = {
            **settings,
            "stack": stack,
            "root": str(state_folder() / "stacks"),
            **asked(asked_ports),
            "required_disk_mb": str(required_disk_mb),
            "folder": None,
            "ports": None,
            "passwords": None,
        }
        super().__init__(
            StackHomeProvider(), name, inputs, pulumi.ResourceOptions(additional_secret_outputs=["passwords"])
        )


class StackHomeProvider(Provider):
    """Makes and removes a stack's home."""

    # Where it stands is decided once: a checkout that was moved keeps its stacks where they are.
    inputs = ("stack", "asked_ports", "port_names", "required_disk_mb", "security")
    replaces = ("stack",)

    def create(self, props: Props) -> CreateResult:
        """A new folder, free ports, new passwords."""
        root = Path(props["root"])
        _require_space(root, int(props["required_disk_mb"]))
        token = secrets.token_hex(4)
        folder = root / f"{props['stack']}-{token}"
        folder.mkdir()
        made = {"folder": str(folder), "ports": ports(props, kept={}), "passwords": new_passwords()}
        _secure({**props, **made})
        return CreateResult(token, {**props, **made})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The ports and passwords are in the state: a removed folder is put back, empty, and the parts in it follow."""
        Path(props["folder"]).mkdir(parents=True, exist_ok=True)
        _secure(props)
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Ports that the config gives are taken, the others kept."""
        same = {key: _olds[key] for key in ("root", "folder")}
        # Passwords that came to be needed since.
        passwords = {**new_passwords(), **_olds["passwords"]}
        news = {**_news, **same, "passwords": passwords, "ports": ports(_news, kept=_olds)}
        _secure(news)
        return UpdateResult(news)

    def delete(self, _id: str, _props: Props) -> None:
        """Ends whatever still runs in the folder and removes it."""
        folder = Path(_props["folder"])
        Supervisor(folder).shut_down()
        for path in (SYSTEM_FOLDER / folder.name, folder):
            end(processes_of(path), kill=True)
            if path.exists():
                shutil.rmtree(path)
        for empty in (SYSTEM_FOLDER, folder.parent):
            with contextlib.suppress(OSError):  # not empty: other stacks stand there
                empty.rmdir()


def _secure(props: Props) -> None:
    if props.get("security") == "tls":
        ensure_certificates(Path(props["folder"]), props["passwords"]["connect_client"])


def _require_space(root: Path, required_mb: int) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(root).free // 2**20
    except OSError as error:
        raise UserError(
            f"The stack's folder cannot be made in {root}: {error.strerror}. Make room or give rights there, or choose "
            "another place with THROUGHLINE_HOME."
        ) from None
    if free_mb < required_mb:
        raise UserError(
            f"There is no space for a stack: {root} has {free_mb} MiB free and {required_mb} MiB are required. Free "
            "some, choose another place with THROUGHLINE_HOME, or require less with "
            "`pulumi config set requiredDiskMb N`."
        )
