"""Step 1: `.venv` with exactly the packages of `tools/python.lock`, each held against its hashes, and the project.

Runs on the standard library alone. `.venv/set-up` tells what was installed: the SHA-256 of everything that decides the
result; an empty one says that an installation was begun and not ended. A `.venv` without that file is somebody else's.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from pipeline_lib.model.errors import UserError
from tools.setup.command import run
from tools.setup.exclusive import only_one
from tools.setup.progress import step
from tools.setup.reporting import reported
from tools.setup.uv import NO_PYPI, TOOLS, UV_LOCK, ensure_uv, pinned_version, uv_environment

ROOT = TOOLS.parent
PYTHON_LOCK = TOOLS / "python.lock"


def ensure_environment(venv: Path, lock: Path = PYTHON_LOCK) -> bool:
    """Makes or updates the environment; False if there was nothing to do."""
    if _is_current(venv, lock):
        return False
    with only_one(ROOT / ".throughline" / "set-up.lock"):
        if _is_current(venv, lock):
            return False
        uv = pinned_version(UV_LOCK, "uv")
        packages = lock.read_text().count("==")
        with step("python", f"uv {uv}, and by it the {packages} packages of {lock.name} into {venv.name}"):
            _install(venv, lock)
    return True


def _is_current(venv: Path, lock: Path) -> bool:
    stamp = venv / "set-up"
    return (venv / "bin" / "python").exists() and stamp.is_file() and stamp.read_text() == _wanted(lock)


def _install(venv: Path, lock: Path) -> None:
    _claim(venv)
    uv = ensure_uv()
    env = {**uv_environment(), "VIRTUAL_ENV": str(venv)}
    if not (venv / "bin" / "python").exists():
        run(
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, venv],
            env=env,
            failure=f"uv could not make {venv} with {sys.executable}; the last lines below say why. Remove .venv and "
            "run `make setup` again, with another Python on PATH if this one is broken.",
        )
    # Compiled once here, and not by whichever process is first, or by each where PYTHONDONTWRITEBYTECODE is set.
    run(
        [uv, "pip", "sync", "--compile-bytecode", "--require-hashes", lock],
        env=env,
        failure=NO_PYPI.format(what=f"The packages of {lock}"),
    )
    run(
        [uv, "pip", "install", "--no-deps", "--no-build-isolation", "--editable", ROOT],
        env=env,
        failure="The project itself could not be installed into .venv; the last lines below say why. A fault of "
        "pyproject.toml shows here. Run `make setup` again when it is mended.",
    )
    (venv / "set-up").write_text(_wanted(lock))


def _claim(venv: Path) -> None:
    """Marks the environment as ours and unfinished, before anything is put into it."""
    stamp = venv / "set-up"
    if os.path.lexists(venv) and not stamp.is_file():
        raise UserError(
            f"{venv} was not made by set-up, which would have to remove packages from it. Move it away (or remove it) "
            "and run `make setup` again."
        )
    if venv.exists() and not (venv / "bin" / "python").exists():
        shutil.rmtree(venv)
    venv.mkdir(exist_ok=True)
    stamp.write_text("")


def _wanted(lock: Path) -> str:
    """What decides the result: the lock, the project's own metadata, and where the checkout is (scripts name it)."""
    digest = hashlib.sha256(str(ROOT).encode())
    for file in (lock, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(reported(lambda: ensure_environment(ROOT / ".venv")))
