"""An embedded part as a Pulumi resource: starting, waiting, telling what went wrong and taking away, for all parts.

The resource's id is the identity of the part's data. A part that died is "gone" to a refresh, and `create` brings it
back on the data that stand, under the same id; only data that were removed are made anew, under a new one.
"""

import contextlib
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK
from stacks.dynamic import Props, Provider, numbers
from stacks.embedded.clickhouse import ClickHouse
from stacks.embedded.connect import Connect
from stacks.embedded.home import StackHome
from stacks.embedded.kafka import Kafka
from stacks.embedded.part import EmbeddedPart, ensure_data, identity_of, write_files
from stacks.embedded.postgres import Postgres
from stacks.embedded.supervision import Supervisor, end, processes_of
from stacks.wait import until

PARTS: Mapping[str, type[EmbeddedPart]] = {part.name: part for part in (Postgres, Kafka, Connect, ClickHouse)}

_DOWN = ("BACKOFF", "FATAL", "EXITED", "STOPPED", "STOPPING", "ABSENT")


class Part(Resource, module="embedded", name="Part"):
    """One of `PARTS`; its id is the identity of its data."""

    version: pulumi.Output[str]
    data: pulumi.Output[str]

    def __init__(
        self,
        kind: type[EmbeddedPart],
        *,
        home: StackHome,
        settings: Mapping[str, pulumi.Input[str]],
        secrets: pulumi.Input[Mapping[str, str]],
    ) -> None:
        def rendered(known: Props) -> dict[str, str]:
            part = kind(Path(known["folder"]), numbers(known["ports"]), known["settings"], {})
            ports = {name: str(part.port(name)) for name in part.own_ports}
            return {**part.files(), **ports, "command": " ".join(part.command().argv)}

        given: dict[str, pulumi.Input[Any]] = {"folder": home.folder, "ports": home.ports, "settings": settings}
        inputs = {
            "part": kind.name,
            **given,
            "secrets": secrets,
            # What the part is started with, so that a change of ours to it is a diff that can be read.
            "rendered": pulumi.Output.all(**given).apply(rendered),
            "version": None,
            "data": None,
        }
        # A home that is deleted takes its parts along, all at once.
        super().__init__(PartProvider(), kind.name, inputs, pulumi.ResourceOptions(deleted_with=home))


class PartProvider(Provider):
    """Parts under the stack's supervisor."""

    inputs = ("folder", "settings", "secrets", "rendered")
    replaces = ("folder",)

    def create(self, props: Props) -> CreateResult:
        """Starts the part, on its data if they stand, and returns when it is ready."""
        part = _part(props)
        identity = bring_up(part)
        return CreateResult(identity, {**props, **_facts(part)})

    def read(self, id_: str, props: Props) -> ReadResult:
        """Gone if its data are, or other ones are in their place, or it does not get ready."""
        part = _part(props)
        supervisor = Supervisor(part.stack_folder)
        try:
            if identity_of(part) != id_ or supervisor.info(part.name).state == "ABSENT":
                return ReadResult("", {})
            _await_ready(part, supervisor)
        except UserError:
            # Nothing to tell yet: `up` brings the part back or says why it cannot, and `down` takes it away.
            return ReadResult("", {})
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Restarts the part with what is new."""
        part = _part(_news)
        Supervisor(part.stack_folder).remove(part.name)
        bring_up(part)
        return UpdateResult({**_news, **_facts(part)})

    def delete(self, _id: str, _props: Props) -> None:
        """Ends the part and removes its data."""
        part = _part(_props)
        Supervisor(part.stack_folder).remove(part.name, kill=True)
        end(processes_of(part.folder), kill=True)
        if part.folder.exists():
            shutil.rmtree(part.folder)


def _part(props: Props) -> EmbeddedPart:
    return PARTS[props["part"]](
        Path(props["folder"]), numbers(props["ports"]), dict(props["settings"]), dict(props["secrets"])
    )


def _facts(part: EmbeddedPart) -> Props:
    return {"version": part.version(), "data": str(part.data)}


def bring_up(part: EmbeddedPart) -> str:
    """Starts `part` and returns its identity when it is ready; on failure nothing of it is left running."""
    supervisor = Supervisor(part.stack_folder)
    try:
        supervisor.ensure()
        supervisor.remove(part.name)
        end(processes_of(part.folder))  # whom a supervisord that was killed has left behind
        for name in part.own_ports:
            _require_free(part, part.port(name))
        part.folder.mkdir(parents=True, exist_ok=True)
        identity = ensure_data(part)
        write_files(part)
    except OSError as error:
        raise UserError(
            f"{part.title} could not be set up in {part.folder}: {error.strerror or error}. Make room or give rights "
            "there and run `throughline up` again."
        ) from error
    said_before = supervisor.log_size(part.name)
    supervisor.start(part.name, part.command())
    try:
        _await_ready(part, supervisor, said_before)
    except UserError:
        supervisor.remove(part.name)
        raise
    return identity


def _await_ready(part: EmbeddedPart, supervisor: Supervisor, said_before: int = 0) -> None:
    """Returns when the part is ready; stops waiting when its process has died, which supervisord would restart."""
    first_pid = supervisor.info(part.name).pid

    def ready() -> bool:
        info = supervisor.info(part.name)
        if info.state in _DOWN or info.pid not in (0, first_pid):
            raise UserError(
                f"{part.title} died at its start. {_way_out(part)} Its last log lines:",
                supervisor.last_words(part.name, said_before),
            )
        return info.pid == first_pid and part.ready()

    if not until(ready, part.patience_s):
        raise UserError(
            f"{part.title} runs but is not ready after {part.patience_s:.0f} s: it does not answer on "
            f"{LOOPBACK}:{part.port()}. {_way_out(part)} Its last log lines:",
            supervisor.last_words(part.name, said_before),
        )


def _way_out(part: EmbeddedPart) -> str:
    return (
        f"Mend what the log names (`throughline logs {part.name}` shows all of it) and run `throughline up` again: it "
        "goes on from what stands."
    )


def _require_free(part: EmbeddedPart, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise UserError(
                f"{part.title} cannot listen on {LOOPBACK}:{port}: the port is taken{_by_whom(port)}. Free it, or give "
                f"the stack another with `pulumi config set --path {part.name}.port N` (or `throughline up --set "
                f"{part.name}.port=N`), and run `throughline up` again."
            ) from None


def _by_whom(port: int) -> str:
    with contextlib.suppress(psutil.Error):  # not every system tells everyone
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:2] == (port,)
            if listens and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
