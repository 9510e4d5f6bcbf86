"""Nothing outlives its kill, whatever it did to be left alone."""

from __future__ import annotations

import os
import signal

import pytest

ESCAPES = [  # kind, the parts that beat, what it does
    ("plain", ("main", "child"), "a child"),
    ("setsid", ("main", "child"), "a session of its own, as every agent gives its shell tool"),
    ("nohup", ("main", "child"), "nohup"),
    ("daemon", ("main", "child"), "double fork and setsid"),
    ("deaf", ("main", "child"), "ignores SIGTERM, SIGINT, SIGHUP and SIGQUIT"),
    ("group", ("main", "child"), "a process group of its own"),
    ("bare", ("main", "child"), "an empty environment"),
    ("storm", ("main", "child"), "200 forks a second"),
    ("hop", ("main", "child"), "a new process every 20 ms, the old one gone"),
    ("stopped", ("main",), "stopped, so that it takes no signal but SIGKILL"),
    ("headless", ("main", "child"), "its first thread has ended: /proc calls it a zombie"),
    ("pipeline", ("main", "child", "other"), "in a shell's pipeline"),
]


@pytest.mark.parametrize(("kind", "parts", "what"), ESCAPES, ids=[kind for kind, _, _ in ESCAPES])
def test_none_is_left(drive, method: str, user: str, delegated: str, kind: str, parts: tuple[str, ...], what) -> None:
    run = drive(kind, method=method, user=user, enter=delegated)
    assert run.answer()["method"] == method
    run.wait_beating(*parts)

    stopped = run.ask("kill", "command 9")

    assert stopped["left"] == 0
    assert stopped["killed"] >= (1 if kind == "hop" else 2)  # one that hops may be between two looks
    assert stopped["method"] == method
    assert run.moved(0.1) == []
    assert run.wait() == 137
    assert run.left() == []
    assert "killed by command 9" in run.err()


@pytest.mark.parametrize("kind", ["plain", "daemon", "storm", "headless"])
def test_paused_nothing_moves_and_resumed_it_goes_on(drive, method: str, user: str, delegated: str, kind: str) -> None:
    run = drive(kind, method=method, user=user, enter=delegated)
    run.answer()
    run.wait_beating("main", "child")

    paused = run.ask("pause", "command 1")
    assert (paused["moving"], paused["still"] >= 2) == (0, True)
    assert run.moved() == []
    run.ask("resume", "command 2")
    run.wait_beating("main", "child")
    run.ask("pause", "command 3")
    stopped = run.ask("kill", "command 4")

    assert stopped["left"] == 0
    assert run.wait() == 137
    assert run.left() == []


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_kill_9_of_the_guard_leaves_none(drive, method: str, user: str, delegated: str, paused: bool) -> None:
    run = drive("daemon", method=method, user=user, enter=delegated)
    run.answer()
    run.wait_beating("main", "child")
    if paused:
        run.ask("pause", "command 1")

    run.process.kill()
    run.wait()

    run.until(lambda: not run.left())
    assert "is gone, so what it guarded was killed" in run.err()


GUARD = (
    "import sys; sys.path.insert(0, sys.argv[1]); from monitor.guard.run import Guarded; "
    "sys.exit(Guarded(sys.argv[2:], run_id='inner').run())"
)


def test_a_guard_within_a_guard_dies_with_all_it_guards(drive, method: str, user: str, delegated: str) -> None:
    escapes = ["{python}", "-I", "-S", "{package}/tests/guard/escapes.py", "daemon", "{place}"]
    run = drive(["{python}", "-I", "-c", GUARD, "{package}", *escapes], method=method, user=user, enter=delegated)
    run.answer()
    run.wait_beating("main", "child")

    stopped = run.ask("kill", "command 9")

    assert stopped["left"] == 0
    assert run.moved(0.1) == []
    assert run.wait() == 137
    assert run.left() == []


def test_kill_9_of_the_warden_leaves_none(drive, method: str, user: str, delegated: str) -> None:
    run = drive("daemon", method=method, user=user, enter=delegated)
    warden = run.answer()["warden"]
    run.wait_beating("main", "child")

    os.kill(warden, signal.SIGKILL)

    assert run.wait() == 137
    assert run.left() == []
    assert f"its warden (pid {warden}) was killed" in run.err()
