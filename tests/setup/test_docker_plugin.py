"""Which docker plugin Pulumi gets: the official one where it can be had, else ours. Pulumi itself is the real one."""

import io
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stacks.pulumi_cli import find_pulumi
from tests.setup.conftest import CLOSED_PORT, WebServer
from tools.setup.docker_plugin import (
    ARCHITECTURES,
    EXECUTABLE,
    OURS,
    SERVER,
    VERSION,
    ensure_docker_plugin,
    is_ours,
)

MACHINE = ARCHITECTURES.get(platform.machine(), platform.machine())
ARCHIVE = f"{EXECUTABLE}-{VERSION}-{platform.system().lower()}-{MACHINE}.tar.gz"
OFFICIAL = b"#!/bin/sh\necho official\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin's executable in a Pulumi home of the test's own, on a machine that reaches no site of Pulumi's."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    monkeypatch.setenv(SERVER, CLOSED_PORT)
    return tmp_path / "pulumi" / "plugins" / f"resource-docker-{VERSION}" / EXECUTABLE


@pytest.fixture
def site(web_server: WebServer, installed: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """A site that has the official plugin."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(EXECUTABLE)
        entry.size, entry.mode = len(OFFICIAL), 0o755
        tar.addfile(entry, io.BytesIO(OFFICIAL))
    web_server.files[ARCHIVE] = packed.getvalue()
    monkeypatch.setenv(SERVER, web_server.url)
    return web_server


def test_ours_is_installed_where_the_official_one_cannot_be_had(installed: Path) -> None:
    assert ensure_docker_plugin()
    assert is_ours(installed)
    told = subprocess.run([find_pulumi(), "plugin", "ls"], capture_output=True, text=True, check=True).stdout
    assert VERSION.removeprefix("v") in told
    assert not ensure_docker_plugin()


def test_the_installed_launcher_starts_our_plugin_from_anywhere(installed: Path, tmp_path: Path) -> None:
    ensure_docker_plugin()
    (tmp_path / "tools").mkdir()  # which is not to be taken for this checkout's
    with subprocess.Popen([installed], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout is not None
        port = plugin.stdout.readline()
        plugin.terminate()
    assert int(port) > 0


def test_the_official_one_is_installed_where_it_can_be_had(installed: Path, site: WebServer) -> None:
    assert ensure_docker_plugin()
    assert installed.read_bytes() == OFFICIAL
    assert not ensure_docker_plugin()


def test_the_official_one_that_is_there_already_is_left_alone(installed: Path) -> None:
    installed.parent.mkdir(parents=True)
    installed.write_bytes(OFFICIAL)
    assert not ensure_docker_plugin()
    assert installed.read_bytes() == OFFICIAL


def test_an_official_one_that_was_cut_off_is_not_taken_for_whole(installed: Path, site: WebServer) -> None:
    installed.parent.mkdir(parents=True)
    installed.write_bytes(OFFICIAL[:3])
    (installed.parents[1] / f"{installed.parent.name}.partial").touch()
    assert ensure_docker_plugin()
    assert installed.read_bytes() == OFFICIAL


def test_a_newer_official_one_is_no_reason_to_have_none_of_this_version(installed: Path) -> None:
    newer = installed.parents[1] / "resource-docker-v5.9.0" / EXECUTABLE
    newer.parent.mkdir(parents=True)
    newer.write_bytes(OFFICIAL)
    newer.chmod(0o755)
    assert ensure_docker_plugin()
    assert is_ours(installed)


def test_the_launcher_of_another_checkout_is_made_ours(installed: Path, site: WebServer) -> None:
    installed.parent.mkdir(parents=True)
    installed.write_text(f"#!/bin/sh\n{OURS}\nexec /removed/checkout/.venv/bin/python\n")
    assert ensure_docker_plugin()
    assert sys.executable in installed.read_text()
    assert not ensure_docker_plugin()


def test_the_launcher_says_so_when_its_checkout_has_gone(installed: Path, tmp_path: Path) -> None:
    ensure_docker_plugin()
    gone = tmp_path / "gone"
    gone.write_text(installed.read_text().replace(sys.executable, "/removed/.venv/bin/python"))
    ended = subprocess.run(["sh", gone], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "/removed/.venv/bin/python has gone" in ended.stderr
