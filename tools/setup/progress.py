"""What a step of set-up shows on standard error: one line that says what it does, then how long it has been at it.

On a terminal the line is redrawn every second; into a file or a log a line is added every ten seconds, so that a long
build is seen to be alive in both.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Step:
    """A running step; `say` tells what it is doing at the moment, in a few words."""

    def __init__(self, name: str, what: str) -> None:
        self._label = f"{name:<8}"
        self._what = what
        self._detail = ""
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._ended = threading.Event()

    def say(self, detail: str) -> None:
        """Replaces the detail; it is shown at the next tick."""
        self._detail = detail

    def note(self, text: str) -> None:
        """Adds a line that stays."""
        self._show(text)

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{seconds // 60} min {seconds % 60:02} s" if seconds >= 60 else f"{seconds} s"

    def _show(self, text: str, end: str = "\n") -> None:
        print(f"\r\033[K{self._label}{text}" if self._terminal else f"{self._label}{text}", end=end, file=sys.stderr)
        sys.stderr.flush()

    def _tick(self) -> None:
        while not self._ended.wait(1 if self._terminal else 10):
            detail = f"{self._detail}, {self._elapsed()}" if self._detail else self._elapsed()
            self._show(f"… {detail}", end="" if self._terminal else "\n")

    def run(self) -> Iterator[None]:
        """The step's life around the caller's work: announced, ticking, and ended with its time."""
        self._show(self._what)
        ticker = threading.Thread(target=self._tick, daemon=True)
        ticker.start()
        outcome = "gave up after"
        try:
            yield
            outcome = "done in"
        finally:
            self._ended.set()
            ticker.join()
            self._show(f"{outcome} {self._elapsed()}")


@contextmanager
def step(name: str, what: str) -> Iterator[Step]:
    """Shows `what` while the body runs, with the elapsed time, and how it ended."""
    shown = Step(name, what)
    lifetime = contextmanager(shown.run)
    with lifetime():
        yield shown
