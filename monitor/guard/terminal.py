"""The controlling terminal: whose it is, and handing it over, as a shell does with its jobs.

Source: the GNU C library's manual, "Implementing a Job Control Shell".
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from collections.abc import Iterator
from typing import Any

from monitor.guard.program import Group


class Terminal:
    """The terminal of this process's session; where there is none, nothing happens.

    The program gets it at the start when it talks to it both ways, else (``guard … | less``, whose reader needs the
    keyboard) when it first asks for it.
    """

    def __init__(self) -> None:
        try:
            self._descriptor: int | None = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            self._descriptor = None
        self._settings: list[Any] | None = None if self._descriptor is None else termios.tcgetattr(self._descriptor)
        self.given = False

    @property
    def present(self) -> bool:
        return self._descriptor is not None

    def is_ours(self) -> bool:
        """Whether this process's group is the one in the foreground."""
        with contextlib.suppress(OSError):
            return self._descriptor is not None and os.tcgetpgrp(self._descriptor) == os.getpgrp()
        return False

    def group(self) -> Group:
        """How to start the program."""
        if self.is_ours() and os.isatty(0) and os.isatty(1):
            self.given = True
            return "foreground"
        return "own"

    def give(self, group: int) -> None:
        """Put the program's process group in the foreground, if that place is ours to give."""
        if self._descriptor is not None and self.is_ours():
            with contextlib.suppress(OSError), _background_allowed():
                os.tcsetpgrp(self._descriptor, group)
                self.given = True

    def take(self) -> None:
        """Take it back from the program; not from anyone else, should we never have given it."""
        if self._descriptor is not None and self.given:
            with contextlib.suppress(OSError), _background_allowed():
                os.tcsetpgrp(self._descriptor, os.getpgrp())

    def restore(self) -> None:
        """What the terminal was set to before the program: one that was killed could not do so itself."""
        if self._descriptor is not None and self._settings is not None and self.is_ours():
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._settings)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextlib.contextmanager
def _background_allowed() -> Iterator[None]:
    """The kernel stops a background process that sets the terminal's group, unless it blocks SIGTTOU."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
