"""Runs the endpoint until SIGTERM or SIGINT; see the package's docstring.

The port is taken at once, so that a second process on it fails in its first moment, but listened on only when the
engine is up: until then a client is refused, and /ping answers no sooner than a query would. At the end running
queries are stopped; then the process goes without waiting long for the engine, which loses nothing by that.
"""

import argparse
import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from pipeline_lib.model.errors import UserError
from stacks.embedded.clickhouse_server.app import Endpoint
from stacks.embedded.clickhouse_server.config import Config, load
from stacks.embedded.clickhouse_server.engine import Engine
from stacks.embedded.clickhouse_server.errors import ClickHouseError

LOOPBACK = "127.0.0.1"
_LONGEST_HEADERS = 1 << 20
"""Bytes of a URL and its headers: as many as ClickHouse accepts, for queries come in URLs."""
_SECONDS_FOR_REQUESTS = 1
_SECONDS_FOR_THE_ENGINE = 0.5


def main() -> int:
    """The process's exit status: 0 after a signal, 1 if it could not start (with one line that says why)."""
    _log_to_stderr()
    parser = argparse.ArgumentParser(prog="clickhouse_server", description="ClickHouse's HTTP interface over chDB.")
    parser.add_argument("--config", type=Path, required=True, help="JSON; see the package's docstring")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
        with _take_port(config.port) as taken:
            engine = _open(config)
            asyncio.run(_serve(config, engine, taken))
    except UserError as error:
        print(str(error), file=sys.stderr, flush=True)
        return 1
    _close(engine)
    return 0


def _open(config: Config) -> Engine:
    try:
        return Engine(config)
    except ClickHouseError as error:
        raise UserError(f"ClickHouse cannot use the data folder {config.path}: {error}") from None


def _log_to_stderr() -> None:
    """Warnings and errors, a line each; a crash of the engine leaves the threads' places."""
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What uvicorn takes for an error is how ClickHouse ends an answer that failed in the middle.
    as_meant = "ASGI callable returned without completing response."
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.getMessage() != as_meant)


def _take_port(port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it an answer waits 40 ms for an ACK.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((LOOPBACK, port))
    except OSError as error:
        taken.close()
        raise UserError(f"Port {port} of {LOOPBACK} cannot be taken for ClickHouse: {error.strerror}.") from error
    return taken


class _Server(uvicorn.Server):
    """uvicorn's server, which waits for the requests that run at its end; here they are told to end."""

    def __init__(self, settings: uvicorn.Config, endpoint: Endpoint) -> None:
        super().__init__(settings)
        self._endpoint = endpoint

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.gather(self._endpoint.stop(), super().shutdown(sockets))


async def _serve(config: Config, engine: Engine, taken: socket.socket) -> None:
    endpoint = Endpoint(config, engine)
    settings = uvicorn.Config(
        endpoint,
        lifespan="off",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=_SECONDS_FOR_REQUESTS,
        h11_max_incomplete_event_size=_LONGEST_HEADERS,
        ssl_certfile=config.certificate,
    )
    # Once it has shut down, uvicorn raises again the signals that it had caught.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    await _Server(settings, endpoint).serve(sockets=[taken])


def _close(engine: Engine) -> None:
    """Leaves the process, having closed the engine if that is quick: its Kafka consumers then take their leave."""
    closing = threading.Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(_SECONDS_FOR_THE_ENGINE)
    # Threads that are still in the engine would keep the interpreter from ending.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
