"""A stack's home: its folder, its ports and its secrets, made once and kept for the life of the stack.

The folder's name carries a random part, so that two stacks of one name (in two Pulumi backends) never meet. Ports that
the config does not give are free ones below the range that the system hands out to outgoing connections, so that
nobody takes them while a part restarts.
"""

import contextlib
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from random import SystemRandom

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.errors import UserError
from stacks.dynamic import Props, Provider, numbers, texts
from stacks.embedded.part import LOOPBACK
from stacks.embedded.supervision import Supervisor, end, processes_of
from stacks.embedded.unprivileged import SYSTEM_FOLDER
from stacks.state import state_folder

PORT_RANGE = range(20_000, 32_000)
PASSWORDS = (
    *("postgres_admin", "postgres_owner", "postgres_replication", "postgres_application"),
    *("clickhouse_admin", "clickhouse_ingestion", "clickhouse_analyst"),
)


class StackHome(Resource, module="embedded", name="StackHome"):
    """Outputs: folder, ports (name to number as text), passwords (name to text, secret)."""

    folder: pulumi.Output[str]
    ports: pulumi.Output[dict[str, str]]
    passwords: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, *, stack: str, asked_ports: Mapping[str, int | None], required_disk_mb: int) -> None:
        inputs = {
            "stack": stack,
            "root": str(state_folder() / "stacks"),
            "asked_ports": texts({key: port for key, port in asked_ports.items() if port is not None}),
            "port_names": list(asked_ports),
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
    inputs = ("stack", "asked_ports", "port_names", "required_disk_mb")
    replaces = ("stack",)

    def create(self, props: Props) -> CreateResult:
        """A new folder, free ports, new passwords."""
        root = Path(props["root"])
        _require_space(root, int(props["required_disk_mb"]))
        token = secrets.token_hex(4)
        folder = root / f"{props['stack']}-{token}"
        folder.mkdir()
        passwords = {name: secrets.token_urlsafe(24) for name in PASSWORDS}
        ports = _ports(props, kept={})
        return CreateResult(token, {**props, "folder": str(folder), "ports": ports, "passwords": passwords})

    def read(self, id_: str, props: Props) -> ReadResult:
        """The ports and passwords are in the state: a removed folder is put back, empty, and the parts in it follow."""
        Path(props["folder"]).mkdir(parents=True, exist_ok=True)
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Ports that the config gives are taken, the others kept."""
        kept = {name: port for name, port in _olds["ports"].items() if name not in _olds["asked_ports"]}
        same = {key: _olds[key] for key in ("root", "folder", "passwords")}
        return UpdateResult({**_news, **same, "ports": _ports(_news, kept)})

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


def _ports(props: Props, kept: Mapping[str, str]) -> dict[str, str]:
    asked = numbers(props["asked_ports"])
    ports = {name: asked.get(name) or int(kept.get(name, 0)) for name in props["port_names"]}
    for name, port in ports.items():
        ports[name] = port or _free_port(taken=set(ports.values()))
    return texts(ports)


def _free_port(taken: set[int]) -> int:
    for port in SystemRandom().sample(PORT_RANGE, len(PORT_RANGE)):
        if port in taken:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise UserError(f"No port from {PORT_RANGE.start} to {PORT_RANGE.stop} is free: set the stack's ports by config.")
