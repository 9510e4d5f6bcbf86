"""What holds a program and everything it starts, so that all of it can be paused, killed, and proven dead.

Four ways, the best first (figures: an idle tree, two cores):

| method      | what it is                      | all gone in | who can leave it                              |
| ----------- | ------------------------------- | ----------- | --------------------------------------------- |
| `cgroup2`   | a control group, cgroup.kill    | 5 ms        | what may write to another group's cgroup.procs |
| `cgroup1`   | the v1 freezer, frozen and shot | 6 ms        | the same                                      |
| `pidns`     | a PID namespace; its init dies  | 7 ms        | nobody (root, with another /proc at hand)     |
| `subreaper` | a walk of the tree              | 14 ms       | what forks faster than it is walked           |

What leaves a control group is still found as long as it descends from the run. None of them binds a program that asks
another service (a container engine, ``systemd-run``, ``at``) to start its processes, nor one with the guard's own
rights that kills the guard and its warden in one breath, except `pidns`, from within which neither is seen.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

from monitor.guard import procfs
from monitor.guard.procfs import Process
from monitor.guard.program import Group, Program, spawn

WITHIN = 5.0
"""Seconds that a kill or a pause may take until it is reported as not complete."""

METHODS = ("cgroup2", "cgroup1", "pidns", "subreaper")


class Stopped(NamedTuple):
    """The proof of a kill: found by looking, after the last signal. ``survivors`` are the ids of what is left."""

    method: str
    killed: int
    left: int
    seconds: float
    survivors: tuple[int, ...] = ()


class Paused(NamedTuple):
    """The proof of a pause: how many processes stand still, how many do not, after how many seconds."""

    method: str
    still: int
    moving: int
    seconds: float


class UnavailableError(Exception):
    """This machine does not allow the method; the text says what failed, and where."""


class Containment(ABC):
    """One run's processes. Safe to call from several threads.

    ``handle`` is what another process needs to find the same run: a control group's directory, or nothing.
    """

    method: ClassVar[str]

    def __init__(self, handle: str = "") -> None:
        self.handle = handle
        self.why_not: tuple[str, ...] = ()
        self.root: Process | None = None
        self._lock = threading.RLock()

    def __str__(self) -> str:
        return f"{self.method} ({self.handle})" if self.handle else self.method

    @classmethod
    @abstractmethod
    def candidates(cls) -> Iterator[Containment]:
        """The places where it may work, best first. Raises `UnavailableError` or OSError with the reason."""

    @abstractmethod
    def look(self) -> list[Process]:
        """Every living process of the run, the guard's own in it included, by a look through all of /proc."""

    def glance(self) -> list[Process]:
        """The same, quick, and perhaps not complete."""
        return self.look()

    @abstractmethod
    def _hold(self, within: float) -> None: ...

    @abstractmethod
    def _release(self) -> None: ...

    @abstractmethod
    def _strike(self) -> None: ...

    @abstractmethod
    def _moving(self) -> list[Process]: ...

    def own(self) -> frozenset[int]:
        """Ids of what `look` finds, but that is ours: not counted."""
        return frozenset()

    def adopt(self, pid: int) -> None:
        """Everything below this process is the run's."""
        self.root = procfs.read(pid)

    def living_root(self) -> Process | None:
        """The root, unless it has died (its id may be another's by now)."""
        now = None if self.root is None else procfs.read(self.root.pid)
        return now if now is not None and self.root is not None and now.start == self.root.start else None

    def below_root(self) -> list[Process]:
        """The living descendants of the root, by a look through all of /proc."""
        root = self.living_root()
        return [] if root is None else [p for p in procfs.descendants([root.pid]) if p.alive]

    def spawn(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        *,
        group: Group = "own",
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Program:
        """Run a program that is inside before its first instruction. Raises `SpawnError` when that cannot be."""
        program = spawn(self, argv, env, cwd, group=group, stdin=stdin, stdout=stdout, stderr=stderr)
        self.adopt(program.root)
        return program

    def pids(self) -> list[int]:
        """The run's living processes."""
        return [process.pid for process in self.look() if process.pid not in self.own()]

    def freeze(self, within: float = WITHIN) -> Paused:
        """Stop the clock for all of it; returns when nothing moves, or after ``within`` seconds."""
        with self._lock:
            started = time.monotonic()
            self._hold(within)
            moving, own = self._moving(), self.own()
            still = len(self.pids()) - len([process for process in moving if process.pid not in own])
            return Paused(self.method, max(still, 0), len(moving), time.monotonic() - started)

    def thaw(self) -> None:
        """Let all of it go on. What stood still before `freeze` by its own doing stays so."""
        with self._lock:
            self._release()

    def kill(self, within: float = WITHIN) -> Stopped:
        """Kill, look, and again until a look finds none, or ``within`` seconds have passed. Never raises for that."""
        with self._lock:
            started = time.monotonic()
            seen = {(process.pid, process.start) for process in self.glance()}
            wait = 0.0005
            while True:
                self._strike()
                left = self.look()
                seen |= {(process.pid, process.start) for process in left}
                seconds = time.monotonic() - started
                if not left or seconds > within:
                    break
                time.sleep(wait)
                wait = min(2 * wait, 0.02)
            survivors = tuple(sorted(process.pid for process in left))
            killed = len([pid for pid, _ in seen if pid not in self.own() and pid not in survivors])
            return Stopped(self.method, killed, len(left), seconds, survivors)

    def close(self) -> None:  # noqa: B027 (only control groups leave something behind)
        """Remove what was made for the run. OSError when processes are left in it."""

    def prove(self) -> None:
        """Really freeze, thaw and kill a program of no use. Raises `UnavailableError` or `SpawnError`."""
        nothing = subprocess.DEVNULL
        program = self.spawn(["/bin/sh", "-c", "exec sleep 60"], stdin=nothing, stdout=nothing, stderr=nothing)
        try:
            paused = self.freeze(within=2.0)
            self.thaw()
        finally:
            stopped = self.kill(within=2.0)
            program.wait()
        if paused.moving or not paused.still:
            raise UnavailableError(f"{self}: a process went on while frozen")
        if stopped.left or not stopped.killed:
            raise UnavailableError(f"{self}: process {program.pid} lived on after its kill")


def kinds() -> dict[str, type[Containment]]:
    """The methods by name, the best first."""
    from monitor.guard.cgroup1 import FreezerCgroup
    from monitor.guard.cgroup2 import UnifiedCgroup
    from monitor.guard.pidns import PidNamespace
    from monitor.guard.subreaper import Subreaper

    return {kind.method: kind for kind in (UnifiedCgroup, FreezerCgroup, PidNamespace, Subreaper)}


REMEDY = (
    "for a kill that nothing outruns, start the guard where a control group is delegated "
    "(systemd-run --user --scope -p Delegate=yes -- killcord guard …; in a container, mount /sys/fs/cgroup writable), "
    "as root, or where user namespaces are allowed (sysctl kernel.apparmor_restrict_unprivileged_userns=0, "
    "user.max_user_namespaces above 0)"
)


def choose(prefer: str | None = None) -> Containment:
    """The best method that works here, tried with a real process; ``why_not`` has a reason for each better one.

    With ``prefer``, that method or `UnavailableError`. ValueError when there is no such method.
    """
    if prefer is not None and prefer not in METHODS:
        raise ValueError(f"no way of containment is called {prefer!r}: choose one of {', '.join(METHODS)}")
    reasons: list[str] = []
    for name, kind in kinds().items():
        if prefer not in (None, name):
            continue
        try:
            for candidate in kind.candidates():
                try:
                    candidate.prove()
                except (UnavailableError, OSError) as error:
                    reasons.append(f"{name}: {error}")
                    candidate.close()
                else:
                    candidate.why_not = (*reasons, REMEDY) if name == "subreaper" and prefer is None else (*reasons,)
                    return candidate
        except (UnavailableError, OSError) as error:
            reasons.append(f"{name}: {error}")
    raise UnavailableError("; ".join(reasons) + f"; {REMEDY}")
