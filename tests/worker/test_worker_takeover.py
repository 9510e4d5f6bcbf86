"""What one worker knew, the next one knows: half-spent budgets, and a deployment's past counted once."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord
from msgspec.structs import replace

from detectors.fleet import FleetState
from detectors.rollup import Rollup
from monitor.engine import fleet
from monitor.messages import OperatorDecision
from monitor.policy import Policy
from monitor.settings import Settings
from monitor.topics.spec import changelog
from tests.worker.conftest import StartWorker
from tests.worker.harness import (
    Agent,
    committed,
    one_each,
    producing,
    promised,
    replayed,
    tail,
)  # fmt: skip

POLICY = """
governor: {kills_per_minute: 1000, share_of_runs: 1.0, share_after_kills: 1000}
rules:
  - id: budget.run
    mode: kill
    limits: {tool_calls: 10}
    warn_at: null
"""


@pytest.fixture
def settings(kafka_topics: Settings, tmp_path: Path) -> Settings:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    return replace(kafka_topics, policy=str(policy))


async def test_a_half_spent_budget_is_remembered_by_the_next_worker_and_through_a_rebalance(
    settings: Settings, start_worker: StartWorker
) -> None:
    named = replace(settings, worker_instance_id="one")
    first = await start_worker(named).ready()
    runs = [Agent(f"run-{n}", f"coder-{n}") for n in range(12)]  # on all partitions
    async with producing(settings) as send, tail(settings, "control") as seen:
        for n in range(6):
            await asyncio.gather(*(send(run.call(f"cat file_{n}")) for run in runs))
        await committed(settings, ".events", 72)
        await asyncio.to_thread(first.kill)
        second = await start_worker(named).ready()  # by its name it comes back at once
        third = await start_worker(settings).ready()  # some partitions go to it, the others come back to the second
        await second.until(lambda: second.metric("killcord_assigned_partitions") == 2, "a share of the partitions")
        for n in range(6, 13):
            await asyncio.gather(*(send(run.call(f"cat file_{n}")) for run in runs))
        await seen.until(lambda: len(seen.of("control")) >= 12, worker=second)
        await seen.quiet(0.5)
    assert third.process.poll() is None
    assert {command["run_id"]: command["event_id"] for command in seen.of("control")} == {
        run.run_id: f"{run.run_id}-11" for run in runs
    }


async def test_a_deployments_drift_is_seen_once_though_its_worker_was_killed(
    settings: Settings, start_worker: StartWorker
) -> None:
    first = await start_worker(settings).ready()
    async with producing(settings) as send, tail(settings, "rollups", "alerts", "journal") as seen:

        async def work(count: int, errors: int) -> None:
            """So many runs of ten calls, of which some fail; a run is one message."""
            done = len(runs)
            for n in range(done, done + count):
                agent = Agent(f"run-{n}", "drifter", team="web")
                events = [agent.event("run.started")]
                for call in range(10):
                    failed = (call * 7 + n) % 10 < errors
                    events.append(agent.call(f"cat file_{n}_{call}"))
                    events.append(agent.result(status="error" if failed else "ok", duration_s=0.5))
                runs.append(agent)
                await send(json.dumps([*events, agent.event("run.finished")]).encode(), key=agent.run_id)

        runs: list[Agent] = []
        await work(30, errors=0)
        await seen.until(lambda: len(finished(seen.of("rollups"), "agent_name")) >= 20, worker=first)
        await asyncio.to_thread(first.kill)
        await work(20, errors=0)
        second = await start_worker(settings).ready()
        pin = {"id": "pin-1", "decision": "pin", "scope": "agent_name", "target": "drifter", "time": time.time(),
               "by": "ann"}  # fmt: skip
        await seen.until(lambda: len(finished(seen.of("rollups"), "agent_name")) >= 50, worker=second)
        await send(json.dumps(pin).encode(), key="agent_name:drifter", topic="operator")
        await seen.until(lambda: [e for e in seen.of("journal") if e["kind"] == "operator"], worker=second)
        await work(25, errors=5)
        (alert,) = await seen.until(
            lambda: [a for a in seen.of("alerts") if a["rule"] == "drift.error_rate" and a["agent_name"]],
            worker=second,
        )
        await seen.until(lambda: len(finished(seen.of("rollups"), "agent_name")) >= 75, worker=second)
        await seen.quiet(1.0)
        (again,) = [a for a in seen.of("alerts") if a["rule"] == "drift.error_rate" and a["agent_name"]]
        assert again == alert
        keys = {r.key for r in seen.records if r.topic.endswith("alerts") and json.loads(r.value) == alert}
        await committed(settings, ".rollups", len(seen.of("rollups")))
        await asyncio.to_thread(second.stop)
    assert (keys, alert["run_id"], alert["agent_name"]) == ({b"agent_name:drifter"}, None, "drifter")
    assert alert["evidence"] and all(item["partition"] is not None for item in alert["evidence"])
    assert {r.key for r in seen.records if r.topic.endswith("rollups")} == {b"agent_name:drifter", b"team:web"}

    once = [rollup for rollup in one_each(seen.of("rollups"), "id").values() if rollup["scope"] == "agent_name"]
    assert sum(rollup.get("steps", 0) for rollup in once) == 75 * 10
    assert sum(rollup.get("errors", 0) for rollup in once) == 25 * 5
    (pinned,) = {entry["offset"] for entry in seen.of("journal") if entry["kind"] == "operator"}
    records = [r for r in seen.records if r.topic.endswith("rollups") and r.key == b"agent_name:drifter"]
    assert await kept(settings) == recounted(settings, records, pinned), "a rollup was counted twice, or not at all"
    alerts, _ = await replayed(settings)
    assert one_each(promised(alerts), "id", "revision") == one_each(promised(seen.of("alerts")), "id", "revision")


def finished(rollups: list[dict[str, Any]], scope: str) -> set[str]:
    return {rollup["run_id"] for rollup in rollups if rollup["scope"] == scope and rollup.get("finished")}


async def kept(settings: Settings) -> tuple[Any, ...]:
    """What the worker knows of the deployment, from the changelog."""
    async with tail(settings, changelog(settings, "fleet")) as seen:
        await seen.quiet(1.0)
        values = [record.value for record in seen.records if record.key == b"agent_name:drifter"]
    return shown(fleet.decode(values[-1]))


def recounted(settings: Settings, records: list[ConsumerRecord], pinned_after: int) -> tuple[Any, ...]:
    """What anybody would know who counts each rollup once; the deployment was pinned after the one at that offset."""
    engine = fleet.FleetEngine(Policy.load(settings.policy))
    state, seen = FleetState(), set()
    for record in records:
        rollup = msgspec.json.decode(record.value, type=Rollup)
        if rollup.id not in seen:
            seen.add(rollup.id)
            engine.process(state, rollup)
        if record.offset == pinned_after:
            engine.decide(state, OperatorDecision(id="p", decision="pin", scope="agent_name", target="drifter",
                                                  time=0.0, by="ann"))  # fmt: skip
    return shown(fleet.decode(fleet.encode(state)))


def shown(state: FleetState) -> tuple[Any, ...]:
    return state.pinned, state.marks, msgspec.to_builtins(state.parts)
