"""Signals that reach the guard, as something to wait for beside the warden's reports."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
from types import FrameType
from typing import Any, Protocol, Self

TO_ALL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGWINCH)
"""What a terminal sends to a whole process group."""
TO_PROGRAM = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
JOB_CONTROL = (signal.SIGTSTP, signal.SIGCONT)

_WAKE = 0


class Readable(Protocol):
    def fileno(self) -> int: ...


def _noted(number: int, frame: FrameType | None) -> None:
    """The number comes by the wake-up descriptor; without a handler it would not."""


class Incoming:
    """While entered in the main thread, collects signals; what was ignored from the start (nohup) stays ignored."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._handlers: dict[int, Any] = {}
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._descriptor = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
            for number in (*TO_ALL, *TO_PROGRAM, *JOB_CONTROL):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, _noted)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers.clear()
        if self._descriptor is not None:
            signal.set_wakeup_fd(self._descriptor)
            self._descriptor = None

    def wake(self) -> None:
        """Let a wait return; from any thread."""
        with contextlib.suppress(OSError):
            self._theirs.send(bytes([_WAKE]))

    def wait(self) -> list[int]:
        """Wait for signals, or for `wake`."""
        select.select([self._ours], [], [])
        return self._numbers()

    def wait_for(self, other: Readable, seconds: float | None) -> tuple[bool, list[int]]:
        """Wait for signals, for `wake`, for the other, or so long: whether the other is readable, and the signals."""
        poll = select.poll()
        poll.register(other, select.POLLIN)
        poll.register(self._ours, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)}
        return other.fileno() in ready, self._numbers()

    def _numbers(self) -> list[int]:
        with contextlib.suppress(BlockingIOError):
            return [number for number in self._ours.recv(4096) if number != _WAKE]
        return []

    def suspend(self) -> None:
        """Stop this process and its job, as Ctrl-Z does; returns when it goes on."""
        if signal.SIGTSTP not in self._handlers:
            return
        # First the others of the job (a pipeline), then us: raised in this thread, so it stops here.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, _noted)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()
