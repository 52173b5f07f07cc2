"""Of several servers the first that answers is asked; the only one is taken without asking."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from pipeline_lib.hops.servers import answering_replica, first_answering
from pipeline_lib.model.endpoints import ClickHouseEndpoint, ConnectEndpoint


class Refusing(BaseHTTPRequestHandler):
    """Answers, if only to refuse."""

    def do_GET(self) -> None:
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as made:
        made.asked = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def url(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def clickhouse(*urls: str) -> ClickHouseEndpoint:
    host, port = urls[0].removeprefix("http://").split(":")
    return ClickHouseEndpoint(
        **{"url": urls[0], "urls": urls, "host": host, "port": int(port), "database": "d", "users": {}},
        user="analyst",
        password=SecretStr(""),
    )


def test_the_first_that_answers_is_taken(server: HTTPServer, nobody: str) -> None:
    assert first_answering([nobody, url(server)]) == url(server)
    assert first_answering([url(server), nobody]) == url(server)


def test_if_none_answers_the_first_is_taken_and_will_say_so_itself(nobody: str) -> None:
    assert first_answering([nobody, "http://127.0.0.1:1"]) == nobody


def test_the_only_one_is_not_asked(server: HTTPServer) -> None:
    assert first_answering([url(server)]) == url(server)
    assert server.asked == 0  # type: ignore[attr-defined]


def test_an_endpoint_is_that_of_the_replica_that_answers(server: HTTPServer, nobody: str) -> None:
    found = answering_replica(clickhouse(nobody, url(server)))
    assert (found.url, found.host, found.port) == (url(server), "127.0.0.1", server.server_port)
    assert found.is_replicated


def test_outputs_that_name_one_url_are_of_one_server() -> None:
    endpoint = ConnectEndpoint(url="http://127.0.0.1:1", connector="c")  # type: ignore[call-arg]
    assert endpoint.urls == ("http://127.0.0.1:1",)
