"""A run that must not go on without a monitor, on a real Kafka: heartbeats fail, or Kafka itself does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.client import AsyncKillSwitch, Killed, KillSwitch
from monitor.client.connection import partition_for
from monitor.client.orders import Operator
from monitor.settings import Settings
from tests.conftest import Cluster
from tests.watchdog.beating import Beating, beating
from tests.worker.harness import made, tail

LEASE_S = 1.0
PATIENCE_S = 60.0


@asynccontextmanager
async def monitored(settings: Settings, run_id: str) -> AsyncIterator[Beating]:
    """A worker that judges this run's partition alone."""
    quick = replace(settings, worker_heartbeat_s=LEASE_S / 10)
    async with beating(quick, [partition_for(run_id, settings.partitions)]) as beats:
        yield beats


@asynccontextmanager
async def switch(settings: Settings, without: Any, **more: Any) -> AsyncIterator[AsyncKillSwitch]:
    made = AsyncKillSwitch("r1", settings=settings, without_monitor=without, lease_s=LEASE_S, **more)
    assert await made.start()
    try:
        yield made
    finally:
        await made.close()


async def until(true: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}"
        await asyncio.sleep(0.02)


async def test_pause_holds_until_a_monitor_is_back(kafka_topics: Settings) -> None:
    done: list[str] = []
    callbacks = {f"on_{name}": lambda command, name=name: done.append(name) for name in ("pause", "resume", "kill")}
    async with (
        monitored(kafka_topics, "r1") as monitor,
        switch(kafka_topics, "pause", **callbacks) as run,
        tail(kafka_topics, "acks") as seen,
    ):
        monitor.lives = False
        await until(lambda: done == ["pause"], "paused")
        assert run.paused is not None and "no heartbeat of a monitor" in run.paused.reason
        monitor.lives = True
        await until(lambda: done == ["pause", "resume"] and run.paused is None, "resumed")
        await seen.until(lambda: [ack["status"] for ack in seen.of("acks")] == ["watching", "paused", "resumed"])
        assert {ack["command_id"] for ack in seen.of("acks")} == {None}


async def test_an_operator_resumes_without_a_monitor(kafka_topics: Settings) -> None:
    async with switch(kafka_topics, "pause") as run, Operator(kafka_topics, by="test") as operator:
        await until(lambda: run.paused is not None, "paused")
        issued = await operator.issue("resume", "run", "r1", reason="I am here")
        assert [ack.status async for ack in operator.acks(issued, 10.0)][-1] == "resumed"
        assert run.paused is None


async def test_stop_is_final_and_says_so(kafka_topics: Settings) -> None:
    async with monitored(kafka_topics, "r1") as monitor, tail(kafka_topics, "acks") as seen:
        monitor.lives = False
        with pytest.raises(Killed, match="its lease: no heartbeat of a monitor"):
            async with AsyncKillSwitch("r1", settings=kafka_topics, without_monitor="stop", lease_s=LEASE_S):
                await asyncio.sleep(PATIENCE_S)
        await seen.until(lambda: [ack["status"] for ack in seen.of("acks")] == ["watching", "stopped"])


async def test_go_on_goes_on_and_says_so(kafka_topics: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "killcord.client")
    async with switch(kafka_topics, "go-on") as run:
        await until(lambda: "going on unwatched" in caplog.text, "said")
        await asyncio.wait_for(run.check(), 1)
        assert (run.paused, run.killed) == (None, None)


async def test_a_monitor_of_other_runs_renews_nothing(kafka_topics: Settings) -> None:
    other = next(f"o{n}" for n in range(100) if partition_for(f"o{n}", 4) != partition_for("r1", 4))
    async with monitored(kafka_topics, other), switch(kafka_topics, "pause") as run:
        await until(lambda: run.paused is not None, "paused")


async def test_kafka_itself_is_cut_off(own_kafka: Cluster) -> None:
    settings = await made(Settings(brokers=own_kafka.brokers, partitions=4, replication_factor=1))
    async with monitored(settings, "r1"), switch(settings, "pause") as run:
        await asyncio.to_thread(own_kafka.kill)
        await until(lambda: run.paused is not None, "paused")
        await asyncio.to_thread(own_kafka.start)
        await until(lambda: run.paused is None, "resumed")


async def test_without_an_event_loop(kafka_topics: Settings) -> None:
    async with monitored(kafka_topics, "r1") as monitor:
        stopped = asyncio.to_thread(_work, kafka_topics)
        monitor.lives = False
        assert "its lease" in await stopped


def _work(settings: Settings) -> str:
    try:
        with KillSwitch("r1", settings=settings, without_monitor="stop", lease_s=LEASE_S) as run:
            end = time.monotonic() + PATIENCE_S
            while time.monotonic() < end:
                run.check()
                time.sleep(0.01)
    except Killed as killed:
        return str(killed)
    return "went on"


WRONG = [({"without_monitor": "panic"}, "'panic'"), ({"lease_s": 0.0}, "lease_s is 0.0")]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=[row[1] for row in WRONG])
def test_terms_that_are_none_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        KillSwitch("r1", settings=Settings(), **given)
