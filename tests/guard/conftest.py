"""Guards to be driven by tests: as whoever runs them, and, when that is root, as an ordinary user too."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
NOBODY = 65534
PATIENCE = 30.0

Heartbeats = dict[str, int]


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for what must come."""
    deadline = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.005)
    return value


class Driven:
    """A guard under test, its program, and the directory that the program's parts beat in."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.process: subprocess.Popen[bytes]
        self._orders: IO[str]
        self._answers: int
        self._rest = b""

    def start(self, command: Sequence[str], python: str, stdin: Any, **config: Any) -> None:
        theirs, ours = os.pipe()
        answers, answering = os.pipe()
        config |= {"orders": theirs, "answers": answering}
        with (self.place / "out").open("wb") as out, (self.place / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [
                    python,
                    "-I",
                    str(Path(config["package"], "tests/guard/drive.py")),
                    json.dumps(config),
                    "--",
                    *command,
                ],
                stdin=stdin,
                stdout=out,
                stderr=err,
                cwd=self.place,
                pass_fds=(theirs, answering),
            )
        os.close(theirs)
        os.close(answering)
        self._orders, self._answers = os.fdopen(ours, "w"), answers

    def answer(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._answers, 65536) if ready else b""
            assert data, f"no answer from the guard (status {self.process.poll()}): {self.err()}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "unavailable" in answer:
            pytest.skip(f"this machine's kernel or rights lack it: {answer['unavailable']}")
        return answer

    def ask(self, *order: str) -> dict[str, Any]:
        print(json.dumps(order), file=self._orders, flush=True)
        return self.answer()

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def out(self) -> str:
        return (self.place / "out").read_text()

    def err(self) -> str:
        return (self.place / "err").read_text()

    def beats(self) -> Heartbeats:
        return {file.stem: file.stat().st_size for file in self.place.glob("*.beat")}

    def wait_beating(self, *names: str) -> None:
        before = self.beats()

        def beating() -> bool:
            now = self.beats()
            return all(now.get(name, 0) >= before.get(name, 0) + 2 for name in names)

        until(beating, f"{names} beating; {self.err()}")

    def moved(self, seconds: float = 0.15) -> list[str]:
        """Which parts beat during so many seconds."""
        before = self.beats()
        time.sleep(seconds)
        return [name for name, beats in self.beats().items() if beats != before.get(name)]

    def left(self) -> list[str]:
        """Every process whose command line names our directory: program, escaped children, warden, guard."""
        found = []
        for directory in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if directory.name.isdigit() and str(self.place).encode() in (directory / "cmdline").read_bytes():
                    found.append((directory / "stat").read_text())
        return found

    def until(self, true: Callable[[], Any]) -> None:
        until(true, f"what the guard says: {self.err()}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._orders.close()
        os.close(self._answers)


def _python_for_all() -> str:
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            check = [python, "-I", "-c", "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"]
            # Not by the owner of the descriptor: the whole way to the interpreter must be open to others.
            if subprocess.run(check, user=NOBODY, group=NOBODY, extra_groups=[], check=False).returncode == 0:
                return python
    pytest.skip("no Python 3.11 that another user may run: install one in /usr/bin")


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A copy of what is under test that every user may read: the checkout may lie in someone's home."""
    with tempfile.TemporaryDirectory(prefix="killcord-guard-") as name:
        place = Path(name)
        shutil.copytree(REPOSITORY / "monitor/guard", place / "monitor/guard", ignore=shutil.ignore_patterns("*.pyc"))
        for module in ("__init__.py", "counted.py"):
            shutil.copy(REPOSITORY / "monitor" / module, place / "monitor")
        (place / "tests/guard").mkdir(parents=True)
        for script in ("drive.py", "escapes.py"):
            shutil.copy(HERE / script, place / "tests/guard")
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        yield place


@pytest.fixture(params=["root", "nobody"] if os.getuid() == 0 else ["self"])
def user(request: pytest.FixtureRequest) -> str:
    """Who runs the guard. What root alone can try is not there for others, rather than skipped."""
    return str(request.param)


@pytest.fixture(params=["cgroup2", "cgroup1", "pidns", "subreaper"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def delegated(user: str, method: str) -> Iterator[str]:
    """A control group that root gives to the ordinary user, as systemd does with ``Delegate=yes``."""
    from monitor.guard.cgroup import hierarchies

    kind, controller = {"cgroup2": ("cgroup2", ""), "cgroup1": ("cgroup", "freezer")}.get(method, ("", ""))
    mounted = hierarchies(Path("/proc/self/mountinfo").read_text(), kind, controller) if kind else []
    if user != "nobody" or not mounted:
        yield ""
        return
    group = mounted[0].mount / f"test-of-killcord-{os.getpid()}-{os.urandom(3).hex()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine lets not even root make a control group: {error}")
    for path in (group, *group.glob("cgroup.procs"), *group.glob("cgroup.subtree_control")):
        os.chown(path, NOBODY, NOBODY)
    yield str(group)
    until(lambda: not (group / "cgroup.procs").read_text(), "the delegated group to be left")
    group.rmdir()


Drive = Callable[..., Driven]


@pytest.fixture
def drive(public: Path) -> Iterator[Drive]:
    """Start a guard: ``drive(COMMAND, method=…, user=…)``; instead of a command, a kind of `escapes.py`.

    ``{python}``, ``{package}`` and ``{place}`` in a command stand for the interpreter, the sources and the directory.
    """
    started: list[Driven] = []

    def start(
        command: str | Sequence[str],
        *,
        method: str | None = None,
        user: str = "self",
        enter: str = "",
        on_exit: str = "kill",
        stdin: Any = subprocess.DEVNULL,
        before: Sequence[str] = (),
    ) -> Driven:
        place = Path(tempfile.mkdtemp(dir=public))
        place.chmod(0o777)
        driven = Driven(place)
        python, package, uid = sys.executable, REPOSITORY, os.getuid()
        if user == "nobody":
            python, package, uid = _python_for_all(), public, NOBODY
        if isinstance(command, str):  # a kind of escape
            command = ["{python}", "-I", "-S", "{package}/tests/guard/escapes.py", command, "{place}"]
        known = {"{python}": python, "{package}": str(package), "{place}": str(place)}
        for name, value in known.items():
            command = [word.replace(name, value) for word in command]
        driven.start(
            command,
            python,
            stdin,
            package=str(package),
            method=method,
            uid=uid,
            enter=enter,
            on_exit=on_exit,
            before=list(before),
        )
        started.append(driven)
        driven.answer()  # which skips the test where the method is not to be had
        return driven

    yield start
    for driven in started:
        driven.close()
    for driven in started:
        until(lambda driven=driven: not driven.left(), f"all to be gone: {driven.left()}")
