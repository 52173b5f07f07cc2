"""Which Docker engine a stack stands on, and under which address what it publishes is reached.

The engine is the config's `dockerHost`, else the DOCKER_HOST of the environment, else the machine's own. A stack stays
on the engine that it was made on. What stands on another machine is published at the one address that its name stands
for, not at all that it has: Kafka and Connect ask for no password.
"""

import os
import shlex
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK
from tools.docker_plugin.ssh_command import ssh_command

if TYPE_CHECKING:  # the plugin for dynamic resources loads this module at every `up`, and needs no config
    from stacks.config import StackConfig

CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")
ANSWERED_WITHIN_S = 20


@dataclass(frozen=True)
class EngineAddress:
    """The engine's URL, empty for the machine's own; the certificates' folder and the options of `ssh`, if any."""

    url: str = ""
    cert_path: str = ""
    ssh_options: tuple[str, ...] = ()

    @property
    def remote(self) -> bool:
        """Whether it may be another machine's."""
        return self.url.startswith(("tcp://", "ssh://"))


def engine_of(config: "StackConfig") -> EngineAddress:
    """The engine that a config and the environment name; `UserError` if its certificates are not there."""
    if config.docker_host is None:
        url = os.environ.get("DOCKER_HOST", "")
        tls = url.startswith("tcp://") and os.environ.get("DOCKER_TLS_VERIFY")
        return EngineAddress(url, os.environ.get("DOCKER_CERT_PATH", "") if tls else "")
    folder = Path(config.docker_cert_path).expanduser() if config.docker_cert_path else None
    lacking = [name for name in CERTIFICATES if folder and not (folder / name).is_file()]
    if lacking:
        raise UserError(
            f"The stack's config names {folder} as dockerCertPath, but it has no {' and no '.join(lacking)}. Docker's "
            f"own clients take the certificates of a TLS engine as {', '.join(CERTIFICATES)} there."
        )
    try:
        options = shlex.split(config.docker_ssh_opts or "")
    except ValueError as error:
        raise UserError(
            f"The stack's config has dockerSshOpts that cannot be read as words of a command line: {error}. Mend them "
            "with `pulumi config set dockerSshOpts OPTIONS`."
        ) from None
    return EngineAddress(config.docker_host, str(folder) if folder else "", tuple(options))


def host_of(engine: EngineAddress) -> str:
    """The engine's machine by name or address; for `ssh://`, as the user's ssh config has it."""
    if not engine.remote:
        return LOOPBACK
    if engine.url.startswith("tcp://"):
        return urlsplit(engine.url).hostname or ""
    asked = ssh_command(engine.url, [*engine.ssh_options, "-G"], ["true"])
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=ANSWERED_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(
            f"The Docker engine at {engine.url} needs the command `ssh`, which does not run: {error}."
        ) from None
    if told.returncode:
        raise UserError(f"`ssh` does not know the way to {engine.url}: {told.stderr.strip()}.")
    return next(line.partition(" ")[2] for line in told.stdout.splitlines() if line.startswith("hostname "))


def address_of(host: str) -> str:
    """The IPv4 address of a machine, at which the engine there publishes; `UserError` if it has none."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise UserError(
            f"The Docker engine's machine {host} has no IPv4 address that is known here ({error.strerror}), so there "
            "is none to publish ports at. Name one of that machine's own with `pulumi config set dockerBind ADDRESS`."
        ) from None
