"""The README is true: every command in it is run, and what it names is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.cli.main import COMMANDS
from monitor.metrics import Metrics
from monitor.settings import FIELDS, OTHER_VARIABLES, Settings
from monitor.settings.load import environment

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


LINES = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]

# How each is run. make: see test_make. alone: as it stands, with this exit status. The rest needs a Kafka.
MAKE = {"make demo", "make test"}
ALONE = {
    "killcord replay examples/events.ndjson": 0,
    "killcord replay --ndjson examples/events.ndjson": 0,
    "killcord replay --fail-on kill examples/events.ndjson": 3,
    "killcord judge 'git status'": 0,
    "killcord judge --ndjson < examples/calls.ndjson": 0,
    "killcord explain 'cd build && rm -rf ..'": 0,
    "killcord config": 0,
    "killcord policy show": 0,
    "killcord policy starter dark-factory > policy.yaml": 0,
    "killcord policy check policy.yaml": 0,
    "killcord replay --policy policy.yaml examples/events.ndjson": 0,
}
ON_KAFKA = [  # in this order
    "killcord topics create",
    "killcord topics check",
    "killcord worker",
    "killcord watchdog --once",
    "killcord guard --run-id fix-parser --agent-name coder -- python examples/agent.py",
    "killcord runs",
    "killcord alerts --since 1h",
    "killcord show fix-parser",
    'killcord approve fix-parser destructive.narrow --reason "a test database"',
    'killcord raise fix-parser --usd 20 --reason "a large task"',
    'killcord pause fix-parser --reason "let me look"',
    'killcord resume fix-parser --reason "it is a batch"',
    'killcord kill fix-parser --reason "it drops tables"',
    "killcord deadletter list",
]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A directory as a reader has it, to work in."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def run(line: str, desk: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        line, shell=True, cwd=desk, env=own | {"PATH": path} | (env or {}), capture_output=True, text=True, timeout=90,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_every_command_is_run_by_a_test_below() -> None:
    assert sorted(LINES) == sorted([*MAKE, *ALONE, *ON_KAFKA])


def test_make() -> None:
    for target, does in (("demo", "killcord demo"), ("test", "pytest")):
        told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
        assert does in told.stdout


def test_commands_that_need_nothing(desk: Path) -> None:
    for line, status in ALONE.items():
        done = run(line, desk)
        assert done.returncode == status, (line, done.stdout, done.stderr)


def test_the_gate_example(desk: Path) -> None:
    (example,) = (block for block in blocks("python") if "Gate" in block)
    done = subprocess.run([sys.executable, "-c", example], cwd=desk, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def env(kafka_settings: Settings) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return environment(kafka_settings) | {"KILLCORD_METRICS_PORT": str(port)}


@pytest.fixture
def background(desk: Path, env: dict[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    started: dict[str, subprocess.Popen[bytes]] = {}
    yield started
    for process in started.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def start(words: list[str], desk: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (desk / "log.txt").open("ab") as log:
        return subprocess.Popen(
            words, cwd=desk, env=own | {"PATH": path} | env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def until_ready(port: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the worker was not ready within 60 s")


def until_watched(desk: Path, env: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        seen = [json.loads(line) for line in run("killcord show fix-parser --json", desk, env).stdout.splitlines()]
        said = [row for row in seen if "watching" in json.dumps(row)]
        if len(said) >= 2:  # the example's, and the one that is to be stopped
            return
    raise AssertionError("no second kill-switch registered within 30 s")


def test_commands_on_a_real_kafka(
    desk: Path, env: dict[str, str], background: dict[str, subprocess.Popen[bytes]]
) -> None:
    guarded = ["killcord", "guard", "--run-id", "fix-parser", "--agent-name", "coder", "--", "sleep", "90"]
    for line in ON_KAFKA:
        if line == "killcord worker":
            background[line] = start(line.split(), desk, env)
            until_ready(env["KILLCORD_METRICS_PORT"])
            continue
        if line.startswith("killcord pause"):
            background["guarded"] = start(guarded, desk, env)
            until_watched(desk, env)
        done = run(line, desk, env)
        assert done.returncode == 0, (line, done.stdout, done.stderr, (desk / "log.txt").read_text()[-2000:])
    assert background["guarded"].wait(timeout=10) == 137


def test_the_publisher_example(desk: Path, env: dict[str, str]) -> None:
    assert run("killcord topics create", desk, env).returncode == 0
    (example,) = (block for block in blocks("python") if "Publisher" in block)
    (desk / "example.py").write_text(example)
    done = run("python example.py", desk, env | {"KILLCORD_RUN_ID": "example"})
    assert done.returncode == 0, done.stderr
    assert "pytest -q" in run("killcord show example", desk, env).stdout


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    text = PAGES[page]
    for command in re.findall(r"`killcord ([a-z]+)", text):
        assert command in COMMANDS, f"{page} names `killcord {command}`"
    for name in re.findall(r"KILLCORD_[A-Z_]*[A-Z]", text):
        assert name in {entry.variable for entry in FIELDS.values()} | set(OTHER_VARIABLES), f"{page} names {name}"
    exported = {family.name for family in Metrics().registry.collect()}
    for name in re.findall(r"`(killcord_[a-z_]+)", text):
        assert name.removesuffix("_total") in exported, f"{page} names {name}"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), f"{page} links to {link}"
