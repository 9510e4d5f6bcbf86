"""What both versions of control groups share: where one may be made, who is in it, how it is removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from monitor.guard import procfs
from monitor.guard.containment import Containment, UnavailableError
from monitor.guard.procfs import Process
from monitor.guard.walk import Walk


class Hierarchy(NamedTuple):
    """A mounted hierarchy: which part of it (``root``) is seen at ``mount`` (proc_pid_mountinfo(5))."""

    root: str
    mount: Path


def hierarchies(mountinfo: str, kind: str, controller: str = "") -> list[Hierarchy]:
    """The cgroup mounts of this kind (``cgroup`` or ``cgroup2``) that carry the controller.

    >>> hierarchies("33 31 0:30 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer", "cgroup", "freezer")
    [Hierarchy(root='/', mount=PosixPath('/sys/fs/cgroup/freezer'))]
    """
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kinds = after.split()
        fields = before.split()
        if kinds[:1] != [kind] or (controller and controller not in kinds[-1].split(",")):
            continue
        found.append(Hierarchy(_unescaped(fields[3]), Path(_unescaped(fields[4]))))
    return found


def _unescaped(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")


def own_path(membership: str, controller: str = "") -> str | None:
    """This process's group in /proc/self/cgroup; without a controller, in the unified hierarchy.

    >>> own_path("6:freezer:/a\\n0::/b")
    '/b'
    >>> own_path("6:freezer:/a\\n0::/b", "freezer")
    '/a'
    """
    for line in membership.splitlines():
        number, controllers, path = line.split(":", 2)
        if (controller in controllers.split(",")) if controller else number == "0":
            return path
    return None


def places(kind: str, controller: str = "") -> list[Path]:
    """Directories to try: below our own group first, so that whoever kills that kills this run too; then the top."""
    own = own_path(Path("/proc/self/cgroup").read_text(), controller)
    found: list[Path] = []
    for root, mount in hierarchies(Path("/proc/self/mountinfo").read_text(), kind, controller):
        if own is not None and (own == root or own.startswith(root.rstrip("/") + "/")) and ".." not in own:
            found.append(mount / os.path.relpath(own, root))
        found.append(mount)
    return list(dict.fromkeys(found))


class Cgroup(Containment):
    """A control group of the run's own, plus a walk for what has left it but descends from the run."""

    kind: ClassVar[str]
    controller: ClassVar[str] = ""

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self._directory = Path(handle)
        self._strays = Walk(self._outside)
        self._held: int | None = None

    @classmethod
    def candidates(cls) -> Iterator[Self]:
        tried = places(cls.kind, cls.controller)
        if not tried:
            wanted = " ".join(filter(None, (cls.kind, cls.controller)))
            raise UnavailableError(f"no {wanted} hierarchy is mounted (/proc/self/mountinfo)")
        refused = []
        for place in tried:
            _remove_stale(place)
            directory = place / f"killcord-{os.getpid()}-{os.urandom(4).hex()}"
            try:
                directory.mkdir()
                lock = _lock(directory)
            except OSError as error:
                refused.append(f"cannot make a group in {place} ({error.strerror})")
            else:
                candidate = cls(str(directory))
                candidate._held = lock
                yield candidate
        if refused:
            raise UnavailableError("; ".join(refused))

    def members(self) -> list[Process]:
        """The living processes in the group and the groups below it."""
        found: list[Process] = []
        for directory, _, _ in os.walk(self._directory):
            # A group below may be removed by the program while we look.
            with contextlib.suppress(OSError):
                for pid in Path(directory, "cgroup.procs").read_text().split():
                    process = procfs.read(int(pid))
                    if process is not None and process.alive:
                        found.append(process)
        return found

    def _outside(self) -> list[Process]:
        below = self.below_root()
        inside = {process.pid for process in self.members()}
        return [process for process in below if process.pid not in inside]

    def look(self) -> list[Process]:
        return self.members() + self._outside()

    def glance(self) -> list[Process]:
        return self.members()

    def write(self, name: str, text: str) -> None:
        """Raises OSError naming the file."""
        (self._directory / name).write_text(text)

    def close(self) -> None:
        deadline = time.monotonic() + 1.0
        while self._directory.exists():
            try:
                _remove(self._directory)
            except FileNotFoundError:
                break  # the guard and its warden may both be at it
            except OSError:
                # A group is busy for a moment after its last process has died.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _remove(directory: Path) -> None:
    for below, _, _ in os.walk(directory, topdown=False):
        Path(below).rmdir()


def _lock(directory: Path) -> int:
    """A lock that lasts as long as this process: it tells a group in use from one that was left behind."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_stale(place: Path) -> None:
    """Remove empty groups of guards that died with their wardens: a guard in a run that was killed cannot tidy up."""
    for directory in place.glob("killcord-*-*"):
        # Not ours, in use, or not empty: then it stays.
        with contextlib.suppress(OSError):
            descriptor = _lock(directory)
            try:
                _remove(directory)
            finally:
                os.close(descriptor)
