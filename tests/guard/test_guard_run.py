"""A guarded run is its program: same status, signals, input, output; and what the guard adds to it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.guard.containment import METHODS, UnavailableError, choose
from monitor.guard.program import SpawnError
from monitor.guard.run import Guarded, RefusedError

STATUS = [  # command, status as a shell would say it
    ("exit 0", 0),
    ("exit 3", 3),
    ("kill -TERM $$", 143),
    ("kill -KILL $$", 137),
]


@pytest.mark.parametrize(("script", "status"), STATUS)
def test_exit_status(drive, method: str, script: str, status: int) -> None:
    run = drive(["sh", "-c", script], method=method)
    run.answer()
    assert run.answer() == {"ended": status}
    assert run.wait() == status


def test_input_and_output_pass_through(drive, method: str) -> None:
    run = drive(["sh", "-c", "cat; echo oops >&2"], method=method, stdin=subprocess.PIPE)
    run.process.stdin.write(b"hello\n")
    run.process.stdin.close()
    assert (run.wait(), run.out()) == (0, "hello\n")
    assert "oops\n" in run.err()


def test_the_run_id_is_in_the_environment(drive) -> None:
    run = drive(["sh", "-c", "echo $KILLCORD_RUN_ID"])
    assert (run.wait(), run.out()) == (0, "run-7\n")


def test_the_guards_own_descriptors_are_not_passed_on(drive, method: str) -> None:
    script = """
import os
for number in range(3, 64):
    try:
        os.fstat(number)
    except OSError:
        continue
    print(number, os.readlink(f"/proc/self/fd/{number}"))
"""
    run = drive([sys.executable, "-I", "-S", "-c", script], method=method)
    assert (run.wait(), run.out()) == (0, "")


SIGNALS = [
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
]


@pytest.fixture
def heeded(number: signal.Signals) -> Iterator[None]:
    """What started the tests may ignore it, as nohup does, and so would all that they start."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_signals_are_forwarded_once(drive, method: str, number: signal.Signals) -> None:
    script = f"""
import signal, time, sys
got = []
signal.signal({int(number)}, lambda *_: got.append(1))
print("ready", flush=True)
while not got:
    time.sleep(0.005)
time.sleep(0.05)
print(len(got))
sys.exit(9)
"""
    run = drive([sys.executable, "-I", "-S", "-c", script], method=method)
    run.answer()
    run.until(lambda: "ready" in run.out())
    run.process.send_signal(number)
    assert (run.wait(), run.out()) == (9, "ready\n1\n")


def test_a_signal_that_the_guard_was_started_with_ignored_stays_ignored(drive) -> None:
    shell = f"trap '' HUP; exec {sys.executable} -c 'import signal; print(signal.getsignal(signal.SIGHUP).name)'"
    run = drive(["sh", "-c", shell])
    assert (run.wait(), run.out()) == (0, "SIG_IGN\n")


def test_what_the_program_leaves_running_is_killed_by_default(drive, method: str) -> None:
    run = drive("leave", method=method)
    assert run.wait() == 5
    assert run.left() == []
    assert "the program has ended; killing what it left running" in run.err()


def test_or_guarded_until_none_is_left(drive, method: str) -> None:
    run = drive("leave", method=method, on_exit="wait")
    run.answer()
    run.until(lambda: "still guarding what it left running" in run.err())
    run.wait_beating("child")
    assert run.ask("kill", "command 5")["left"] == 0
    assert run.wait() == 137
    assert run.left() == []


NOT_RUN = [  # command, status
    (["/does/not/exist"], 127, "No such file or directory"),
    (["/etc/passwd"], 126, "Permission denied"),
]


@pytest.mark.parametrize(("command", "status", "why"), NOT_RUN)
def test_a_command_that_cannot_run(drive, method: str, command: list[str], status: int, why: str) -> None:
    run = drive(command, method=method)
    assert run.wait() == status
    assert f"cannot run '{command[0]}'" in run.err()
    assert why in run.err()


def test_a_directory_that_is_not_there_is_named() -> None:
    with pytest.raises(SpawnError, match="/does/not/exist"):
        choose("subreaper").spawn(["true"], cwd="/does/not/exist")


def test_a_run_killed_before_its_start_does_not_start(drive, method: str) -> None:
    run = drive(["sh", "-c", "echo started"], method=method, before=["kill"])
    assert (run.wait(), run.out()) == (137, "")


def test_a_run_paused_before_its_start_waits_for_the_resume(drive, method: str) -> None:
    run = drive(["sh", "-c", "echo started"], method=method, before=["pause"])
    assert run.answer() == {"before": ["pause"]}
    run.until(lambda: "guarded by" in run.err())
    assert run.out() == ""
    run.ask("resume", "the test")
    assert (run.wait(), run.out()) == (0, "started\n")


def test_a_run_paused_before_its_start_can_be_given_up(drive) -> None:
    run = drive(["sh", "-c", "echo started"], before=["pause"])
    run.until(lambda: "guarded by" in run.err())
    run.process.send_signal(signal.SIGTERM)
    assert (run.wait(), run.out()) == (143, "")


def test_a_killed_run_stays_killed(drive, method: str) -> None:
    run = drive("plain", method=method)
    run.answer()
    run.wait_beating("main", "child")
    first = run.ask("kill", "command 1")
    assert first["left"] == 0
    assert run.wait() == 137


def test_after_the_kill_nothing_but_the_same_answer() -> None:
    guarded = Guarded(["sleep", "60"], run_id="r", containment=choose(), say=lambda _: None)
    started = threading.Event()
    guarded._on_started = lambda *_: started.set()
    answers = []

    def operator() -> None:
        started.wait(10)
        answers.extend([guarded.kill("one"), guarded.kill("two")])

    thread = threading.Thread(target=operator)
    thread.start()
    assert guarded.run() == 137
    thread.join()
    assert answers[0] is answers[1]
    assert guarded.state == "killed"
    assert guarded.ended.is_set()
    with pytest.raises(RefusedError, match="was killed"):
        guarded.resume()
    with pytest.raises(RefusedError, match="was killed"):
        guarded.pause()


def test_a_kill_after_the_end_finds_nothing() -> None:
    guarded = Guarded(["true"], run_id="r", containment=choose(), say=lambda _: None)
    assert guarded.run() == 0
    assert (guarded.kill().killed, guarded.state) == (0, "ended")
    with pytest.raises(RefusedError, match="has ended"):
        guarded.resume()


def test_it_says_why_no_better_method_was_taken(drive, user: str) -> None:
    run = drive(["true"], user=user)
    answer = run.answer()
    assert run.wait() == 0
    better = METHODS[: METHODS.index(answer["method"])]
    assert [reason for reason in better if any(why.startswith(f"{reason}:") for why in answer["why_not"])] == list(
        better
    )


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'chroot'.*cgroup2, cgroup1, pidns, subreaper"):
        choose("chroot")


def test_control_groups_are_removed(method: str) -> None:
    try:
        containment = choose(method)
    except UnavailableError as error:
        pytest.skip(f"this machine's kernel or rights lack it: {error}")
    assert Guarded(["true"], run_id="r", containment=containment, say=lambda _: None).run() == 0
    assert not containment.handle or not Path(containment.handle).exists()


@pytest.mark.parametrize("method", ["cgroup2", "cgroup1"])
def test_groups_of_dead_guards_are_removed_and_those_in_use_are_not(method: str) -> None:
    try:
        in_use = choose(method)
    except UnavailableError as error:
        pytest.skip(f"this machine's kernel or rights lack it: {error}")
    left_behind = Path(in_use.handle).parent / "killcord-1-left-behind"
    left_behind.mkdir()
    choose(method).close()
    assert (Path(in_use.handle).exists(), left_behind.exists()) == (True, False)
    in_use.close()
    assert not Path(in_use.handle).exists()


def test_the_subreaper_leaves_other_children_of_its_process_alone() -> None:
    before = subprocess.Popen(["sleep", "60"])
    containment = choose("subreaper")
    program = containment.spawn(["sleep", "60"])
    after = subprocess.Popen(["sleep", "60"])
    try:
        stopped = containment.kill()
        program.wait()
        containment.kill()
        assert (stopped.killed, stopped.left, before.poll(), after.poll()) == (1, 0, None, None)
    finally:
        containment.close()
        for other in (before, after):
            other.kill()
            other.wait()
