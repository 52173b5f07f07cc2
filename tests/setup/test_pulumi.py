"""Which Pulumi is used, and how set-up comes by one. The Pulumis and Gos here only say a version: scripts."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.pulumi_cli import LANGUAGE_HOST, PULUMI_VERSION, cached_pulumi, find_pulumi
from tests.setup.conftest import CLOSED_PORT, WebServer
from tools.setup.pulumi import INSTALLER, ensure_pulumi
from tools.setup.pulumi_build import go_on_path

MakeExecutable = Callable[[str, str], Path]

INSTALL_SCRIPT = f"""
[ "$1 $2 $4 $5" = "--no-edit-path --install-root --version {PULUMI_VERSION.removeprefix("v")}" ] || exit 1
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho {PULUMI_VERSION}\\n' > "$3/bin/pulumi"
cp "$3/bin/pulumi" "$3/bin/{LANGUAGE_HOST}"
chmod 755 "$3"/bin/*
"""
"""Takes the official script's options, in the order in which set-up gives them."""


def use(monkeypatch: pytest.MonkeyPatch, *commands: Path) -> None:
    """Puts the commands before everything else on PATH."""
    folders = [str(command.parent) for command in commands]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))


@pytest.fixture
def old_pulumi(executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Pulumi is too old."""
    pulumi = executable("pulumi", "echo v3.100.0")
    (pulumi.parent / LANGUAGE_HOST).touch()
    use(monkeypatch, pulumi)
    return pulumi


def cache_one() -> Path:
    cached_pulumi().parent.mkdir(parents=True)
    cached_pulumi().touch()
    return cached_pulumi()


def test_what_set_up_left_is_a_pulumi_of_the_right_version_with_its_language_host() -> None:
    pulumi = find_pulumi()
    told = subprocess.run([pulumi, "version"], capture_output=True, text=True, check=True).stdout
    assert told >= PULUMI_VERSION
    assert (pulumi.parent / LANGUAGE_HOST).is_file()


@pytest.mark.parametrize("version", [PULUMI_VERSION, "v3.1000.0", "v4.0.0-alpha.1"])
def test_one_on_path_that_is_new_enough_is_used(
    version: str, executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    pulumi = executable("pulumi", f"echo {version}")
    (pulumi.parent / LANGUAGE_HOST).touch()
    link = tmp_path / "links" / "pulumi"
    link.parent.mkdir()
    link.symlink_to(pulumi)
    use(monkeypatch, link)
    cache_one()
    assert find_pulumi() == pulumi
    assert not ensure_pulumi() or pytest.fail("set-up had something to do")


@pytest.mark.parametrize(
    ("script", "objection"),
    [
        ("echo v3.100.0", "is v3.100.0, older than"),
        ("echo v9.0.0", f"has no {LANGUAGE_HOST} beside it"),
        ("echo who knows", "does not tell its version"),
        ("exit 1", "does not tell its version"),
    ],
)
def test_one_on_path_that_will_not_do_is_passed_over(
    script: str, objection: str, executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    pulumi = executable("pulumi", script)
    use(monkeypatch, pulumi)
    with pytest.raises(UserError) as refused:
        find_pulumi()
    assert f"{pulumi} {objection}" in refused.value.paragraph
    assert "Run `make setup`" in refused.value.paragraph
    assert find_pulumi_after(cache_one) == cached_pulumi()


def find_pulumi_after(caching: Callable[[], Path]) -> Path:
    caching()
    return find_pulumi()


def test_none_at_all_is_said_with_the_way_out(
    executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("PATH", str(executable("other", "").parent))
    with pytest.raises(UserError, match=r"there is no `pulumi` on PATH, and none is cached at .*Run `make setup`"):
        find_pulumi()


@pytest.mark.usefixtures("old_pulumi")
def test_the_official_installer_is_used_where_it_can_be_reached(
    web_server: WebServer, monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv(INSTALLER, f"{web_server.url}/install.sh")
    web_server.files["install.sh"] = INSTALL_SCRIPT.encode()
    assert ensure_pulumi()
    assert find_pulumi() == cached_pulumi()
    assert list(home.iterdir()) == []
    assert not ensure_pulumi()
    assert web_server.requests["install.sh"] == 1


@pytest.mark.usefixtures("old_pulumi")
@pytest.mark.parametrize("installer", ["unreachable", "failing", "installing an old one"])
def test_without_the_installer_pulumi_is_built_and_go_s_words_are_shown(
    installer: str,
    web_server: WebServer,
    executable: MakeExecutable,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    cache: Path,
) -> None:
    scripts = {
        "failing": "exit 3",
        "installing an old one": INSTALL_SCRIPT.replace(f"echo {PULUMI_VERSION}", "echo v3.1.0"),
    }
    web_server.files["install.sh"] = scripts.get(installer, "").encode()
    monkeypatch.setenv(INSTALLER, f"{CLOSED_PORT if installer == 'unreachable' else web_server.url}/install.sh")
    go = executable("go", '[ "$1" = env ] && echo go1.99.0 || { echo "module lookup: connection refused"; exit 1; }')
    use(monkeypatch, go)
    with pytest.raises(UserError) as refused:
        ensure_pulumi()
    assert "GOPROXY" in refused.value.paragraph
    assert "\n" not in refused.value.paragraph
    assert refused.value.evidence == "module lookup: connection refused"
    assert "v3.100.0, older than" in capfd.readouterr().err
    assert not cached_pulumi().exists()
    assert [path.name for path in cached_pulumi().parents[2].iterdir()] == ["set-up.lock"]


@pytest.mark.parametrize("version", ["go1.9.7", "go1.25.9", "", "none for this folder"])
def test_a_go_that_is_too_old_is_passed_over(
    version: str, executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, executable("go", f"echo {version}"))
    assert go_on_path() is None


@pytest.mark.parametrize("version", ["go1.26.0", "go1.27rc1", "go2.0"])
def test_a_go_that_is_new_enough_is_used(
    version: str, executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = executable("go", f"echo {version}")
    use(monkeypatch, go)
    assert go_on_path() == go


@pytest.mark.usefixtures("old_pulumi", "cache")
def test_without_installer_go_and_pypi_the_error_names_pip_s_settings(
    executable: MakeExecutable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INSTALLER, f"{CLOSED_PORT}/install.sh")
    monkeypatch.setenv("PIP_INDEX_URL", f"{CLOSED_PORT}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    use(monkeypatch, executable("go", "exit 1"))
    with pytest.raises(UserError) as refused:
        ensure_pulumi()
    assert refused.value.paragraph.startswith("uv could not be installed from PyPI")
    assert "pip config set global.index-url" in refused.value.paragraph
    assert "No matching distribution found for uv" in refused.value.evidence
