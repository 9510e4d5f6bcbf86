"""``killcord worker`` that samples itself, for `profile`: what its main thread does, every 2 ms of CPU time.

    python -m benchmarks.sampled_worker FILE                 (settings by KILLCORD_...)

At the signal CLEAR it starts anew; at TELL, FILE gets one JSON object: samples by stack of modules, outermost first,
and the CPU seconds of each thread meanwhile. A sample falls to the Python frame that is next to go on, so the work of
a C function is its caller's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import msgspec

EVERY_S = 0.002
CLEAR, TELL = signal.SIGRTMIN, signal.SIGRTMIN + 1  # Faust has the usual ones
_TICKS = os.sysconf("SC_CLK_TCK")


class Sampler:
    """Samples where the main thread waits are other threads' time, and not counted."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._stacks: Counter[str] = Counter()
        self._cpu = _cpu_by_thread()

    def sample(self, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name != "select":
            self._stacks[_stack(frame)] += 1

    def told(self) -> dict[str, object]:
        spent: dict[str, float] = {}
        names = {thread.native_id: thread.name for thread in threading.enumerate()}
        for thread, seconds in _cpu_by_thread().items():
            name = names.get(thread, "other")
            spent[name] = spent.get(name, 0.0) + seconds - self._cpu.get(thread, 0.0)
        return {"stacks": dict(self._stacks), "cpu_seconds": spent}


def _stack(frame: FrameType | None) -> str:
    """Modules from the outermost to the innermost, each once in a row, with the innermost function."""
    assert frame
    inner = frame.f_code.co_name
    modules: list[str] = []
    while frame is not None:
        module = frame.f_globals.get("__name__", "?")
        if not modules or modules[-1] != module:
            modules.append(module)
        frame = frame.f_back
    return ";".join(reversed(modules)) + f":{inner}"


def _cpu_by_thread() -> dict[int, float]:
    found = {}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_bytes().rpartition(b")")[2].split()
        found[int(task.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def _write(file: Path, told: dict[str, object]) -> None:
    """Whole or not at all: it is waited for."""
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(told))
    part.rename(file)


def main(file: Path) -> None:
    from monitor.settings import load
    from monitor.worker.start import start

    sampler = Sampler()
    signal.signal(CLEAR, lambda *_: sampler.clear())
    signal.signal(TELL, lambda *_: _write(file, sampler.told()))
    signal.signal(signal.SIGPROF, lambda _, frame: sampler.sample(frame))
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    start(load().settings)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
