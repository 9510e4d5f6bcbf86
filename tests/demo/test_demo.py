"""The demo as a user runs it: everything is seen, nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMAND = [sys.executable, "-m", "monitor", "demo", "--json"]


def marked(mark: str) -> list[int]:
    """Processes whose environment holds this mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def environment(mark: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")} | {"MARK": mark}


def test_everything_is_seen(tmp_path: Path) -> None:
    mark = f"demo-{os.getpid()}-{time.monotonic_ns()}"
    env = environment(mark) | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(COMMAND, env=env, capture_output=True, text=True, timeout=120, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    runs = {line["run"]: line for line in lines[:-1]}
    wrong = {run: line["missing"] for run, line in runs.items() if not line["passed"]}
    assert not wrong
    assert done.returncode == 0, done.stderr
    assert lines[-1]["passed"] is True
    assert {run: line["caught_by"] for run, line in runs.items()} == {
        "fix-parser": None,
        "tidy-infra": "destructive.wide",
        "charge-card": "loops.repeat",
        "market-study": "budget.run",
        "support-shift": "drift.error_rate",
        "wait-for-merge": "loops.repeat",
        "clean-mailbox": "destructive.wide",
    }
    assert all(runs[run]["seconds"] is not None for run in ("tidy-infra", "charge-card", "market-study"))
    assert marked(mark) == []
    assert list(tmp_path.iterdir()) == [], "the scratch directory stays"


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    mark = f"demo-{os.getpid()}-{time.monotonic_ns()}"
    env = environment(mark) | {"TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stderr is not None
    for line in demo.stderr:
        if "agents start" in line:
            break
    deadline = time.monotonic() + 20
    while len(marked(mark)) < 8 and time.monotonic() < deadline:  # the demo, the worker, agents
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=40)
    assert demo.returncode == 130
    assert marked(mark) == []
    assert list(tmp_path.iterdir()) == []
