"""Pulumi's provider protocol over the four kinds of resources.

A call that fails answers with the text of a `UserError` alone; a defect of ours keeps its traceback, on standard error.
"""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from threading import Event
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from pipeline_lib.model.errors import UserError
from tools.docker_plugin.checking import known, named, objections, with_defaults
from tools.docker_plugin.diffing import Change, Difference, differences
from tools.docker_plugin.engine import FAILURES, Address, Engine
from tools.docker_plugin.resources.container import CONTAINER
from tools.docker_plugin.resources.kind import Kind, Standing, Work
from tools.docker_plugin.resources.network import NETWORK
from tools.docker_plugin.resources.remote_image import REMOTE_IMAGE
from tools.docker_plugin.resources.volume import VOLUME
from tools.docker_plugin.values import UNKNOWN, Props, from_wire, reveal, to_wire

VERSION = "5.1.0"
"""The version of the official plugin that this one stands in for."""

KINDS: dict[str, Kind[Any]] = {
    "docker:index/network:Network": NETWORK,
    "docker:index/volume:Volume": VOLUME,
    "docker:index/remoteImage:RemoteImage": REMOTE_IMAGE,
    "docker:index/container:Container": CONTAINER,
}

MATERIALS = {"caMaterial": "ca.pem", "certMaterial": "cert.pem", "keyMaterial": "key.pem"}
CONFIG = ("host", "certPath", *MATERIALS, "sshOpts")
PULUMIS_OWN = ("version", "pluginDownloadURL")

DETAILS = {
    (Change.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Change.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Change.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Change.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

Call = TypeVar("Call", bound=Callable[..., Any])


def _plainly(call: Call) -> Call:
    """Answers what a user can mend by its text."""

    @wraps(call)
    def answered(self: "Provider", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(self, request, context)
        except UserError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except FAILURES as error:
            doing = f"look at {request.urn.rpartition('::')[2]}"
            context.abort(grpc.StatusCode.UNKNOWN, str(self.engine.explained(error, doing)))

    return answered  # type: ignore[return-value]


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider as Pulumi configures it: a process serves one."""

    def __init__(self) -> None:
        self.engine = Engine(Address())
        self._cancelled = Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Agrees on secrets being marked as such."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Pulumi tells where it is; nothing is asked of it."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The version that Pulumi asked for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Refuses provider config that this plugin would leave out."""
        others = [name for name in from_wire(request.news) if name not in (*CONFIG, *PULUMIS_OWN) and name[:2] != "__"]
        reason = "The docker plugin at work here does not know the provider's argument {}; it knows {}."
        failures = [
            provider_pb2.CheckFailure(property=name, reason=reason.format(name, ", ".join(CONFIG))) for name in others
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Another engine is a change of the provider; what stands on the old one is not looked for."""
        old, new = (reveal(from_wire(props)) for props in (request.old_inputs, request.news))
        changed = [name for name in CONFIG if old.get(name) != new.get(name)]
        return provider_pb2.DiffResponse(changes=_some(changed), diffs=changed)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Takes the engine's address; no connection is made before one is needed."""
        config = reveal(from_wire(request.args))
        materials = {file: config[name] for name, file in MATERIALS.items() if config.get(name)}
        told = config.get("sshOpts", [])  # Pulumi hands a list over as JSON in a text
        options = json.loads(told) if isinstance(told, str) else told
        self.engine = Engine(Address(config.get("host", ""), config.get("certPath", ""), materials, tuple(options)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Ends all waiting; what was being created is removed."""
        self._cancelled.set()
        return empty_pb2.Empty()

    @_plainly
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The inputs with defaults, and what is wrong with them."""
        kind = _kind(request.urn)
        name = request.urn.rpartition("::")[2]
        inputs = from_wire(request.news)
        if kind.autonamed:
            inputs = named(inputs, from_wire(request.olds), name, request.randomSeed)
        inputs = with_defaults(kind.arguments, inputs)
        resource = f"{kind.name} {name}"
        failures = [
            provider_pb2.CheckFailure(property=wrong.path, reason=wrong.reason)
            for wrong in objections(resource, kind.arguments, inputs)
        ]
        if failures:
            return provider_pb2.CheckResponse(inputs=request.news, failures=failures)
        return provider_pb2.CheckResponse(inputs=to_wire(kind.sealed(inputs)))

    @_plainly
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Where old and new inputs differ, and which of that needs a new resource."""
        kind = _kind(request.urn)
        old, new = (
            known(kind.arguments, reveal(with_defaults(kind.arguments, from_wire(props))))
            for props in (request.old_inputs, request.news)
        )
        found = [one for one in differences(old, new, kind.replaces) if one.argument not in request.ignoreChanges]
        return provider_pb2.DiffResponse(
            changes=_some(found),
            diffs=_arguments(found),
            replaces=_arguments([one for one in found if one.replaces]),
            deleteBeforeReplace=kind.deleted_before_replaced,
            detailedDiff={
                one.path: provider_pb2.PropertyDiff(kind=DETAILS[one.change, one.replaces], inputDiff=True)
                for one in found
            },
            hasDetailedDiff=True,
        )

    @_plainly
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Makes the resource, or says what a preview can know of it."""
        kind, inputs = _kind(request.urn), from_wire(request.properties)
        if request.preview:
            foreseen = kind.foreseen(None, inputs, dict.fromkeys(kind.computed, UNKNOWN))
            return provider_pb2.CreateResponse(properties=to_wire(inputs | foreseen))
        id_, facts = kind.create(self._work(inputs), kind.arguments.model_validate(reveal(inputs)))
        return provider_pb2.CreateResponse(id=id_, properties=to_wire(inputs | facts))

    @_plainly
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The resource as it is; an answer without id says that it has gone."""
        kind, inputs = _kind(request.urn), from_wire(request.inputs)
        if not inputs:
            raise UserError(
                f"The docker plugin at work here cannot import {kind.name} {request.id}: it reads what a stack made."
            )
        standing: Standing | None = kind.read(self._work(inputs), request.id, _old(kind, inputs))
        if standing is None:
            return provider_pb2.ReadResponse()
        inputs |= standing.drift
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_wire(inputs | standing.facts), inputs=to_wire(inputs)
        )

    @_plainly
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Changes in place what `Diff` said can be."""
        kind, inputs = _kind(request.urn), from_wire(request.news)
        before = from_wire(request.old_inputs)
        if request.preview:
            facts = {name: value for name, value in from_wire(request.olds).items() if name in kind.computed}
            return provider_pb2.UpdateResponse(properties=to_wire(inputs | kind.foreseen(before, inputs, facts)))
        after = kind.arguments.model_validate(reveal(inputs))
        facts = kind.update(self._work(inputs), request.id, _old(kind, before), after)
        return provider_pb2.UpdateResponse(properties=to_wire(inputs | facts))

    @_plainly
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Removes the resource; one that has gone already is fine."""
        kind, inputs = _kind(request.urn), from_wire(request.old_inputs) or from_wire(request.properties)
        kind.delete(self._work(inputs), request.id, _old(kind, inputs))
        return empty_pb2.Empty()

    def _work(self, inputs: Props) -> Work:
        return Work(self.engine, inputs, self._cancelled)


def _kind(urn: str) -> Kind[Any]:
    type_ = urn.split("::")[2].rpartition("$")[2]
    if type_ not in KINDS:
        raise UserError(
            f"The docker plugin at work here does not know the resource {type_}; it knows {', '.join(KINDS)}."
        )
    return KINDS[type_]


def _old(kind: Kind[Any], inputs: Props) -> Any:
    """Inputs that a state has kept, perhaps of the official plugin, which fills in more of them."""
    return kind.arguments.model_validate(known(kind.arguments, with_defaults(kind.arguments, reveal(inputs))))


def _some(changes: Sequence[object]) -> Any:
    return provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE


def _arguments(found: list[Difference]) -> list[str]:
    return sorted({one.argument for one in found})
