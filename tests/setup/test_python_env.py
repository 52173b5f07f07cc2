"""Making `.venv`: what is refused, and that a second time there is nothing to do."""

import base64
import hashlib
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tools.setup.python_env import ROOT, ensure_environment
from tools.setup.uv import uv_environment

FIND_PYTHON = ROOT / "tools" / "find-python"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package of one empty module, as a wheel."""
    path = tmp_path / "wheels" / "parcel-1.0-py3-none-any.whl"
    path.parent.mkdir()
    files = {
        "parcel.py": "",
        "parcel-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n",
        "parcel-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        record = ""
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr("parcel-1.0.dist-info/RECORD", record + "parcel-1.0.dist-info/RECORD,,\n")
    return path


def test_a_second_set_up_has_nothing_to_do_and_says_nothing() -> None:
    """On the checkout's own environment, which set-up made before any test could run."""
    stamp = (ROOT / ".venv" / "set-up").stat().st_mtime_ns
    for step in ("tools.setup.python_env", "tools.setup"):
        again = subprocess.run([FIND_PYTHON, "-m", step], cwd=ROOT, capture_output=True, text=True)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (ROOT / ".venv" / "set-up").stat().st_mtime_ns == stamp


def test_an_environment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / ".venv" / "lib" / "theirs.py"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with pytest.raises(UserError, match=r"was not made by set-up.* Move it away"):
        ensure_environment(tmp_path / ".venv")
    assert [path for path in (tmp_path / ".venv").rglob("*") if path.is_file()] == [theirs]


def test_a_package_with_another_hash_is_refused_and_the_next_set_up_tries_again(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "true")
    monkeypatch.setenv("UV_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("UV_NO_CACHE", "true")
    venv, lock = tmp_path / ".venv", tmp_path / "python.lock"
    lock.write_text(f"parcel==1.0 --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        with pytest.raises(UserError) as refused:
            ensure_environment(venv, lock)
        assert "Hash mismatch for `parcel==1.0`" in refused.value.evidence
        assert (venv / "set-up").read_text() == ""
        assert list(venv.rglob("parcel*")) == []


def test_uv_is_told_how_pip_reaches_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://own.example/simple")
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    env = uv_environment()
    assert env["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert env["UV_INDEX"] == "https://own.example/simple"
    assert env["SSL_CERT_FILE"] == "/certificates.pem"


def test_what_uv_is_told_directly_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/simple")
    assert uv_environment()["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_no_python_of_the_right_age_is_said_with_what_to_install(
    tmp_path: Path, executable: Callable[[str, str], Path]
) -> None:
    too_old = executable("python3", "exit 1")
    told = subprocess.run(
        [FIND_PYTHON, "-c", "print('ran')"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(too_old.parent)},
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert "Python 3.11 to 3.14" in told.stderr
    assert "apt install python3 python3-venv" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_newer_python_is_found_behind_an_old_one(tmp_path: Path, executable: Callable[[str, str], Path]) -> None:
    too_old, good = executable("python3", "exit 1"), executable("python3.12", '[ "$1" = -c ] || echo "$0"')
    told = subprocess.run(
        [FIND_PYTHON],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{too_old.parent}{os.pathsep}{good.parent}"},
        capture_output=True,
        text=True,
    )
    assert told.stdout == f"{good}\n"
