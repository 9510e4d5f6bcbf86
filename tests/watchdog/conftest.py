"""``killcord watchdog`` as a process."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.settings import Settings
from tests.worker.conftest import start_worker  # noqa: F401  the same fixture
from tests.worker.harness import KILLCORD, PATIENCE_S, env_of, free_port

HEARTBEAT_S = 0.5


class Dog:
    """One watchdog; its alarms are the lines of its output."""

    def __init__(self, settings: Settings, place: Path, *options: str) -> None:
        self.settings = replace(settings, watchdog_port=free_port())
        self.out, self.log = place / "dog.out", place / "dog.log"
        with self.out.open("ab") as out, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [KILLCORD, "watchdog", "--json", *options], env=env_of(self.settings), stdout=out, stderr=log
            )

    def alarms(self, rule: str) -> list[dict[str, Any]]:
        """Every revision of the alerts of a rule."""
        whole = [line for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [alert for alert in map(json.loads, whole) if alert["rule"] == f"blindness.{rule}"]

    def is_open(self, rule: str) -> bool:
        found = self.alarms(rule)
        return bool(found) and found[-1]["status"] == "open"

    def is_over(self, rule: str) -> bool:
        found = self.alarms(rule)
        return bool(found) and found[-1]["status"] == "resolved"

    def metric(self, series: str) -> float:
        """0 if there is none yet."""
        try:
            url = f"http://127.0.0.1:{self.settings.watchdog_port}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return 0.0
        return next(
            (float(line.rpartition(" ")[2]) for line in text.splitlines() if line.rpartition(" ")[0] == series), 0.0
        )

    async def until(self, true: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE_S
        while not (found := await asyncio.to_thread(true)):
            told = f"{self.out.read_text()[-2000:]}{self.log.read_text()[-4000:]}"
            assert self.process.poll() is None, f"the watchdog ended while waiting for {what}: {told}"
            assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}: {told}"
            await asyncio.sleep(0.05)
        return found

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)


StartDog = Callable[..., Dog]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[StartDog]:
    """Starts a watchdog; it ends with the test, whatever ends that."""
    started: list[Dog] = []

    def start(settings: Settings, *options: str) -> Dog:
        place = tmp_path / f"dog-{len(started)}"
        place.mkdir()
        started.append(Dog(settings, place, *options))
        return started[-1]

    yield start
    for dog in started:
        dog.stop()


@pytest.fixture
def settings(kafka_topics: Settings) -> Settings:
    """Quick heartbeats and canaries; a partition may be without a worker for a while."""
    return replace(
        kafka_topics,
        worker_heartbeat_s=HEARTBEAT_S,
        canary_interval_s=0.5,
        canary_timeout_s=4.0,
        coverage_timeout_s=40.0,
    )
