"""A cache of the test's own, and web servers on loopback that stand where registries do."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CLOSED_PORT = "http://127.0.0.1:9"
"""Nothing listens on the discard port: a registry that cannot be reached."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("THROUGHLINE_CACHE", str(folder))
    return folder


@dataclass
class WebServer:
    """Serves `files` by path; `cut_off` ends a transfer half-way, `stall` stops it there until `released`."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    cut_off: set[str] = field(default_factory=set)
    stall: set[str] = field(default_factory=set)
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


def _handler_of(server: WebServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            content = server.files.get(path)
            if content is None:
                self.send_error(404)
                return
            server.requests[path] += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            half = len(content) // 2
            self.wfile.write(content[:half])
            if path in server.stall:
                server.stalled.set()
                server.released.wait()
            if path not in server.cut_off | server.stall:
                self.wfile.write(content[half:])

        def log_message(self, *_: object) -> None:
            """Not on the test's standard error."""

    return Handler


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(server)) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        serving = threading.Thread(target=http.serve_forever)
        serving.start()
        yield server
        server.released.set()
        http.shutdown()
        serving.join()


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a shell script of a name, in a folder of its own."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / f"bin-{len(list(tmp_path.glob('bin-*')))}" / name
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return make
