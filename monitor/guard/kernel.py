"""The few system calls that Python 3.11 lacks, by ctypes. Linux only.

Sources: prctl(2), unshare(2), mount(2), <linux/sched.h>, <linux/prctl.h>.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_REC, MS_SLAVE = 0x4000, 1 << 19

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _call(name: str, *arguments: object) -> int:
    if _libc is None:
        raise OSError(0, f"{name} exists on Linux only, and this is {sys.platform}")
    result = int(getattr(_libc, name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    """Raises OSError as prctl(2) does."""
    _call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def set_subreaper(on: bool) -> bool:
    """Let orphans below this process become its children, or no longer; returns whether they did before."""
    before, none = ctypes.c_int(0), ctypes.c_ulong(0)
    _call("prctl", PR_GET_CHILD_SUBREAPER, ctypes.byref(before), none, none, none)
    prctl(PR_SET_CHILD_SUBREAPER, int(on))
    return bool(before.value)


def unshare(flags: int) -> None:
    """Raises OSError as unshare(2) does: EPERM where the machine does not allow the namespace."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    """Raises OSError as mount(2) does."""
    text = [None if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *text, ctypes.c_ulong(flags), None)
