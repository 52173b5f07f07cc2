"""The plugin's process, spoken to as Pulumi does: over gRPC, with properties as JSON."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tools.docker_plugin.values import Props, from_wire, to_wire

ROOT = Path(__file__).parents[2]
TYPES = {
    "Network": "docker:index/network:Network",
    "Volume": "docker:index/volume:Volume",
    "RemoteImage": "docker:index/remoteImage:RemoteImage",
    "Container": "docker:index/container:Container",
}


def urn(kind: str) -> str:
    """A resource of the kind as Pulumi names it, below some component."""
    return f"urn:pulumi:dev::throughline::throughline:Part${TYPES.get(kind, kind)}::pg"


@dataclass(frozen=True)
class Checked:
    """The inputs that Check gives back, and its failures: the reasons by the argument's path."""

    inputs: Props
    failures: dict[str, str]


@dataclass(frozen=True)
class Plugin:
    """A running plugin."""

    stub: Any

    def configure(self, **config: str) -> None:
        """Gives it the provider's config."""
        self.stub.Handshake(provider_pb2.ProviderHandshakeRequest())
        told = self.stub.Configure(provider_pb2.ConfigureRequest(args=to_wire(config), acceptSecrets=True))
        assert told.acceptSecrets
        assert told.supportsPreview

    def check(self, kind: str, **props: Any) -> Checked:
        """Check of a new resource."""
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn(kind), news=to_wire(props)))
        return Checked(from_wire(answer.inputs), {one.property: one.reason for one in answer.failures})

    def right(self, kind: str, **props: Any) -> Props:
        """The inputs that Check gives back, which must have no objections."""
        checked = self.check(kind, **props)
        assert checked.failures == {}
        return checked.inputs

    def diff(self, kind: str, old: Props, new: Props) -> Any:
        """Diff of a resource whose outputs are its inputs."""
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id="1", urn=urn(kind), olds=to_wire(old), old_inputs=to_wire(old), news=to_wire(new)
            )
        )

    def create(self, kind: str, inputs: Props, *, preview: bool = False) -> tuple[str, Props]:
        """The new id and outputs."""
        request = provider_pb2.CreateRequest(urn=urn(kind), properties=to_wire(inputs), preview=preview, timeout=0)
        answer = self.stub.Create(request)
        return answer.id, from_wire(answer.properties)

    def read(self, kind: str, id_: str, inputs: Props, outputs: Props) -> tuple[Props, Props] | None:
        """The inputs and outputs as they are now; None if it has gone."""
        answer = self.stub.Read(
            provider_pb2.ReadRequest(id=id_, urn=urn(kind), properties=to_wire(outputs), inputs=to_wire(inputs))
        )
        return (from_wire(answer.inputs), from_wire(answer.properties)) if answer.id else None

    def update(self, kind: str, id_: str, old: Props, olds: Props, new: Props, *, preview: bool = False) -> Props:
        """The new outputs; `old` and `new` are inputs, `olds` the old outputs."""
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                id=id_,
                urn=urn(kind),
                olds=to_wire(olds),
                old_inputs=to_wire(old),
                news=to_wire(new),
                preview=preview,
            )
        )
        return from_wire(answer.properties)

    def delete(self, kind: str, id_: str, inputs: Props, outputs: Props) -> None:
        """Deletes it."""
        self.stub.Delete(
            provider_pb2.DeleteRequest(id=id_, urn=urn(kind), old_inputs=to_wire(inputs), properties=to_wire(outputs))
        )

    def cancel(self) -> None:
        """What Pulumi says on Ctrl-C."""
        self.stub.Cancel(empty_pb2.Empty())


@contextmanager
def running_plugin(*arguments: str, **environment: str) -> Iterator[Plugin]:
    """The plugin as a process of its own, for as long as the body runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "tools.docker_plugin", *arguments],
        cwd=ROOT,
        env=environment or None,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel))
        finally:
            process.terminate()
