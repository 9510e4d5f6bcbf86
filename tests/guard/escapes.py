"""Programs that try to outlive their killer: ``escapes.py KIND DIRECTORY``. Each living part beats in its own file."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

DIRECTORY = sys.argv[2] if __name__ == "__main__" else ""
SELF = [sys.executable, "-I", "-S", __file__]
LIFETIME = 30.0  # should a test fail to kill it, it ends by itself
BORN = time.monotonic()


def mark(name: str) -> None:
    with Path(DIRECTORY, f"{name}.beat").open("ab") as file:
        file.write(b".")


def beat(name: str = "child") -> None:
    while time.monotonic() < BORN + LIFETIME:
        mark(name)
        time.sleep(0.01)


def fork(then: Callable[[], object]) -> None:
    if os.fork() == 0:
        try:
            then()
        finally:
            os._exit(0)


def setsid() -> None:
    os.setsid()
    beat()


def daemon() -> None:
    os.setsid()
    os.chdir("/")
    fork(beat)


def deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    beat()


def group() -> None:
    os.setpgid(0, 0)
    beat()


def bare() -> NoReturn:
    os.execve(SELF[0], [*SELF, "beat", DIRECTORY, "child"], {})


def storm() -> None:
    """200 forks a second, each living 50 ms."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while time.monotonic() < BORN + LIFETIME:
        mark("child")
        fork(lambda: time.sleep(0.05))
        time.sleep(0.005)


def hop() -> None:
    """A new process every 20 ms, the old one gone."""
    os.setsid()
    while time.monotonic() < BORN + LIFETIME:
        mark("child")
        time.sleep(0.02)
        if os.fork():
            os._exit(0)


def stopped() -> None:
    mark("child")
    mark("child")
    os.kill(os.getpid(), signal.SIGSTOP)


def headless() -> None:
    """The first thread ends, so the process looks like a zombie; another one goes on."""
    threading.Thread(target=beat).start()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)


def nohup() -> None:
    os.execvp("nohup", ["nohup", *SELF, "beat", DIRECTORY, "child"])


def pipeline() -> None:
    one, two = (shlex.join([*SELF, "beat", DIRECTORY, name]) for name in ("child", "other"))
    subprocess.run(["/bin/sh", "-c", f"{one} | {two}; exit 0"], check=False)


def leave() -> None:
    """A daemon that the program leaves behind."""
    fork(daemon)
    while not Path(DIRECTORY, "child.beat").exists():
        time.sleep(0.005)


def main(kind: str, part: str = "main") -> int:
    if kind == "beat":
        beat(part)
    elif kind == "leave":
        leave()
        return 5
    else:
        fork(globals()["beat" if kind == "plain" else kind])
        beat("main")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *sys.argv[3:]))
