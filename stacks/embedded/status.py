"""How the parts of an embedded stack are, as the supervisor and the system tell it."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil

from stacks.embedded.supervision import Supervisor
from stacks.status import PartStatus


def part_statuses(folder: Path, parts: Iterable[str]) -> list[PartStatus]:
    """The parts in the order given."""
    supervisor = Supervisor(folder)
    found = []
    for part in parts:
        info = supervisor.info(part)
        processes = _family(info.pid) if info.pid else []
        memory = sum(_memory(process) for process in processes)
        pids = [process.pid for process in processes]
        found.append(PartStatus(part, info.state, pids, round(info.age_s, 1), round(memory / 2**20, 1)))
    return found


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _memory(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        told = process.memory_full_info()
        return int(getattr(told, "pss", told.uss))
    return 0
