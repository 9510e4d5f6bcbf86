"""The benchmarks run, end by themselves, and print what they say. Nothing is asserted about times."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.figures import Result
from benchmarks.stage import Stage, StageError

ROOT = Path(__file__).parents[2]


def bench(*arguments: str, brokers: tuple[str, ...] = ()) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=_env(brokers), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _env(brokers: tuple[str, ...]) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    return env | ({"KILLCORD_TEST_BROKERS": ",".join(brokers)} if brokers else {})


def figures(told: dict[str, Any]) -> dict[str, float]:
    return {figure["name"]: figure["value"] for figure in told["figures"]}


def test_engine_says_what_it_ran_on_and_what_each_part_costs() -> None:
    told = bench("engine")
    assert {"cpu", "cores", "memory_gib", "python", "libraries", "commit", "load_average"} <= told["machine"].keys()
    assert {figure["benchmark"] for figure in told["figures"]} == {"engine"}
    found = figures(told)
    parts = ("decode", "Engine.process", "destructive", "loops", "budget", "blindness")
    assert {f"made-up runs: {part}" for part in parts} <= found.keys()
    assert {"import of monitor.client", "gate verdict, p50", "made-up runs: state of a run, max"} <= found.keys()
    assert all(value > 0 for value in found.values())
    assert told["summary"]


def test_drain_measures_a_worker_beside_bare_loops(kafka: tuple[str, ...]) -> None:
    told = bench("drain", brokers=kafka)
    assert told["machine"]["kafka"]
    found = figures(told)
    assert {"one worker", "bare aiokafka, same engine", "bare aiokafka, decoding only"} <= found.keys()
    assert "stock Faust agent, same engine" in found
    ratio = found["one worker"] / found["bare aiokafka, same engine"]
    assert found["worker / bare with engine"] == pytest.approx(ratio)
    aimed = [figure for figure in told["figures"] if "aim" in figure]
    assert [figure["reached"] for figure in aimed] == [figure["value"] >= figure["aim"] for figure in aimed]
    assert told["settings"]["drain"]["KILLCORD_REPLICATION_FACTOR"] == "1"


def test_a_benchmark_that_fails_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(stage: Stage, quick: bool) -> Result:
        raise StageError("the worker ended with status 1")

    async def whole(stage: Stage, quick: bool) -> Result:
        result = Result()
        result.add("whole", "answer", 42.0, "", aim=42.0)
        return result

    monkeypatch.setitem(BENCHMARKS, "broken", broken)
    monkeypatch.setitem(BENCHMARKS, "whole", whole)
    done = CliRunner().invoke(main, ["--json", "broken", "whole"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["failed"] == {"broken": "the worker ended with status 1"}
    assert [(figure["value"], figure["reached"]) for figure in told["figures"]] == [(42.0, True)]


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "drian"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "no benchmark 'drian': there are engine, " in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_leaves_nothing_behind(kafka: tuple[str, ...], tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "--quick", "drain"], cwd=ROOT, env=_env(kafka) | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr
        said = ""
        while "bare aiokafka loop, decode" not in said:  # the next program has been started, or is about to be
            said = running.stderr.readline()
            assert said, "it ended before it measured"
        running.send_signal(number)
        rest = running.stderr.read()
        assert running.wait(60) == (130 if number == signal.SIGINT else -signal.SIGKILL), rest
    until = time.monotonic() + 30
    while list(tmp_path.iterdir()) or _of(tmp_path):
        assert time.monotonic() < until, (list(tmp_path.iterdir()), _of(tmp_path))
        time.sleep(0.1)


def _of(directory: Path) -> list[str]:
    """Command lines of processes whose environment names the directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(f"TMPDIR={directory}".encode()) for variable in variables):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
