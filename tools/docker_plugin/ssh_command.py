"""The command `ssh` to an engine's machine, as the `docker` command starts it."""

import shlex
from collections.abc import Sequence
from urllib.parse import urlsplit


def ssh_command(host: str, options: Sequence[str], remote: Sequence[str]) -> list[str]:
    """Runs `remote` on the machine of an `ssh://` URL; the user's `options` come first, so they win."""
    url = urlsplit(host)
    user = ["-l", url.username] if url.username else []
    port = ["-p", str(url.port)] if url.port else []
    return [
        *("ssh", *options, "-o", "ConnectTimeout=30", "-T", *user, *port),
        *("--", url.hostname or "", shlex.join(remote)),
    ]
