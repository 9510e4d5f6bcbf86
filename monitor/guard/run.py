"""A guarded run: one program with everything it starts, from its first instruction to the last process's end."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from monitor.counted import counted
from monitor.guard import procfs
from monitor.guard.containment import Containment, Paused, Stopped, choose
from monitor.guard.incoming import TO_ALL, TO_PROGRAM, Incoming
from monitor.guard.program import Program, Report, SpawnError, status_of
from monitor.guard.terminal import Terminal

RUN_ID = "KILLCORD_RUN_ID"
KILLED = 128 + signal.SIGKILL
OnExit = Literal["kill", "wait"]
State = Literal["new", "running", "ended", "killed"]

LAST_MOMENT = 0.2
"""Seconds that the program's children have to end by themselves after it has."""


class RefusedError(Exception):
    """The run is not in a state that allows this: a killed run stays killed."""


def say_on_stderr(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens: the run matters more
        print(f"killcord: {text}", file=sys.stderr, flush=True)


class Guarded:
    """Run a command so that all of it can be paused, resumed and killed from other threads.

    Parameters: ``on_exit``: what becomes of processes that the program leaves behind when it ends by itself: ``kill``
    them, or ``wait`` until none is left. ``on_started(pid, method)`` is called once it runs, ``on_ended(status)`` when
    all of it has ended without being killed, both in `run`'s thread. ``say`` gets lines for people.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        run_id: str,
        containment: Containment | None = None,
        on_exit: OnExit = "kill",
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        on_started: Callable[[int, str], None] | None = None,
        on_ended: Callable[[int], None] | None = None,
        say: Callable[[str], None] = say_on_stderr,
    ) -> None:
        if on_exit not in ("kill", "wait"):
            raise ValueError(f"on_exit is {on_exit!r}: expected 'kill' or 'wait'")
        self.run_id = run_id
        self.state: State = "new"
        self.paused = False
        self.ended = threading.Event()
        """Set when none of the run is left, however that came."""
        self._argv = list(argv)
        self._env = {**(os.environ if env is None else env), RUN_ID: run_id}
        self._cwd = cwd
        self._on_exit = on_exit
        self._on_started = on_started
        self._on_ended = on_ended
        self._say = say
        self.containment = choose() if containment is None else containment
        self._program: Program | None = None
        self._stopped: Stopped | None = None
        self._lock = threading.RLock()
        self._incoming = Incoming()
        self._terminal = Terminal()

    @property
    def method(self) -> str:
        return self.containment.method

    def pids(self) -> list[int]:
        """The run's living processes."""
        return self.containment.pids()

    # What other threads call.

    def kill(self, by: str = "") -> Stopped:
        """Kill all of it and prove it; final, also for a run that has not started. Again: the same answer.

        A run that had ended by itself answers with nothing killed; ``state`` says which it was.
        """
        with self._lock:
            if self._stopped is not None and not self._stopped.left:
                return self._stopped
            if self.state == "ended":
                return Stopped(self.method, 0, 0, 0.0)
            self.state = "killed"
            self._stopped = stopped = self.containment.kill()
            self._incoming.wake()
            which = f" by {by}" if by else ""
            if stopped.left:
                names = ", ".join(map(str, stopped.survivors))
                self._say(
                    f"run {self.run_id}: killed{which} ({stopped.method}), but "
                    f"{counted(stopped.left, 'process is', 'processes are')} left after {stopped.seconds:.3f} s: "
                    f"{names}. Kill them by hand: ps -o pid,user,stat,args -p {names}"
                )
            else:
                self._say(
                    f"run {self.run_id}: killed{which} ({stopped.method}): "
                    f"{counted(stopped.killed, 'process', 'processes')}, none left, {stopped.seconds:.3f} s"
                )
            return stopped

    def pause(self, by: str = "") -> Paused:
        """Stop the clock for all of it. A run that has not started does not start before `resume`."""
        with self._lock:
            self._refuse_when_over("paused")
            self.paused = True
            paused = Paused(self.method, 0, 0, 0.0) if self._program is None else self.containment.freeze()
            still = counted(paused.still, "process stands still", "processes stand still")
            self._say(f"run {self.run_id}: paused{f' by {by}' if by else ''} ({still})")
            return paused

    def resume(self, by: str = "") -> None:
        """Let all of it go on. `RefusedError` for a run that was killed or has ended."""
        with self._lock:
            self._refuse_when_over("resumed")
            self.paused = False
            if self._program is not None:
                self.containment.thaw()
            self._incoming.wake()
            self._say(f"run {self.run_id}: resumed{f' by {by}' if by else ''}")

    def _refuse_when_over(self, what: str) -> None:
        if self.state in ("killed", "ended"):
            why = "was killed" if self.state == "killed" else "has ended"
            raise RefusedError(f"run {self.run_id} cannot be {what}: it {why}")

    # What the calling thread does.

    def run(self) -> int:
        """Run to the end; the program's exit status, 128 + its signal, 137 when killed, 126 or 127 when not to be run.

        In the main thread it forwards signals; from any other it cannot.
        """
        try:
            with self._incoming:
                try:
                    status = self._wait_for_leave()
                    if status is None:
                        status = self._run()
                finally:
                    with self._lock:
                        if self.state != "killed":
                            self.state = "ended"
        except SpawnError as error:
            self._say(f"cannot run {self._argv[0]!r} in {self.containment}: {error.strerror} (errno {error.errno})")
            status = 127 if error.errno == errno.ENOENT else 126
        finally:
            self._finish()
            self.ended.set()
        if self.state == "killed":
            return KILLED
        if self._on_ended is not None:
            self._on_ended(status)
        return status

    def _wait_for_leave(self) -> int | None:
        """Start, but no run that is paused before it is resumed. A status when it is not to start at all."""
        self._announce()
        while True:
            with self._lock:
                if self.state == "killed":
                    return KILLED
                if not self.paused:
                    program = self._start()
                    break
            for number in self._incoming.wait():
                if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                    return 128 + number
        for note in program.notes:
            self._say(f"run {self.run_id}: {note}")
        if self._on_started is not None:
            self._on_started(program.pid, self.method)
        return None

    def _start(self) -> Program:
        self._program = self.containment.spawn(self._argv, self._env, self._cwd, group=self._terminal.group())
        self.state = "running"
        return self._program

    def _announce(self) -> None:
        reasons = "; ".join(self.containment.why_not)
        self._say(f"run {self.run_id}: guarded by {self.containment}{f'; not by {reasons}' if reasons else ''}")

    def _run(self) -> int:
        assert self._program is not None
        status: int | None = None
        leftovers_said = False
        while True:
            patience = LAST_MOMENT if status is not None and not leftovers_said else None
            ready, numbers = self._incoming.wait_for(self._program, patience)
            for number in numbers:
                self._on_signal(number, over=status is not None)
            if ready:
                reports = self._program.reports()
                if reports is None:
                    return self._nobody_left(status)
                for report in reports:
                    status = status_of(report, status)
                    self._on_report(report)
            elif not numbers and status is not None and not leftovers_said:
                leftovers_said = True
                self._on_leftovers()

    def _nobody_left(self, status: int | None) -> int:
        """The warden has ended; by itself it does so only when none is left and the program's end was told."""
        assert self._program is not None
        with self._lock:
            if self.state != "killed" and (status is None or self.pids()):
                self.kill(f"the guard, as its warden (pid {self._program.warden.pid}) was killed")
        return KILLED if status is None else status

    def _on_leftovers(self) -> None:
        with self._lock:
            left = [] if self.state == "killed" else self.pids()
            if not left:
                return
            names = ", ".join(map(str, left))
            if self._on_exit == "wait":
                self._say(f"run {self.run_id}: the program has ended; still guarding what it left running: {names}")
                return
            self._say(
                f"run {self.run_id}: the program has ended; killing what it left running: {names} "
                "(--on-exit wait keeps it)"
            )
            stopped = self.containment.kill()
            if stopped.left:
                self._say(f"run {self.run_id}: still there: {', '.join(map(str, stopped.survivors))}")

    def _on_signal(self, number: int, *, over: bool) -> None:
        assert self._program is not None
        if over:
            if number in TO_ALL or number == signal.SIGTERM:
                for process in self.containment.look():
                    if process.pid not in self.containment.own():
                        procfs.send(process, number)
        elif number == signal.SIGTSTP:
            self._suspend()
        elif number == signal.SIGCONT:
            self._go_on()
        elif number in TO_ALL:
            self._program.signal(number, group=True)
        elif number in TO_PROGRAM:
            self._program.signal(number, group=False)

    def _on_report(self, report: Report) -> None:
        assert self._program is not None
        if report.word != "stopped" or not self._terminal.present or self.paused:
            return
        if report.value in (signal.SIGTTIN, signal.SIGTTOU) and self._terminal.is_ours():
            self._go_on(wanted=True)
        elif report.value != signal.SIGSTOP or self._stands_still():
            self._suspend()

    def _stands_still(self) -> bool:
        # A SIGSTOP of our own pause may be reported after the resume.
        assert self._program is not None
        process = procfs.read(self._program.pid)
        return process is not None and process.state == "T"

    def _suspend(self) -> None:
        """Ctrl-Z: all of the run stands still, tools in sessions of their own included, and so does the guard."""
        with self._lock:
            if self.state == "running" and not self.paused:
                self.containment.freeze()
        self._terminal.take()
        self._incoming.suspend()
        with self._lock:
            if self.state == "running" and not self.paused:
                self.containment.thaw()
        self._go_on()

    def _go_on(self, *, wanted: bool = False) -> None:
        """After fg, bg, or when the program asks for the terminal."""
        assert self._program is not None
        with contextlib.suppress(ProcessLookupError):
            if self._terminal.given or wanted:
                self._terminal.give(os.getpgid(self._program.pid))
            self._program.signal(signal.SIGCONT, group=True)

    def _finish(self) -> None:
        self._terminal.take()
        if self.state == "killed":
            self._terminal.restore()
        self._terminal.close()
        if self._program is not None:
            self._program.close()
        self._incoming.close()
        try:
            self.containment.close()
        except OSError as error:
            self._say(f"cannot remove {self.containment}: {error.strerror}; remove it by hand: rmdir {error.filename}")
