"""The image beneath all others: Debian's smallest system, made by Debian's own installer (`debootstrap`).

Where Debian's packages come from is known to this machine's apt: the same mirror serves here, and stands in the image's
`sources.list` for what is put on top. So this needs a Debian and, for the installer's sake, root.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline_lib.model.errors import UserError
from tools.engine.__main__ import install_from_debian
from tools.images.docker import INPUTS_LABEL, import_root
from tools.setup.command import run

SUITE = "trixie"
TAG = f"throughline/debian:{SUITE}"

ADDED = "ca-certificates"
"""Packages beside the smallest system's own: a mirror may be reached by HTTPS."""

FILES = {
    # No service starts because its package is installed.
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
    "etc/apt/apt.conf.d/90image": 'APT::Install-Recommends "false";\nDPkg::Use-Pty "false";\n',
    # A build that is cut off is thrown away: nothing needs to reach the disk at once.
    "etc/dpkg/dpkg.cfg.d/90image": "force-unsafe-io\n",
}
"""What is added to the system."""

LEFT_OUT = ("./dev/*", "./proc/*", "./sys/*", "./var/cache/apt/*.bin", "./var/cache/apt/archives/*.deb",
            "./var/lib/apt/lists/*")  # fmt: skip


def digest() -> str:
    """Of everything that decides what the image is, but for the day's state of Debian's packages."""
    return hashlib.sha256(repr((SUITE, ADDED, FILES, LEFT_OUT)).encode()).hexdigest()


def make(say: Callable[[str], None]) -> None:
    """Makes the image; `say` is told what the installer is at."""
    mirrors = debian_mirrors()
    if os.geteuid() != 0:
        raise UserError(
            "The images stand on a Debian that `debootstrap` makes, which needs root. Run `make images` as root, or "
            "use the official images, which are the default of every stack."
        )
    if shutil.which("debootstrap") is None:
        say("Debian's package debootstrap")
        install_from_debian("debootstrap")
    with tempfile.TemporaryDirectory() as folder:
        system, archive = Path(folder, "system"), Path(folder, "system.tar")
        run(
            ["debootstrap", "--variant=minbase", f"--include={ADDED}", SUITE, system, mirrors["Debian"]],
            on_line=lambda line: say(line.removeprefix("I: ")),
            failure=f"debootstrap could not make a Debian {SUITE}; its last words are below. It fetches from the "
            "mirror of this machine's apt sources. Mend what it names and run `make images` again.",
        )
        for name, text in {**FILES, "etc/apt/sources.list": sources(mirrors)}.items():
            (system / name).write_text(text)
        (system / "usr/sbin/policy-rc.d").chmod(0o755)
        run(
            [*("tar", "--numeric-owner", f"--directory={system}", f"--file={archive}", "--create"),
             *(f"--exclude={pattern}" for pattern in LEFT_OUT), "."],
            failure="The new system could not be packed; tar's last words are below. TMPDIR names another folder with "
            "more space.",
        )  # fmt: skip
        import_root(TAG, archive, ['CMD ["bash"]', f"LABEL {INPUTS_LABEL}={digest()}"])


def debian_mirrors() -> dict[str, str]:
    """The URLs of the repository "Debian" and, if there is one, of "Debian-Security", in apt's sources here."""
    try:
        listing = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        listing = ""
    mirrors: dict[str, str] = {}
    for line in listing.splitlines():
        origin, _, rest = line.partition(" ")
        label, _, url = rest.partition(" ")
        if origin == "Debian" and url.startswith(("http://", "https://")):
            mirrors.setdefault(label, url)
    if "Debian" not in mirrors:
        raise UserError(
            "The images stand on Debian's packages, from the mirror that this machine's apt uses, and its sources name "
            "none that is reached by HTTP. Run `make images` on a Debian (after `apt-get update`), or use the official "
            "images, which are the default of every stack."
        )
    return mirrors


def sources(mirrors: dict[str, str]) -> str:
    """The image's `sources.list`."""
    lines = [f"deb {mirrors['Debian']} {SUITE} main", f"deb {mirrors['Debian']} {SUITE}-updates main"]
    if security := mirrors.get("Debian-Security"):
        lines.append(f"deb {security} {SUITE}-security main")
    return "\n".join(lines) + "\n"
