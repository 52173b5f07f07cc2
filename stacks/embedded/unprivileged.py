"""PostgreSQL refuses to run as root, so under root it runs as `nobody`.

`nobody` must be able to reach its data and its binaries. Root's checkouts often lie in folders closed to everyone else;
rather than open those, PostgreSQL's data and a copy of its binaries then live under /var/lib/throughline, root's own
place for such things. Nothing outside the stack's own folders is ever given other permissions.
"""

import os
import pwd
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ACCOUNT = "nobody"
SYSTEM_FOLDER = Path("/var/lib/throughline")


def is_root() -> bool:
    """Whether we may not run PostgreSQL as ourselves."""
    return os.geteuid() == 0


def reachable(path: Path) -> bool:
    """Whether any account may pass through every folder above `path` (those that exist)."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents if folder.exists())


def home_for(folder: Path, stack_folder: Path) -> Path:
    """Where the account can have what is meant for `folder`: there, or in the system's folder."""
    if not is_root() or reachable(folder):
        return folder
    return SYSTEM_FOLDER / stack_folder.name / folder.name


def as_account(argv: Sequence[str]) -> list[str]:
    """A command that runs `argv` as the account, or `argv` itself where we are not root.

    The account is taken on in a process of its own: `subprocess` forks when it is given a user, and a fork of a process
    that serves gRPC, as Pulumi's plugin does, can crash in the child (gRPC's own fork handlers).
    """
    return [sys.executable, "-I", __file__, *argv] if is_root() else list(argv)


def make_way(folder: Path, stack_folder: Path) -> None:
    """Lets the account pass through `folder` and those above it that are ours, whatever root's umask made of them."""
    for ours in (folder, *folder.parents):
        ours.chmod(ours.stat().st_mode | 0o011)
        if ours in (SYSTEM_FOLDER, stack_folder):
            break


def give(path: Path) -> None:
    """Makes `path` and all below it the account's own."""
    account = pwd.getpwnam(ACCOUNT)
    for entry in (path, *path.rglob("*")):
        os.chown(entry, account.pw_uid, account.pw_gid, follow_symlinks=False)


def reachable_copy(base: Path, folders: Sequence[str], target: Path) -> Path:
    """`base` itself if the account can reach it, else `target`, with a copy of the `folders` of `base` (made once)."""
    if not is_root() or reachable(base / "any"):
        return base
    if not target.exists():
        draft = target.with_name(f"{target.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        for folder in folders:
            if (base / folder).exists():
                shutil.copytree(base / folder, draft / folder, symlinks=True)
        for made in (draft, *draft.rglob("*")):
            if made.is_dir():
                made.chmod(0o755)
        draft.rename(target)
    return target


def main() -> None:
    """`python unprivileged.py COMMAND…`: becomes the account, and then the command."""
    account = pwd.getpwnam(ACCOUNT)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.chdir("/")
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()
