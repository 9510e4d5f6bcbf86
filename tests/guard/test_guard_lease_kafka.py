"""A guarded program and a real worker that is stopped: the program goes on, stands still, or is stopped for good."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.settings import Settings
from tests.worker.harness import KILLCORD, Worker, env_of, tail

BEATS = """
import sys, time
while True:
    with open(sys.argv[1], "a") as file:
        file.write(".")
    time.sleep(0.02)
"""
PATIENCE_S = 60.0
LEASE_S = 2.0


class Guard:
    """``killcord guard`` over a program that beats."""

    def __init__(self, settings: Settings, place: Path, *options: str) -> None:
        self.log, self.beats = place / "guard.log", place / "beats"
        command = [KILLCORD, "guard", "--run-id", "r1", *options, "--", sys.executable, "-c", BEATS, str(self.beats)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=env_of(settings), stdout=log, stderr=log)

    def count(self) -> int:
        return self.beats.stat().st_size if self.beats.exists() else 0

    def said(self) -> str:
        return self.log.read_text()

    async def until(self, true: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}: {self.said()}"
            await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        before = self.count()
        await self.until(lambda: self.count() > before + 3, "beating")


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    started: list[Guard] = []

    def start(settings: Settings, *options: str) -> Guard:
        started.append(Guard(settings, tmp_path, *options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
            each.process.wait(PATIENCE_S)


@pytest.fixture
def worker(kafka_topics: Settings, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(replace(kafka_topics, worker_heartbeat_s=0.3), tmp_path / "worker.log")
    yield made
    made.kill()


async def test_pause_while_the_worker_is_stopped(worker: Worker, guard: Callable[..., Guard]) -> None:
    await worker.ready()
    run = guard(worker.settings, "--without-monitor", "pause", "--lease", str(LEASE_S))
    await run.goes_on()
    worker.process.send_signal(signal.SIGSTOP)
    await run.until(lambda: "paused by its lease" in run.said(), "paused")
    still = run.count()
    worker.process.send_signal(signal.SIGCONT)
    await run.until(lambda: "resumed by" in run.said(), "resumed")
    await run.goes_on()
    assert still < run.count()


async def test_stop_once_the_worker_is_gone(worker: Worker, guard: Callable[..., Guard]) -> None:
    await worker.ready()
    run = guard(worker.settings, "--without-monitor", "stop", "--lease", str(LEASE_S))
    await run.goes_on()
    async with tail(worker.settings, "acks") as seen:
        worker.kill()
        await run.until(lambda: run.process.poll() is not None, "ended")
        assert run.process.returncode == 137
        assert "killed by its lease: no heartbeat of a monitor" in run.said()
        await seen.until(lambda: "stopped" in [ack["status"] for ack in seen.of("acks")])


async def test_go_on_without_any_worker(kafka_topics: Settings, guard: Callable[..., Guard]) -> None:
    run = guard(kafka_topics, "--without-monitor", "go-on", "--lease", "0.5")
    await run.until(lambda: "going on unwatched" in run.said(), "said so")
    await run.goes_on()


async def test_the_guard_says_that_the_run_lives(kafka_topics: Settings, guard: Callable[..., Guard]) -> None:
    guard(replace(kafka_topics, agent_heartbeat_s=0.2), "--agent-name", "coder")
    async with tail(kafka_topics, "events") as seen:
        first, second = (await seen.until(lambda: len(seen.of("events")) >= 2 and seen.of("events")))[:2]
    assert (first["kind"], first["publisher"], first["run_id"]) == ("heartbeat", "guard", "r1")
    assert (first["agent_name"], second["seq"] - first["seq"]) == ("coder", 1)
