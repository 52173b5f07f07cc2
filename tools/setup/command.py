"""Running other programs so that a long one is seen to move and a failed one leaves its last words."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from pipeline_lib.model.errors import UserError

LAST_WORDS = 15
"""How many of its last lines a failed program's error shows."""


def run(
    command: Sequence[str | Path],
    *,
    failure: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _: None,
    limit_s: float | None = None,
    stdin: IO[bytes] | None = None,
) -> None:
    """Runs a program to its end, giving `on_line` each line of its output and errors as it comes.
    It reads `stdin`, by default nothing.

    With `limit_s` the program and its children are killed after so many seconds. If the program cannot be started or
    ends with a status other than 0: a `UserError` of `failure`, a paragraph that says what to do, with the program's
    last lines as evidence.
    """
    last: deque[str] = deque(maxlen=LAST_WORDS)
    try:
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A program of which nobody knows what it starts is given a group of its own, to be ended as a whole.
            process_group=0 if limit_s else None,
        ) as process:
            assert process.stdout is not None
            overdue = threading.Timer(limit_s or 0, _kill_group, [process])
            if limit_s:
                overdue.start()
            try:
                for line in process.stdout:
                    last.append(line.rstrip())
                    on_line(line.rstrip())
            finally:
                overdue.cancel()
    except OSError as error:
        raise UserError(failure, f"{command[0]}: {error}") from error
    if process.returncode != 0:
        raise UserError(failure, "\n".join(last))


def _kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
