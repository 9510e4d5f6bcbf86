"""Under a shell with job control, on a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ESCAPES = REPOSITORY / "tests/guard/escapes.py"
GUARD = (
    "import sys, threading; from monitor.guard.run import Guarded; from monitor.guard.containment import choose; "
    "kill = lambda *_: threading.Timer(0.5, guarded.kill).start(); "
    "guarded = Guarded(sys.argv[2:], run_id='r', containment=choose(sys.argv[1]), on_started=None); "
    "sys.exit(guarded.run())"
)
SESSION = (
    "import os, sys, fcntl, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp('bash', sys.argv[1:])"
)
PATIENCE = 20.0


class Shell:
    """An interactive bash on a terminal of its own."""

    def __init__(self) -> None:
        self._screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SESSION, "bash", "--norc", "--noprofile", "-i"],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "PS1": "$ ", "TERM": "dumb", "HISTFILE": "", "PYTHONPATH": str(REPOSITORY)},
        )
        os.close(terminal)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def expect(self, text: str) -> None:
        """Read on until the text has come; what came before it is forgotten."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self._screen], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come; the screen says {self.seen!r}"
            self.seen += os.read(self._screen, 65536).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def expect_prompt(self) -> None:
        """The shell has the terminal again, and reads from it."""
        self.type("echo sum-$((20+3))\n")
        self.expect("sum-23")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)


@pytest.fixture
def shell() -> Iterator[Shell]:
    shell = Shell()
    yield shell
    shell.close()


@pytest.fixture(params=["pidns", "subreaper", None])
def guard(request: pytest.FixtureRequest) -> str:
    from monitor.guard.containment import UnavailableError, choose

    try:
        containment = choose(request.param)
    except UnavailableError as error:
        pytest.skip(f"this machine's kernel or rights lack it: {error}")
    containment.close()
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(GUARD)} {containment.method}"


def sizes(place: Path) -> dict[str, int]:
    return {file.stem: file.stat().st_size for file in place.glob("*.beat")}


def wait_beating(place: Path) -> None:
    before, deadline = sizes(place), time.monotonic() + PATIENCE
    while not all(sizes(place).get(name, 0) >= before.get(name, 0) + 2 for name in ("main", "child")):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_program_talks_to_the_terminal(shell: Shell, guard: str) -> None:
    shell.type(f"{guard} sh -c 'test -t 0 && test -t 1 && echo is-a-$((1))-tty; read line; echo got-$line-$((1+1))'\n")
    shell.expect("is-a-1-tty")
    shell.type("words\n")
    shell.expect("got-words-2")
    shell.expect_prompt()


def test_ctrl_c_reaches_the_program_once(shell: Shell, guard: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time\ntry:\n    print('ready', flush=True)\n    time.sleep(30)\n"
        "except KeyboardInterrupt:\n    sys.exit(41)\n"
    )
    shell.type(f"{guard} {shlex.join([sys.executable, '-I', '-S', str(program)])}\n")
    shell.expect("ready")
    shell.type("\x03")
    shell.type("echo status-$?-\n")
    shell.expect("status-41-")


def test_ctrl_z_stops_all_of_it_and_fg_goes_on(shell: Shell, guard: str, tmp_path: Path) -> None:
    program = shlex.join([sys.executable, "-I", "-S", str(ESCAPES), "setsid", str(tmp_path)])
    shell.type(f"{guard} {program}\n")
    wait_beating(tmp_path)

    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect_prompt()
    before = sizes(tmp_path)
    time.sleep(0.15)
    assert sizes(tmp_path) == before

    shell.type("fg\n")
    wait_beating(tmp_path)
    shell.type("\x03")
    shell.expect_prompt()
    before = sizes(tmp_path)
    time.sleep(0.15)
    assert sizes(tmp_path) == before


def test_bg_goes_on_and_the_shell_keeps_the_terminal(shell: Shell, guard: str, tmp_path: Path) -> None:
    program = shlex.join([sys.executable, "-I", "-S", str(ESCAPES), "setsid", str(tmp_path)])
    shell.type(f"{guard} {program}\n")
    wait_beating(tmp_path)
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.type("bg\n")
    wait_beating(tmp_path)
    shell.expect_prompt()
    shell.type("kill -INT %1; wait %1; echo over-$?-\n")
    shell.expect("over-130-")


def test_in_a_pipeline_it_gets_the_keyboard_when_it_asks(shell: Shell, guard: str) -> None:
    shell.type(f"{guard} sh -c 'read line; echo got-$line-$((1+1))' | cat\n")
    shell.expect("guarded by")
    shell.type("words\n")
    shell.expect("got-words-2")
    shell.expect_prompt()


def test_a_started_job_in_the_background_does_not_take_the_terminal(shell: Shell, guard: str) -> None:
    shell.type(f"{guard} sh -c 'sleep 0.1; echo do-$((1+1))-ne' &\n")
    shell.expect("do-2-ne")
    shell.expect_prompt()


def test_after_a_kill_the_terminal_is_as_it_was(shell: Shell, guard: str) -> None:
    """A full-screen program that is killed cannot turn the echo on again."""
    killed = GUARD.replace("on_started=None", "on_started=kill")
    shell.type(f"{guard.replace(shlex.quote(GUARD), shlex.quote(killed))} sh -c 'stty -echo -icanon; sleep 30'\n")
    shell.expect("none left")
    shell.expect_prompt()
    shell.type("stty -a\n")
    shell.expect(" icanon")
    shell.expect(" echo ")
