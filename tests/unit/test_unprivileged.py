"""Where PostgreSQL lives when we are root and the account that it runs as cannot reach our folders."""

import stat
from pathlib import Path

from stacks.embedded import unprivileged


def closed(tmp_path: Path) -> Path:
    base = tmp_path / "closed" / "packages"
    (base / "server" / "bin").mkdir(parents=True)
    (base / "server.libs").mkdir()
    (base / "server" / "bin" / "postgres").write_text("binary")
    (base / "server.libs" / "libpq.so").write_text("library")
    (tmp_path / "closed").chmod(0o700)
    (base / "server").chmod(0o700)
    return base


def test_what_the_account_cannot_reach_is_copied_with_its_libraries_and_can_be_reached(tmp_path: Path) -> None:
    base, target = closed(tmp_path), tmp_path / "copy"
    found = unprivileged.reachable_copy(base, ("server", "server.libs", "not.there"), target)
    assert found == (target if unprivileged.is_root() else base)
    assert (found / "server" / "bin" / "postgres").read_text() == "binary"
    assert (found / "server.libs" / "libpq.so").read_text() == "library"
    if unprivileged.is_root():
        assert all(
            stat.S_IMODE(folder.stat().st_mode) & 0o005 == 0o005 for folder in target.rglob("*") if folder.is_dir()
        )


def test_the_closed_folder_itself_is_left_closed(tmp_path: Path) -> None:
    base = closed(tmp_path)
    unprivileged.reachable_copy(base, ("server",), tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o700


def test_data_go_where_the_account_can_reach_them(tmp_path: Path) -> None:
    stack = closed(tmp_path) / "stack-1"
    home = unprivileged.home_for(stack / "postgres", stack)
    assert home == (
        unprivileged.SYSTEM_FOLDER / "stack-1" / "postgres" if unprivileged.is_root() else stack / "postgres"
    )
