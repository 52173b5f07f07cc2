"""uv, the installer of everything that comes from PyPI: itself fetched by pip, pinned and held against its hash.

pip comes with Python and knows how this machine reaches PyPI (mirrors, certificates, proxies: its own configuration).
uv does not read pip's configuration, so the settings that decide whether it gets through are handed on to it.
"""

import ast
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.cache import cache_folder
from tools.setup.command import run
from tools.setup.exclusive import only_one

TOOLS = Path(__file__).parents[1]
UV_LOCK = TOOLS / "bootstrap.lock"

UV_NAME_OF = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
"""Settings of pip, and the environment variables by which uv takes the same."""

NO_PYPI = (
    "{what} could not be installed from PyPI; the last lines below say why. If this machine reaches PyPI only by a "
    "mirror, a proxy or a certificate of its own, tell pip so (`pip config set global.index-url …`, HTTPS_PROXY, "
    "PIP_CERT): set-up uses pip's settings. Then run `make setup` again: it goes on where it stopped."
)


def pinned_version(lock: Path, package: str) -> str:
    """The version of a package in one of the requirements files of `tools/`."""
    match = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(), re.MULTILINE)
    if match is None:
        raise UserError(f"{lock} names no version of {package}; `make lock` writes it anew.")
    return match[1]


def uv_home() -> Path:
    """The environment in the cache that holds uv and the pip that fetched it, by uv's version."""
    return cache_folder() / "uv" / pinned_version(UV_LOCK, "uv")


def ensure_uv() -> Path:
    """uv's executable, fetched first if the cache has none."""
    home = uv_home()
    with only_one(cache_folder() / "uv.lock"):
        if not ((home / "fetched").exists() and (home / "bin" / "python").exists()):
            _fetch_uv(home)
    return home / "bin" / "uv"


def _fetch_uv(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    run(
        [sys.executable, "-m", "venv", home],
        failure=f"Python could not make a virtual environment in {home}; the last lines below say why. On Debian and "
        "Ubuntu the package python3-venv is needed; else look at the space and the permissions there. "
        "Then run `make setup` again.",
    )
    run(
        [home / "bin" / "python", "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "-r", UV_LOCK],
        failure=NO_PYPI.format(what="uv"),
    )
    (home / "fetched").touch()


def uv_environment() -> dict[str, str]:
    """This process's environment and in it what uv needs to reach PyPI the way that pip does."""
    env = dict(os.environ)
    for name, value in _pip_settings().items():
        if name in UV_NAME_OF:
            env.setdefault(UV_NAME_OF[name], value)
    trusted = ssl.get_default_verify_paths()
    if trusted.cafile or trusted.capath:
        env.setdefault("UV_SYSTEM_CERTS", "true")
    return env


def _pip_settings() -> dict[str, str]:
    """pip's settings for an installation: its files, for all commands and then for `install`, and the environment."""
    listing = subprocess.run(
        [uv_home() / "bin" / "python", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {}
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=('.*'|\".*\")$", listing, re.MULTILINE):
            settings[name] = str(ast.literal_eval(value))
    return settings
