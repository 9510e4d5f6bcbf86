"""A PID namespace: when its init dies, the kernel kills all the rest and lets init go only when none is left.

Root needs nothing else; an ordinary user gets a user namespace around it, in which setuid programs such as sudo have no
effect. Source: pid_namespaces(7), user_namespaces(7).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Self

from monitor.guard import procfs
from monitor.guard.containment import Containment
from monitor.guard.procfs import Process
from monitor.guard.walk import Walk


class PidNamespace(Containment):
    """``root`` is the namespace's init, a process of ours that only collects the dead."""

    method = "pidns"

    def __init__(self, handle: str = "") -> None:
        super().__init__(handle)
        self._walk = Walk(self.below_root)

    @classmethod
    def candidates(cls) -> Iterator[Self]:
        yield cls()

    def own(self) -> frozenset[int]:
        return frozenset() if self.root is None else frozenset([self.root.pid])

    def look(self) -> list[Process]:
        init = self.living_root()
        return self.below_root() + ([init] if init is not None and init.alive else [])

    def _hold(self, within: float) -> None:
        self._walk.stop(within)

    def _release(self) -> None:
        self._walk.go_on()

    def _moving(self) -> list[Process]:
        return [process for process in self.below_root() if not process.standing_still]

    def _strike(self) -> None:
        init = self.living_root()
        if init is not None:
            procfs.send(init, signal.SIGKILL)
