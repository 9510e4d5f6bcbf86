"""A child subreaper: orphans become its children, so setsid, nohup and double forks do not leave the tree.

Needs no right at all. Loses to a program that forks faster than the tree is walked.

Source: PR_SET_CHILD_SUBREAPER(2const).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from monitor.guard import kernel, procfs
from monitor.guard.containment import Containment
from monitor.guard.procfs import Process
from monitor.guard.program import Program
from monitor.guard.walk import Walk


class Subreaper(Containment):
    """``root`` is the warden. Should it be killed, its orphans come to this process, which is a subreaper as well.

    In that case, and no other, every child of this process that is younger than the warden, and no warden, counts as
    the run's. So a process that guards by this method should start no other children meanwhile.
    """

    method = "subreaper"
    _wardens: ClassVar[set[int]] = set()
    _before: ClassVar[bool] = False
    _changing: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, handle: str = "") -> None:
        super().__init__(handle)
        self._walk = Walk(self.look)
        self._chase = Walk(self.glance)
        self._adopted: set[int] = set()
        self._older: set[int] = set()
        self._program: Program | None = None

    @classmethod
    def candidates(cls) -> Iterator[Self]:
        yield cls()

    def spawn(self, *arguments: Any, **options: Any) -> Program:
        self._older = {process.pid for process in procfs.snapshot().values() if process.parent == os.getpid()}
        self._program = super().spawn(*arguments, **options)
        return self._program

    def adopt(self, pid: int) -> None:
        self._forget_warden()
        super().adopt(pid)
        if pid == os.getpid():
            return
        with self._changing:
            if not self._wardens:
                type(self)._before = kernel.set_subreaper(True)
            self._wardens.add(pid)

    def look(self) -> list[Process]:
        table = procfs.snapshot()
        root = self.living_root()
        orphans = [] if root is not None and root.alive else self._orphans(table)
        roots = [process.pid for process in orphans] + ([] if root is None else [root.pid])
        return [process for process in orphans + procfs.descendants(roots, table) if process.alive]

    def glance(self) -> list[Process]:
        root = self.living_root()
        if root is None or not root.alive:
            return self.look()
        return [process for process in procfs.descendants_quickly([root.pid]) if process.alive]

    def _orphans(self, table: dict[int, Process]) -> list[Process]:
        # A warden that was not killed ends only when nothing is left for anyone to adopt.
        if self._program is None or (self._program.warden.poll() or 0) >= 0:
            return []
        known = self._older | self._wardens
        found = [process for process in table.values() if process.parent == os.getpid() and process.pid not in known]
        self._adopted.update(process.pid for process in found)
        return found

    def _hold(self, within: float) -> None:
        self._walk.stop(within)

    def _release(self) -> None:
        self._walk.go_on()

    def _moving(self) -> list[Process]:
        return [process for process in self.look() if not process.standing_still]

    def _strike(self) -> None:
        self._chase.kill()
        self._walk.kill()

    def close(self) -> None:
        for pid in self._adopted:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._adopted.clear()
        self._forget_warden()

    def _forget_warden(self) -> None:
        if self.root is None:
            return
        with self._changing:
            if self.root.pid in self._wardens:
                self._wardens.discard(self.root.pid)
                if not self._wardens and not self._before:
                    kernel.set_subreaper(False)
