"""Control groups, version 2: ``cgroup.kill`` (Linux 5.14) and ``cgroup.freeze`` (5.2), both for all at once.

Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files".
"""

from __future__ import annotations

import contextlib
import signal
import time

from monitor.guard import procfs
from monitor.guard.cgroup import Cgroup
from monitor.guard.procfs import Process


class UnifiedCgroup(Cgroup):
    """Killed by the kernel in one step: what forks meanwhile is killed too."""

    method = "cgroup2"
    kind = "cgroup2"

    def frozen(self) -> bool:
        return "frozen 1" in (self._directory / "cgroup.events").read_text()

    def _hold(self, within: float) -> None:
        deadline = time.monotonic() + within
        self.write("cgroup.freeze", "1")
        self._strays.stop(within)
        while not self.frozen() and time.monotonic() < deadline:
            time.sleep(0.0005)

    def _release(self) -> None:
        self._strays.go_on()
        self.write("cgroup.freeze", "0")

    def _moving(self) -> list[Process]:
        strays = [process for process in self._outside() if not process.standing_still]
        return strays if self.frozen() else self.members() + strays

    def _strike(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # someone removed the group: only an empty one can be
            self._strike_members()
        self._strays.kill()

    def _strike_members(self) -> None:
        if (self._directory / "cgroup.kill").exists():
            self.write("cgroup.kill", "1")
        else:
            self._hold(0.5)
        # cgroup.kill signals first threads: a process that lives on after its own has ended does not notice (6.18).
        for process in self.members():
            procfs.send(process, signal.SIGKILL)
        if self.frozen():
            self.write("cgroup.freeze", "0")
