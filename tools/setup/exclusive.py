"""One set-up at a time in one place: the others wait, and then find the work done.

The lock is the kernel's (`flock`), so it is gone with the process that held it, however that ended.
"""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Runs the body while no other process holds `lock`, a file that stays behind empty."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another set-up is at work ({lock} is locked); waiting for it to end.", file=sys.stderr)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
