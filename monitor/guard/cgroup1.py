"""Control groups, version 1: the freezer. Frozen, nothing forks; SIGKILL then waits for each until the thaw.

Source: the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst.
"""

from __future__ import annotations

import contextlib
import signal
import time

from monitor.guard import procfs
from monitor.guard.cgroup import Cgroup
from monitor.guard.procfs import Process


class FreezerCgroup(Cgroup):
    """Freeze, kill each, thaw."""

    method = "cgroup1"
    kind = "cgroup"
    controller = "freezer"

    def frozen(self) -> bool:
        return (self._directory / "freezer.state").read_text().strip() == "FROZEN"

    def _hold(self, within: float) -> None:
        deadline = time.monotonic() + within
        self._strays.stop(within)
        while True:
            # Written again: one that forks while it is being frozen leaves the state at FREEZING.
            self.write("freezer.state", "FROZEN")
            if self.frozen() or time.monotonic() > deadline:
                return
            time.sleep(0.0005)

    def _release(self) -> None:
        self._strays.go_on()
        self.write("freezer.state", "THAWED")

    def _moving(self) -> list[Process]:
        strays = [process for process in self._outside() if not process.standing_still]
        return strays if self.frozen() else self.members() + strays

    def _strike(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # someone removed the group: only an empty one can be
            self._hold(0.5)
            for process in self.members():
                procfs.send(process, signal.SIGKILL)
            self.write("freezer.state", "THAWED")
        self._strays.kill()
