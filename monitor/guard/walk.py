"""Stopping a tree of processes one by one: what is left where the kernel offers nothing for all of it at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

from monitor.guard import procfs
from monitor.guard.procfs import Process

Listing = Callable[[], Sequence[Process]]


class Walk:
    """SIGSTOP, SIGCONT and SIGKILL for all that ``listing`` names (parents first), until it names nothing new.

    A stopped process forks no more, so the chase ends unless something forks faster than it is walked.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._stopped: dict[tuple[int, int], Process] = {}

    def stop(self, within: float) -> None:
        """SIGSTOP until a look finds none that moves, or ``within`` seconds have passed."""
        deadline = time.monotonic() + within
        while True:
            moving = [process for process in self._listing() if not process.standing_still]
            for process in moving:
                if procfs.send(process, signal.SIGSTOP):
                    # Those that stood still before are not ours to wake.
                    self._stopped.setdefault((process.pid, process.start), process)
            if not moving or time.monotonic() > deadline:
                return

    def go_on(self) -> None:
        """SIGCONT for those that ``stop`` stopped, children first, so that no parent sees a stopped child."""
        for process in reversed(self._stopped.values()):
            procfs.send(process, signal.SIGCONT)
        self._stopped.clear()

    def kill(self, within: float = 0.5) -> None:
        """SIGSTOP all, then SIGKILL all. One pass: look again, and call again, until none is left."""
        deadline = time.monotonic() + within
        seen: dict[tuple[int, int], Process] = {}
        while True:
            new = [process for process in self._listing() if process.alive and (process.pid, process.start) not in seen]
            for process in new:
                seen[process.pid, process.start] = process
                procfs.send(process, signal.SIGSTOP)
            if not new or time.monotonic() > deadline:
                break
        for process in seen.values():
            procfs.send(process, signal.SIGKILL)
        self._stopped.clear()
