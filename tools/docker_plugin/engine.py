"""The way to the Docker engine, and what it and the way to it say when something fails, as one paragraph.

The engine is the one that the provider's config names (`host` with `certPath`, the certificates' texts or `sshOpts`),
else the one that the environment names as it does for the `docker` command (DOCKER_HOST, DOCKER_TLS_VERIFY,
DOCKER_CERT_PATH), else the machine's own. For `ssh://` the machine's `ssh` is started, so that the user's config holds.
"""

import os
import re
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import docker
from docker.constants import DEFAULT_DOCKER_API_VERSION, DEFAULT_UNIX_SOCKET
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException, Timeout

from pipeline_lib.model.errors import UserError
from tools.docker_plugin import over_ssh

FAILURES = (DockerException, RequestException, OSError)
"""Everything that Docker's client raises when the engine, or the way to it, fails."""

TIMEOUT_S = 120
"""How long the engine may say nothing before a request is given up; removing a big volume takes its time."""


@dataclass(frozen=True)
class Address:
    """Which engine: as DOCKER_HOST and DOCKER_CERT_PATH would say it; empty for what the environment says."""

    host: str = ""
    cert_path: str = ""
    materials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The certificates' texts by their files' names (`ca.pem`, `cert.pem`, `key.pem`), in the place of `cert_path`."""
    ssh_options: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """The environment, with this address in it."""
        found = dict(os.environ)
        if self.host:
            found["DOCKER_HOST"] = self.host
        if self.cert_path:
            found |= {"DOCKER_CERT_PATH": self.cert_path, "DOCKER_TLS_VERIFY": "1"}
        return found

    def __str__(self) -> str:
        return self.environment().get("DOCKER_HOST") or DEFAULT_UNIX_SOCKET.replace("http+unix://", "unix://")


class Engine:
    """The engine at an address; the connection is made when it is first asked for, and then kept for all threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = Lock()
        self._client: docker.DockerClient | None = None
        self._certificates: tempfile.TemporaryDirectory[str] | None = None

    def client(self) -> docker.DockerClient:
        """Docker's client; a `UserError` if the engine cannot be reached."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> docker.DockerClient:
        try:
            environment = self._environment()
            asked = self._new_client(DEFAULT_DOCKER_API_VERSION, environment).api.version(api_version=False)
            return self._new_client(asked["ApiVersion"], environment)
        except FAILURES as error:
            raise self.explained(error, "answer") from error

    def _environment(self) -> dict[str, str]:
        """The address's; Docker's client wants certificates as files, so their texts are written to a folder."""
        environment = self.address.environment()
        if self.address.materials:
            self._certificates = tempfile.TemporaryDirectory(prefix="throughline-docker-")  # which others cannot enter
            for name, text in self.address.materials.items():
                Path(self._certificates.name, name).write_text(text)
            environment |= {"DOCKER_CERT_PATH": self._certificates.name, "DOCKER_TLS_VERIFY": "1"}
        return environment

    def _new_client(self, version: str, environment: Mapping[str, str]) -> docker.DockerClient:
        """A client of a version of the engine's API, which has not spoken to the engine yet."""
        host = str(self.address)
        if host.startswith("ssh://"):
            client = docker.DockerClient(version=version, timeout=TIMEOUT_S)
            client.api.base_url = over_ssh.BASE_URL
            client.api.mount(over_ssh.BASE_URL, over_ssh.adapter(host, self.address.ssh_options, TIMEOUT_S))
            return client
        options = kwargs_from_env(environment)
        client = docker.DockerClient(version=version, timeout=TIMEOUT_S, **options)
        if "tls" in options:
            # Else REQUESTS_CA_BUNDLE, where a machine has it, would take the place of the engine's own certificates.
            client.api.trust_env = False
        return client

    def explained(self, error: Exception, doing: str) -> UserError:
        """What failed while the engine was asked to do something ("create network x"), and the way out."""
        if isinstance(error, APIError):
            return _refusal(error, doing)
        if isinstance(error, Timeout):
            return UserError(
                f"The Docker engine at {self.address} did not answer within {TIMEOUT_S} s when asked to {doing}. If it "
                "is only busy, run `up` again; else look at its log."
            )
        causes = [cause for cause in _causes(error) if isinstance(cause, OSError)]
        return _unreachable(str(self.address), causes, error)


def _refusal(error: APIError, doing: str) -> UserError:
    said = str(error.explanation or error).strip().rstrip(".")
    if "no space left on device" in said.lower():
        return UserError(
            f"The disk of the Docker engine is full: it could not {doing} ({said}). Make room there, for example by "
            "`docker system prune`, which removes what no container uses, and run `up` again."
        )
    return UserError(f"The Docker engine could not {doing}: {said}.")


def _unreachable(where: str, causes: list[OSError], error: Exception) -> UserError:
    if any(isinstance(cause, PermissionError) for cause in causes):
        return UserError(
            f"This user may not speak to the Docker engine at {where}: permission denied on its socket. Put the user "
            "into the socket's group (`sudo usermod -aG docker $USER`, then log in again), or name an engine of the "
            "user's own as dockerHost."
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return UserError(
            f"No Docker engine is running at {where}. Start it (`sudo systemctl start docker`, or Docker Desktop), or "
            "name the one to use as dockerHost in the stack's config or as DOCKER_HOST, and run `up` again."
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        reason = "its name is not known here"
    else:
        reason = next((str(cause.strerror) for cause in causes if cause.strerror), None) or str(error)
    over_ssh = " `ssh` to that host must get through without a question, and find `docker` there."
    hint = over_ssh if where.startswith("ssh:") else ""
    return UserError(
        f"The Docker engine at {where} cannot be spoken to: {reason}.{hint} See to the address (dockerHost in the "
        "stack's config, or DOCKER_HOST) and, for TLS, to the certificates (DOCKER_CERT_PATH), and run `up` again."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made of: requests and urllib3 wrap errors as arguments, Python chains them."""
    yield error
    wrapped = [part for part in error.args if isinstance(part, BaseException)]
    reason = getattr(error, "reason", None)
    for cause in (*wrapped, reason, error.__cause__, error.__context__):
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def taken_port(error: Exception) -> str | None:
    """The address that another process has, if that is why a container could not start."""
    said = str(error.explanation) if isinstance(error, APIError) and error.explanation else ""
    if not re.search(r"port is already allocated|address already in use", said):
        return None
    found = re.search(r"(?:Bind for|listen (?:tcp|udp)[46]?|bind host port(?: for)?) ([\d.:\[\]a-fA-F]*:\d+)", said)
    return found[1] if found else "one of its ports"
