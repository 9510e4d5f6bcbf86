"""Which processes there are, as /proc tells. A process is named by its id and its start, since ids are used again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

STAT_BYTES = 4096  # 52 numbers and a name of 16 bytes; /proc gives a line whole or not at all


class Process(NamedTuple):
    """One line of /proc/PID/stat (proc(5)); ``start`` in clock ticks since boot."""

    pid: int
    parent: int
    state: str
    threads: int
    start: int

    @property
    def alive(self) -> bool:
        """A zombie is dead, unless only its first thread has ended and others still run."""
        return self.state not in "ZX" or self.threads > 1

    @property
    def standing_still(self) -> bool:
        """Whether it is stopped (or dead). One whose first thread has ended is judged by the others."""
        if self.state != "Z" or not self.alive:
            return self.state in "Tt" or not self.alive
        return all(state in "TtZX" for state in _states_of_threads(self.pid))


def _states_of_threads(pid: int) -> list[str]:
    states = []
    for file in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            states.append(_parse(file.read_bytes()).state)
    return states


def _parse(text: bytes) -> Process:
    # A program may put spaces and brackets into its own name.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(int(text.split(b" ", 1)[0]), int(fields[1]), fields[0].decode(), int(fields[17]), int(fields[19]))


def read(pid: int) -> Process | None:
    """The process of this id, or None when there is none (any more)."""
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)  # a third of the time of Python's files
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        text = os.read(handle, STAT_BYTES)
    except ProcessLookupError:
        return None
    finally:
        os.close(handle)
    return _parse(text)


def snapshot() -> dict[int, Process]:
    """Every process that /proc shows, by id."""
    found = (read(int(name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 (names, not paths)
    return {process.pid: process for process in found if process is not None}


def descendants(roots: Iterable[int], table: Mapping[int, Process] | None = None) -> list[Process]:
    """Everything below the roots, parents before children, the roots left out; the dead included."""
    table = snapshot() if table is None else table
    children: dict[int, list[Process]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    queue = list(roots)
    for pid in queue:
        for child in children.get(pid, ()):
            found.append(child)
            queue.append(child.pid)
    return found


def descendants_quickly(roots: Iterable[int]) -> list[Process]:
    """The same by /proc/PID/task/TID/children: microseconds, but while processes fork it may miss some.

    For the chase after what forks; the proof that none is left looks through all of /proc.
    """
    if not _HAS_CHILDREN:
        return descendants(roots)
    found: list[Process] = []
    queue = list(roots)
    for pid in queue:
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 (names, not paths)
            children = b" ".join(Path(f"/proc/{pid}/task/{thread}/children").read_bytes() for thread in threads)
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in map(int, children.split()):
            process = read(child)
            if process is not None:
                found.append(process)
                queue.append(child)
    return found


def _has_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


_HAS_CHILDREN = _has_children()


def send(process: Process, number: int) -> bool:
    """Send a signal to exactly this process, never to a later one with its id. False when it is gone or not ours."""
    try:
        handle = os.pidfd_open(process.pid)
    except (ProcessLookupError, PermissionError):
        return False
    except OSError:
        return _send_by_id(process, number)  # a kernel or sandbox without pidfd
    try:
        now = read(process.pid)
        if now is None or now.start != process.start:
            return False
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def _send_by_id(process: Process, number: int) -> bool:
    now = read(process.pid)
    if now is None or now.start != process.start:
        return False
    try:
        os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def inner_pid(pid: int) -> int | None:
    """The id that the process has in its own (innermost) PID namespace."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    for line in text.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None
