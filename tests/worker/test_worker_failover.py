"""Workers and brokers that die under load: no kill is lost, and none is two different things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.settings import Settings
from tests.conftest import Cluster
from tests.worker.conftest import StartWorker
from tests.worker.harness import Agent, Tail, committed, ends, made, one_each, producing, promised, replayed, tail

POLICY = """
governor: {kills_per_minute: 100000, share_of_runs: 1.0, share_after_kills: 100000}
rules:
  - id: budget.run
    mode: kill
    limits: {tool_calls: 10}
    warn_at: null
"""
LIMIT = 10


class Fleet:
    """Runs that work side by side; every 5th makes one tool call more than it may, at an event that is known."""

    def __init__(self, runs: int, steps: int) -> None:
        self.agents = [Agent(f"run-{n}", f"team-{n % 7}") for n in range(runs)]
        self.steps = steps
        self.should_die: dict[str, str] = {}

    def step(self, number: int) -> list[dict[str, Any]]:
        """One event of each run: in turn a call to a tool, its result and a model call, with no two calls alike."""
        events = []
        for index, agent in enumerate(self.agents):
            turn, part = divmod(number, 3)
            if part == 0 and (turn < LIMIT or index % 5 == 0):
                event = agent.call(f"cat src/{agent.run_id}/file_{turn}.py")
                if turn == LIMIT:
                    self.should_die[agent.run_id] = event["id"]
            elif part == 1 and (turn < LIMIT or index % 5 == 0):
                event = agent.result(f"content {turn} of {agent.run_id}", duration_s=0.1)
            else:
                event = agent.event("model.call", input_tokens=100, output_tokens=10, cost_usd=0.001, model="m")
            events.append(event)
        return events

    async def work(self, send: Callable[..., Any], seconds: float) -> None:
        """All steps, spread over so many seconds."""
        began = time.monotonic()
        for number in range(self.steps):
            await asyncio.gather(*(send(event) for event in self.step(number)))
            await asyncio.sleep(max(0.0, began + seconds * (number + 1) / self.steps - time.monotonic()))


def kills(seen: Tail) -> dict[str, str]:
    """Run and triggering event of every kill; fails where one command is two things."""
    commands = one_each(seen.of("control"), "id")
    found = {}
    for command in commands.values():
        if command["action"] == "kill":
            assert found.setdefault(command["run_id"], command["event_id"]) == command["event_id"]
    return found


@pytest.fixture
def busy_settings(kafka_topics: Settings, tmp_path: Path) -> Settings:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    return replace(kafka_topics, policy=str(policy))


async def judged_like_a_replay(settings: Settings, seen: Tail, should_die: dict[str, str]) -> None:
    """Nothing lost, and nothing else than what an undisturbed judge of the same events says."""
    await committed(settings, ".events", await ends(settings, "events"))  # a checkpoint covers all, so all is out
    await seen.quiet(0.5)
    assert kills(seen) == should_die
    alerts, commands = await replayed(settings)
    live = one_each(promised(seen.of("alerts")), "id", "revision")
    assert live == one_each(promised(alerts), "id", "revision")
    assert set(one_each(commands, "id")) == set(one_each(seen.of("control"), "id"))


async def test_no_kill_is_lost_when_one_of_two_workers_is_killed(
    busy_settings: Settings, start_worker: StartWorker
) -> None:
    first, second = start_worker(busy_settings), start_worker(busy_settings)
    await asyncio.gather(first.ready(), second.ready())
    fleet = Fleet(runs=300, steps=45)
    async with producing(busy_settings) as send, tail(busy_settings, "alerts", "control") as seen:
        load = asyncio.create_task(fleet.work(send, 14.0))
        await seen.until(lambda: len(kills(seen)) >= 10, worker=first)
        await asyncio.to_thread(first.kill)
        await load
        await seen.until(lambda: set(fleet.should_die) <= set(kills(seen)), worker=second)
        await judged_like_a_replay(busy_settings, seen, fleet.should_die)


async def test_nothing_comes_twice_when_a_worker_is_told_to_go(
    busy_settings: Settings, start_worker: StartWorker
) -> None:
    first, second = start_worker(busy_settings), start_worker(busy_settings)
    await asyncio.gather(first.ready(), second.ready())
    fleet = Fleet(runs=200, steps=45)
    async with producing(busy_settings) as send, tail(busy_settings, "alerts", "control") as seen:
        load = asyncio.create_task(fleet.work(send, 9.0))
        await seen.until(lambda: len(kills(seen)) >= 10, worker=first)
        await asyncio.to_thread(first.stop)
        await load
        await seen.until(lambda: set(fleet.should_die) <= set(kills(seen)), worker=second)
        await judged_like_a_replay(busy_settings, seen, fleet.should_die)
        assert len(seen.of("control")) == len(fleet.should_die), "a command was published twice"


async def test_a_restarted_broker_costs_nothing(own_kafka: Cluster, start_worker: StartWorker, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    settings = await made(Settings(brokers=own_kafka.brokers, partitions=4, replication_factor=1, policy=str(policy)))
    worker = await start_worker(settings).ready()
    fleet = Fleet(runs=50, steps=45)
    async with producing(settings) as send, tail(settings, "alerts", "control") as seen:
        load = asyncio.create_task(fleet.work(send, 6.0))
        await asyncio.sleep(2.0)  # half of the load is before, half after
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.to_thread(own_kafka.start)
        await load
        await seen.until(lambda: set(fleet.should_die) <= set(kills(seen)), patience=90, worker=worker)
        await judged_like_a_replay(settings, seen, fleet.should_die)
    assert worker.process.poll() is None
    assert worker.get("/readyz")[0] == 200
