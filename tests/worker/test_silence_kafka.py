"""Silence and lag as a real worker tells them: alerts that open and are taken back."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.settings import Settings
from tests.worker.conftest import StartWorker
from tests.worker.harness import PATIENCE_S, Agent, Tail, producing, promised, tail

BEAT_S = 0.3
POLICY = """
rules:
  - {id: blindness.silent, mode: alert, silent_s: 2}
  - {id: blindness.lag, mode: alert, behind_s: 0.5}
  - {id: budget.run, mode: "off"}
  - {id: loops.repeat, mode: "off"}
"""


@pytest.fixture
def settings(kafka_topics: Settings, tmp_path: Path) -> Settings:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    return replace(kafka_topics, policy=str(policy), agent_heartbeat_s=BEAT_S)


def about(seen: Tail, rule: str, run_id: str | None) -> list[dict[str, Any]]:
    return [one for one in seen.of("alerts") if one["rule"] == f"blindness.{rule}" and one["run_id"] == run_id]


async def beats(send: Any, *agents: Agent, times: int = 4) -> None:
    for _ in range(times):
        for agent in agents:
            await send(agent.event("heartbeat"))
        await asyncio.sleep(BEAT_S)


async def test_lost_heartbeats(settings: Settings, start_worker: StartWorker) -> None:
    worker = await start_worker(settings).ready()
    lost, done = Agent("lost", "coder"), Agent("done", "coder")
    async with producing(settings) as send, tail(settings, "alerts") as seen:
        await beats(send, lost, done)
        await send(done.event("run.finished", outcome="success"))
        await seen.until(lambda: about(seen, "heartbeat", "lost"), worker=worker)
        await beats(send, lost, times=1)
        await seen.until(lambda: len(about(seen, "heartbeat", "lost")) == 2, worker=worker)
        first, second = about(seen, "heartbeat", "lost")
        assert (first["status"], second["status"], first["id"]) == ("open", "resolved", second["id"])
        assert (first["agent_name"], about(seen, "heartbeat", "done")) == ("coder", [])
        assert promised(seen.of("alerts")) == []


async def test_a_run_whose_worker_died_is_watched_by_the_next(settings: Settings, start_worker: StartWorker) -> None:
    worker = await start_worker(settings).ready()
    async with producing(settings) as send, tail(settings, "alerts") as seen:
        await beats(send, Agent("lost"))
        await worker.until(lambda: worker.metric("killcord_runs") == 1, "its state written")
        await asyncio.to_thread(worker.kill)
        second = start_worker(settings)
        await seen.until(lambda: about(seen, "heartbeat", "lost"), worker=second)


async def test_a_guard_that_sees_an_agent_which_says_nothing(settings: Settings, start_worker: StartWorker) -> None:
    worker = await start_worker(settings).ready()
    agent, guard = Agent("r1"), Agent("r1", agent_id="guard-1", publisher="guard")
    async with producing(settings) as send, tail(settings, "alerts") as seen:
        await send(agent.call())
        beating = asyncio.create_task(beats(send, guard, times=1000))
        await seen.until(lambda: about(seen, "silent", "r1"), worker=worker)
        await send(agent.call("ls src"))
        await seen.until(lambda: len(about(seen, "silent", "r1")) >= 2, worker=worker)
        beating.cancel()
        assert [one["status"] for one in about(seen, "silent", "r1")][:2] == ["open", "resolved"]


async def test_events_that_are_judged_late(settings: Settings, start_worker: StartWorker) -> None:
    worker = await start_worker(settings).ready()
    agent, enough = Agent("busy"), asyncio.Event()
    async with producing(settings) as send, tail(settings, "alerts", "health") as seen:

        async def work() -> None:
            while not enough.is_set():
                await asyncio.gather(*(send(agent.event("metric", name="m", value=1.0)) for _ in range(200)))

        working = asyncio.create_task(work())
        end = time.monotonic() + PATIENCE_S
        while not about(seen, "lag", None):  # it gets a tenth of the time, and falls behind
            worker.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.45)
            worker.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.05)
            await seen.more()
            assert time.monotonic() < end, worker.said()
        enough.set()
        await working
        await seen.until(lambda: len(about(seen, "lag", None)) >= 2, worker=worker)
        opened, resolved = about(seen, "lag", None)[:2]
        assert (opened["status"], resolved["status"], opened["id"]) == ("open", "resolved", resolved["id"])
        assert opened["operational"] and "is judged" in opened["summary"]
        told = [one["behind_s"] for beat in seen.of("health") for one in beat["partitions"]]
        assert max(told) > 0.5
