"""ClickHouse Keeper in a container of ClickHouse's image: what replicas agree on, for a stack that has several.

It is alone: while it is gone, replicas can be read, and take in nothing until it is back.
"""

import xml.etree.ElementTree as Xml

from stacks.docker.part import DockerPart

NAME = "keeper"
PORT = 9181
SESSION_MS = 10_000
"""After so long a silence a replica counts as gone."""

_DATA = "/var/lib/clickhouse"
_CONFIGURATION = "/etc/clickhouse-keeper/throughline.xml"


def keeper(image: str) -> DockerPart:
    """The stack's only Keeper."""
    as_user = ["clickhouse", "su", "clickhouse:clickhouse"]
    return DockerPart(
        name=NAME,
        image=image,
        port=None,
        memory_mb=512,
        data=_DATA,
        environment={"CLICKHOUSE_SKIP_USER_SETUP": "1"},
        command=[*as_user, "clickhouse", "keeper", f"--config-file={_CONFIGURATION}"],
        files={_CONFIGURATION: _configuration()},
        ready=["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{PORT} && printf ruok >&3 && [[ $(cat <&3) == imok ]]"],
    )


def _configuration() -> str:
    settings = {
        "listen_host": "0.0.0.0",  # noqa: S104  of the container, which publishes no port
        "logger": {"level": "warning", "console": 1},
        "keeper_server": {
            "tcp_port": PORT,
            "server_id": 1,
            "storage_path": f"{_DATA}/coordination",
            "coordination_settings": {"session_timeout_ms": SESSION_MS},
            "raft_configuration": {"server": {"id": 1, "hostname": "localhost", "port": 9234}},
        },
    }
    return Xml.tostring(_element("clickhouse", settings), encoding="unicode")


def _element(tag: str, content: object) -> Xml.Element:
    element = Xml.Element(tag)
    if isinstance(content, dict):
        element.extend(_element(key, value) for key, value in content.items())
    else:
        element.text = str(content)
    return element
