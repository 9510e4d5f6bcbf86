"""What /proc says of a process: its CPU time, and the processes of a run."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int | None) -> float:
    """User and system time of a process with all its threads; 0 for one that is gone, or None."""
    if pid is None:
        return 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def runs_on(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def of_run(*run_ids: str) -> dict[str, list[int]]:
    """The living processes that carry a run's id in their environment, as the guard tags them."""
    wanted = {f"KILLCORD_RUN_ID={run_id}".encode(): run_id for run_id in run_ids}
    found: dict[str, list[int]] = {run_id: [] for run_id in run_ids}
    for name in os.listdir("/proc"):  # noqa: PTH208 (names, not paths)
        if name.isdigit():
            try:
                variables = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            except OSError:  # gone, or another user's
                continue
            for variable in variables:
                if variable in wanted and runs_on(int(name)):
                    found[wanted[variable]].append(int(name))
    return found
