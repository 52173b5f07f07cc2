"""The plugin's process: `pulumi-resource-docker [address of Pulumi's engine]`.

It tells its port on the first line of standard output, as Pulumi expects, and serves on 127.0.0.1 until Pulumi ends it;
or until Pulumi has gone, killed perhaps, which shows in the connection to its engine being lost.
"""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec, module_from_spec

import grpc

AT_ONCE = 32
"""Calls at a time; a container that is waited for holds one all the while."""

ENDED_BY = (signal.SIGINT, signal.SIGTERM)
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
NEVER_IDLE = [("grpc.client_idle_timeout_ms", 2**31 - 1)]


def import_protocol_alone() -> None:
    """Lets the protocol's modules be imported without the SDK that they are in.

    They use nothing of it, and importing it takes longer than a look at a whole stack: Pulumi starts a plugin twice for
    each `up`, and waits.
    """
    for name in ("pulumi", "pulumi.runtime"):
        spec = find_spec(name)
        assert spec is not None
        sys.modules[name] = module_from_spec(spec)


def serve(engine_address: str | None) -> None:
    """Serves until the process is ended or Pulumi's engine has gone."""
    # Pulumi ends a plugin by SIGINT and gives it five seconds. Python looks at signals only in its main thread, which
    # gRPC's way of waiting does not wake when another thread is given the signal: so no thread is, and this one waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDED_BY)
    import_protocol_alone()
    from pulumi.runtime.proto import provider_pb2_grpc

    from tools.docker_plugin.provider import Provider

    server = grpc.server(ThreadPoolExecutor(AT_ONCE), options=UNLIMITED)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    if engine_address:
        pulumi = grpc.insecure_channel(engine_address, options=NEVER_IDLE)
        pulumi.subscribe(_once_lost(lambda: os.kill(os.getpid(), signal.SIGTERM)), try_to_connect=True)
    signal.sigwait(ENDED_BY)
    # What is under way has been cancelled, or has lost whom it would answer: its threads are not waited for.
    os._exit(0)


def _once_lost(stop: Callable[[], object]) -> Callable[[grpc.ChannelConnectivity], None]:
    """Calls `stop` when a connection that was there is there no more."""
    was_there = False

    def changed(state: grpc.ChannelConnectivity) -> None:
        nonlocal was_there
        if state is grpc.ChannelConnectivity.READY:
            was_there = True
        elif was_there:
            stop()

    return changed


if __name__ == "__main__":
    serve(sys.argv[1] if len(sys.argv) > 1 else None)
