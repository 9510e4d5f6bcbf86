"""``killcord kill`` against a real ``killcord guard``, with no worker at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli.main import killcord as commands
from monitor.client import AsyncPublisher
from monitor.settings import Settings, environment

ESCAPES = "setsid sleep 300 & echo $! > child; nohup sleep 300 >/dev/null 2>&1 & exec sleep 300"


@pytest.fixture
def env(kafka_topics: Settings) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")} | environment(
        kafka_topics
    )


def killcord(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    main = "from monitor.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", main, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def guarded(env: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    main = "from monitor.cli.main import main; main()"
    guard = ["guard", "--run-id", "r1", "--agent-name", "coder", "--", "sh", "-c", ESCAPES]
    command = [sys.executable, "-c", main, *guard]
    process = subprocess.Popen(command, env=env, cwd=tmp_path, text=True, stderr=subprocess.PIPE)
    until = time.monotonic() + 30
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait(20)
    assert process.stderr
    process.stderr.close()


def acks(output: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [(line["run_id"], line["status"]) for line in lines if line["type"] == "ack"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_kill(env: dict[str, str], guarded: subprocess.Popen[str], tmp_path: Path) -> None:
    child = int((tmp_path / "child").read_text())
    assert alive(child)
    done = killcord(env, "kill", "r1", "--reason", "it loops", "--json", "--timeout", "20")
    assert (done.returncode, acks(done.stdout)) == (0, [("r1", "received"), ("r1", "stopped")]), done.stderr
    assert not alive(child)
    assert guarded.wait(20) == 137
    again = killcord(env, "guard", "--run-id", "r1", "--", "touch", str(tmp_path / "ran"))
    assert again.returncode == 137
    assert "it loops" in again.stderr
    assert not (tmp_path / "ran").exists()
    twice = killcord(env, "kill", "r1", "--timeout", "0.3")
    assert (twice.returncode, "was stopped before" in twice.stdout) == (0, True), twice.stdout
    resumed = killcord(env, "resume", "r1")
    assert resumed.returncode == 1
    assert "a kill is final" in resumed.stderr


async def test_pause_and_resume(env: dict[str, str], guarded: subprocess.Popen[str]) -> None:
    for verb, end in (("pause", "paused"), ("resume", "resumed")):
        done = killcord(env, verb, "--agent-name", "coder", "--json", "--timeout", "3")
        assert (done.returncode, acks(done.stdout)[-1:]) == (0, [("r1", end)]), done.stderr
    assert guarded.poll() is None


async def test_unguarded_is_said_plainly(env: dict[str, str]) -> None:
    done = killcord(env, "kill", "nobody", "--timeout", "0.3")
    assert done.returncode == 4
    assert "UNGUARDED" in done.stdout
    assert "no event and no kill-switch of this run was seen lately: check the id" in done.stderr
    done = killcord(env, "resume", "nobody else", "--timeout", "0.3")
    assert (done.returncode, "nothing was paused" in done.stdout) == (4, True)


async def test_an_unguarded_run_that_told_something_is_no_mistyped_one(
    env: dict[str, str], kafka_topics: Settings
) -> None:
    async with AsyncPublisher("r7", settings=kafka_topics) as publisher:
        publisher.heartbeat()
    done = killcord(env, "kill", "r7", "--timeout", "0.3")
    assert (done.returncode, "UNGUARDED" in done.stdout, done.stderr) == (4, True, "")


async def test_what_a_run_may_be_let_do(env: dict[str, str]) -> None:
    for rule in ("loops.repeat", "loops.repeat:make"):
        done = killcord(env, "approve", "r1", rule, "--reason", "it polls")
        assert (done.returncode, f"approve r1: {rule}" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kill",), "name one of"),
        (("kill", "r1", "--team", "x"), "name one of"),
        (("kill", "--all"), "Aborted"),
        (("pause", "r1", "--expires", "soon"), "is no duration"),
        (("raise", "r1"), "at least one limit"),
        (("kill", "r1", "--brokers", "127.0.0.1:9"), "no Kafka broker answered at 127.0.0.1:9."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], words: str) -> None:
    done = killcord({**os.environ}, *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr


LONG = "r" * 257
WRONG = [  # arguments, what is said
    (("approve", "r1", "bogus.rule", "--reason", "x"), "no rule is called 'bogus.rule'. The nearest: "),
    (("approve", "r1", "loops.repea", "--reason", "x"), "The nearest: loops.repeat"),
    (("approve", "r1", "loops.repea:make", "--reason", "x"), "no rule is called 'loops.repea'"),
    (("approve", "r1", "", "--reason", "x"), "no rule is called ''"),
    (("kill", "r1", "--expires", "1h"), "a run's kill is final, so it takes no --expires"),
    (("resume", "r1", "--expires", "1h"), "No such option"),
    (("alerts", "--run", ""), "an empty run id"),
    (("guard", "--run-id", LONG, "--", "true"), "a run id of 257 characters"),
    *(
        ((verb, run, *more), words)
        for verb, *more in (
            ("kill",), ("pause",), ("resume",), ("show",), ("raise", "--usd", "1"),
        )
        for run, words in (("", "an empty run id"), (LONG, "a run id of 257 characters"))
    ),
    (("approve", "", "loops.repeat", "--reason", "x"), "an empty run id"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(row[0])[:40] for row in WRONG])
def test_wrong_usage_is_told_before_kafka_is_asked(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(commands, [arguments[0], "--brokers", "127.0.0.1:9", *arguments[1:]])
    said = " ".join(done.output.split())
    assert (done.exit_code, words in said) == (125 if arguments[0] == "guard" else 2, True), done.output


# Root is refused no method; what is imported before need not be readable for nobody.
AS_NOBODY = """
import os
import monitor.cli.guard, monitor.guard.run, monitor.guard.switch
from monitor.cli.main import main
from monitor.guard.containment import kinds
kinds()
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
main()
"""


def test_a_guard_that_cannot_guard_is_told_from_its_program(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    guard = [sys.executable, "-c", AS_NOBODY, "guard", "--method", "cgroup1", "--", "touch", str(ran)]
    done = subprocess.run(guard, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "no way to hold the run" in done.stderr, ran.exists()) == (125, True, False), done.stderr


def test_a_guard_whose_settings_are_no_good_is_too() -> None:
    done = CliRunner().invoke(commands, ["guard", "--brokers", "nonsense", "--", "true"])
    assert (done.exit_code, "expected host:port" in done.output) == (125, True), done.output
