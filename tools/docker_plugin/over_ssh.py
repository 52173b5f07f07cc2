"""Docker's API over `ssh`, as the `docker` command has it: each connection is a `docker system dial-stdio` there.

Docker's Python client has a way of its own, which takes no options of ssh's, forks this process where it must not be
forked (gRPC's threads are in it), and loses what ssh says when it fails.
"""

import socket
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.response import HTTPResponse

from tools.docker_plugin.ssh_command import ssh_command

BASE_URL = "http+docker://localhost"
AT_ONCE = 32


def adapter(host: str, options: Sequence[str], timeout_s: float) -> HTTPAdapter:
    """For a `requests` session, at `BASE_URL`."""
    path = urlsplit(host).path
    at = ["--host", f"unix://{path}"] if path.strip("/") else []
    return _Adapter(ssh_command(host, options, ["docker", *at, "system", "dial-stdio"]), timeout_s)


class _Adapter(HTTPAdapter):
    def __init__(self, argv: Sequence[str], timeout_s: float) -> None:
        self._pool = HTTPConnectionPool("localhost", timeout=timeout_s, maxsize=AT_ONCE)
        self._pool.ConnectionCls = partial(_Connection, argv)  # type: ignore[assignment]
        super().__init__()

    def get_connection_with_tls_context(self, *_asked: Any, **_how: Any) -> HTTPConnectionPool:
        """The engine's, whatever the request."""
        return self._pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:  # noqa: ARG002  no proxy is on the way
        """The path alone."""
        return request.path_url

    def close(self) -> None:
        """Ends the `ssh`s that wait for another request."""
        self._pool.close()
        super().close()


class _Connection(HTTPConnection):
    """HTTP with what a process reads and writes."""

    def __init__(self, argv: Sequence[str], *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._argv = argv
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the connection

    def connect(self) -> None:
        """Starts the process, which ends when its answers are not read any more; with no terminal, it asks nothing."""
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(self.timeout)
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen(
                self._argv, stdin=end, stdout=end, stderr=self._said, start_new_session=True
            )

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The answer; an `OSError` with what `ssh` said if it ended instead."""
        try:
            return super().getresponse()
        except TimeoutError:
            raise
        except (OSError, HTTPException) as ended:
            raise ConnectionAbortedError(0, self._last_words() or str(ended)) from None

    def _last_words(self) -> str:
        self.close()
        if self._process is not None:
            self._process.wait()
        self._said.seek(0)
        return " ".join(self._said.read().decode(errors="replace").split())
