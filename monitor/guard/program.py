"""Starting a program inside a containment, and hearing of it: the guard's side of the warden."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from monitor.guard import procfs

if TYPE_CHECKING:
    from monitor.guard.containment import Containment

Group = Literal["own", "foreground"]
"""``own``: a process group of its own; ``foreground``: and that group gets the controlling terminal."""

START_WITHIN = 30.0

_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from monitor.guard.warden import main; main(sys.argv[1:])"
_SPAWNING = threading.Lock()


class SpawnError(OSError):
    """The program could not be started. ``stage``: ``enter`` (the containment) or ``exec`` (the program itself)."""

    def __init__(self, number: int, text: str, stage: str) -> None:
        super().__init__(number, text)
        self.stage = stage


class Report(NamedTuple):
    """What the warden says: ``stopped``, ``continued`` or ``signalled`` with a signal, ``exited`` with a status."""

    word: str
    value: int


class Program:
    """A running program. ``pid`` is its id, ``root`` that of the process below which all of the run is."""

    def __init__(self, warden: subprocess.Popen[bytes], reports: socket.socket) -> None:
        self.warden = warden
        self.root = warden.pid
        self.pid = 0
        self.notes: list[str] = []
        self._reports = reports
        self._rest = b""

    def fileno(self) -> int:
        """Readable when `reports` has something to tell."""
        return self._reports.fileno()

    def reports(self) -> list[Report] | None:
        """What has happened since; None when none of the run is left, or the warden itself was killed."""
        try:
            data = self._reports.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        words = [line.decode().split(" ") for line in lines]
        return [Report(word, int(value)) for word, value in words]

    def wait_started(self, within: float) -> None:
        """Raises `SpawnError`."""
        deadline = time.monotonic() + within
        text = b""
        while select.select([self._reports], [], [], max(0.0, deadline - time.monotonic()))[0]:
            # Byte by byte: the program may have ended already, and that report is for `reports` to read.
            byte = self._reports.recv(1)
            if not byte:
                status = self.warden.wait()
                raise SpawnError(0, f"the warden (pid {self.warden.pid}) ended with status {status}", "enter")
            if byte != b"\n":
                text += byte
                continue
            word, _, rest = text.decode(errors="replace").partition(" ")
            text = b""
            if word == "root":
                self.root = int(rest)
            elif word == "note":
                self.notes.append(rest)
            elif word == "error":
                stage, number, reason = rest.split(" ", 2)
                raise SpawnError(int(number), reason, stage)
            elif word == "started":
                self.pid = self._outer(int(rest))
                return
        raise SpawnError(0, f"not started within {within:g} s", "exec")

    def _outer(self, pid: int) -> int:
        """The id out here of a process that is called ``pid`` in the namespace whose init is ``root``."""
        if self.root == self.warden.pid:
            return pid
        for process in procfs.descendants([self.root]):
            if procfs.inner_pid(process.pid) == pid:
                return process.pid
        return 0  # it has ended already

    def signal(self, number: int, *, group: bool) -> None:
        """Send to the program, or to its process group. Nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid and group:
                os.killpg(os.getpgid(self.pid), number)
            elif self.pid:
                os.kill(self.pid, number)

    def wait(self) -> int | None:
        """Wait until none is left; the exit status, 128 + signal, or None when the warden did not hear of it."""
        status: int | None = None
        while (reports := self.reports()) is not None:
            for report in reports:
                status = status_of(report, status)
        self.close()
        return status

    def close(self) -> None:
        """The warden kills what is left when it finds this closed."""
        self._reports.close()
        self.warden.wait()


def status_of(report: Report, before: int | None = None) -> int | None:
    """A shell's exit status for the report, ``before`` when it is not about the end.

    >>> status_of(Report("exited", 3)), status_of(Report("signalled", 9))
    (3, 137)
    """
    return {"exited": report.value, "signalled": 128 + report.value}.get(report.word, before)


def spawn(
    containment: Containment,
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: str | os.PathLike[str] | None,
    *,
    group: Group,
    stdin: int | None,
    stdout: int | None,
    stderr: int | None,
) -> Program:
    """Start the warden, which starts the program inside the containment."""
    if not argv:
        raise ValueError("no command to run")
    ours, theirs = socket.socketpair()
    words = [str(theirs.fileno()), str(os.getpid()), containment.method, containment.handle, group, *argv]
    package = Path(__file__).resolve().parents[2]
    try:
        # Descriptors that we were given are for the program as well; ours are close-on-exec, this one for a moment not.
        with _SPAWNING:
            theirs.set_inheritable(True)
            try:
                warden = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _BOOT, str(package), *words],
                    env=env,
                    cwd=cwd,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    close_fds=False,
                    process_group=0,
                )
            finally:
                theirs.close()
    except OSError as error:
        ours.close()
        raise SpawnError(error.errno or 0, f"{error.strerror}: {error.filename}", "exec") from error
    program = Program(warden, ours)
    try:
        program.wait_started(START_WITHIN)
    except SpawnError:
        program.close()
        raise
    return program
