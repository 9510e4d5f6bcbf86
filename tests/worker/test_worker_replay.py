"""``killcord replay --topic`` says what the live worker said, whatever happened in between."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.settings import Settings
from tests.worker.conftest import StartWorker
from tests.worker.harness import Agent, Tail, Worker, killcord, one_each, producing, promised, replayed, stable, tail

POLICY = """
governor: {kills_per_minute: KILLS, share_of_runs: 1.0, share_after_kills: 1000}
rules:
  - id: budget.run
    mode: kill
    limits: {tool_calls: CALLS}
    warn_at: 0.5
"""
ALL = ("alerts", "control", "journal", "acks", "rollups")


def policy(calls: int, kills: int = 30) -> str:
    return POLICY.replace("CALLS", str(calls)).replace("KILLS", str(kills))


@pytest.fixture
async def watched(kafka_topics: Settings, start_worker: StartWorker, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker of its own with a policy file that the test may change."""
    path = tmp_path / "policy.yaml"
    path.write_text(policy(10))
    yield await start_worker(replace(kafka_topics, policy=str(path))).ready()


class Switch:
    """A kill-switch in a few lines: says what a test tells it to say, of one run."""

    def __init__(self, send: Callable[..., Any], run_id: str, partition: int) -> None:
        self._send, self._run_id, self._partition = send, run_id, partition

    async def says(self, status: str, command_id: str | None = None, **more: Any) -> None:
        ack = {"command_id": command_id, "run_id": self._run_id, "status": status, "time": time.time(),
               "last_seq": None, "actions_after": None, "detail": "", "consumer": "bare", **more}  # fmt: skip
        value = json.dumps(ack).encode()
        await self._send(value, key=self._run_id, topic="acks", partition=self._partition)


def about(seen: Tail, topic: str, run_id: str) -> list[dict[str, Any]]:
    return [message for message in seen.of(topic) if message["run_id"] == run_id]


async def change(worker: Worker, text: str) -> None:
    """Edits the policy and waits until the worker has taken it over."""
    before = worker.metric('killcord_policy_reloads_total{outcome="taken"}')
    await asyncio.to_thread(Path(worker.settings.policy).write_text, text)
    await worker.until(
        lambda: worker.metric('killcord_policy_reloads_total{outcome="taken"}') > before, "the new policy"
    )


async def test_a_replay_of_the_topic_says_what_the_worker_said(watched: Worker, tmp_path: Path) -> None:
    settings = watched.settings
    async with producing(settings) as send, tail(settings, *ALL) as seen:
        # One is killed and its switch proves it in two steps; what it says late counts too.
        proven = Agent("proven", "coder", team="web")
        place = await send(proven.event("run.started"))
        switch = Switch(send, "proven", place.partition)
        await switch.says("watching")
        await seen.until(lambda: about(seen, "journal", "proven"), worker=watched)
        for n in range(11):
            await send(proven.call(f"cat file_{n}"))
        (kill,) = await seen.until(lambda: about(seen, "control", "proven"), worker=watched)
        await switch.says("received", kill["id"])
        await switch.says("stopped", kill["id"], detail="3 processes, none left")
        await seen.until(lambda: [a for a in about(seen, "alerts", "proven") if a["status"] == "resolved"])
        await switch.says("stopped", kill["id"], last_seq=13, actions_after=1)
        await seen.until(lambda: "1 action got through" in about(seen, "alerts", "proven")[-1]["summary"])

        # A loop is paused, resumed by an operator, and let go on.
        loop = Agent("loop", "coder")
        for _ in range(6):
            await send(loop.call("make"))
            await send(loop.result("failed", status="error", exit_code=2))
        await seen.until(lambda: [c for c in about(seen, "control", "loop") if c["action"] == "pause"], worker=watched)
        await killcord(settings, "resume", "loop", "--reason", "it is a batch", "--no-wait")
        await seen.until(lambda: [a for a in about(seen, "alerts", "loop") if "it is a batch" in a["summary"]])
        for _ in range(3):
            await send(loop.call("make"))
            await send(loop.result("failed", status="error", exit_code=2))

        # A budget is raised, a rule is approved.
        raised, approved = Agent("raised", "coder"), Agent("approved", "coder")
        for agent in (raised, approved):
            for n in range(6):
                await send(agent.call(f"cat file_{n}"))
        await killcord(settings, "raise", "raised", "--tool-calls", "14")
        await killcord(settings, "approve", "approved", "budget.run", "--reason", "a migration")
        await seen.until(lambda: about(seen, "journal", "raised") and about(seen, "journal", "approved"))
        for agent in (raised, approved):
            for n in range(6, 13):
                await send(agent.call(f"cat file_{n}"))

        # The policy changes while events flow; its governor of 4 kills a minute holds others back.
        flowing = [Agent(f"flowing-{n}", "worker") for n in range(8)]
        flow = asyncio.create_task(all_beat(send, flowing))
        await all_call(send, flowing, 8)
        await change(watched, policy(20, kills=4))
        flow.cancel()
        await all_call(send, flowing, 14)
        await seen.until(lambda: {a["run_id"] for a in seen.of("alerts") if a["mode"] in ("kill", "pause")}
                         >= {agent.run_id for agent in flowing}, worker=watched)  # fmt: skip

        # A switch refuses a stale kill and is given a newer one; another says nothing at all.
        for name, reacts in (("stale", True), ("deaf", False)):
            await change(watched, policy(5, kills=1000 + reacts))
            agent = Agent(name, "other")
            place = await send(agent.event("run.started"))
            switch = Switch(send, name, place.partition)
            await switch.says("watching")
            await seen.until(lambda name=name: about(seen, "journal", name))  # type: ignore[misc]
            for n in range(6):
                await send(agent.call(f"cat file_{n}"))
            (kill,) = await seen.until(lambda name=name: about(seen, "control", name))  # type: ignore[misc]
            if reacts:
                await switch.says("refused", kill["id"], detail="stale")
                await seen.until(lambda: len(about(seen, "control", "stale")) == 2, worker=watched)
                await switch.says("ended", about(seen, "control", "stale")[1]["id"])
        await seen.until(lambda: [a for a in about(seen, "alerts", "deaf") if a["operational"]], worker=watched)
        await seen.quiet(1.5)

    alerts, commands = await replayed(settings)
    live = one_each(promised(seen.of("alerts")), "id", "revision")
    again = one_each(promised(alerts), "id", "revision")
    assert {key: stable(alert) for key, alert in again.items()} == {key: stable(alert) for key, alert in live.items()}
    by_worker = [command for command in seen.of("control") if command["issued_by"] == "killcord"]
    live_commands, again_commands = one_each(by_worker, "id"), one_each(commands, "id")
    assert {k: stable(c) for k, c in again_commands.items()} == {k: stable(c) for k, c in live_commands.items()}
    assert {c["action"] for c in commands} >= {"kill", "pause"}
    assert {entry["kind"] for entry in seen.of("journal")} == {"ack", "operator", "policy", "governor", "timer"}
    assert len({alert["policy"] for alert in live.values()}) == 4, "each alert names the policy that judged"


async def all_call(send: Callable[..., Any], agents: list[Agent], calls: int) -> None:
    for n in range(calls):
        await asyncio.gather(*(send(agent.call(f"cat file_{n}")) for agent in agents))


async def all_beat(send: Callable[..., Any], agents: list[Agent]) -> None:
    while True:
        for agent in agents:
            await send(agent.event("heartbeat"))


async def test_a_policy_is_taken_over_while_events_flow_and_a_broken_one_refused_whole(watched: Worker) -> None:
    settings = watched.settings
    refused = 'killcord_policy_reloads_total{outcome="refused"}'
    async with producing(settings) as send, tail(settings, *ALL) as seen:
        before, broken, after = Agent("before", "coder"), Agent("broken", "coder"), Agent("after", "coder")
        for n in range(11):
            await send(before.call(f"cat file_{n}"))
        (first,) = await seen.until(lambda: about(seen, "control", "before"), worker=watched)

        path = Path(settings.policy)
        await asyncio.to_thread(path.write_text, policy(3) + "  - id: budget.typo\n    mode: kill\n")
        began = time.monotonic()
        await watched.until(lambda: watched.metric(refused) == 1, "the refusal")
        assert time.monotonic() - began < 10
        (said,) = [line for line in watched.lines() if line["event"].startswith("policy refused")]
        assert "budget.typo" in said["problems"] and "policy.yaml" in said["problems"]
        for n in range(11):
            await send(broken.call(f"cat file_{n}"))
        (second,) = await seen.until(lambda: about(seen, "control", "broken"), worker=watched)
        assert second["seq"] == first["seq"] == 11, "the last good policy stays, nothing of the broken one holds"

        began = time.monotonic()
        await change(watched, policy(5))
        assert time.monotonic() - began < 10
        for n in range(11):
            await send(after.call(f"cat file_{n}"))
        (third,) = await seen.until(lambda: about(seen, "control", "after"), worker=watched)
        assert third["seq"] == 6
        digests = {run: about(seen, "alerts", run)[-1]["policy"] for run in ("before", "broken", "after")}
        assert digests["before"] == digests["broken"] != digests["after"]
        entries = [e for e in seen.of("journal") if e["kind"] == "policy" and e.get("topic", "events") == "events"]
        assert {entry["digest"] for entry in entries} == set(digests.values())
        assert all(entry["policy"]["rules"] for entry in entries)
    counted = 'killcord_events_total{kind="tool.call"}'
    await watched.until(lambda: watched.metric(counted) == 33, "every event to be counted once")


async def test_forty_runs_at_once_are_thirty_kills_ten_pauses_and_one_page(
    kafka_topics: Settings, start_worker: StartWorker
) -> None:
    worker = await start_worker(kafka_topics).ready()
    agents = [Agent(f"run-{n}", f"coder-{n % 20}") for n in range(40)]
    async with producing(kafka_topics) as send, tail(kafka_topics, "alerts", "control") as seen:
        await asyncio.gather(*(send(agent.call("rm -rf /home")) for agent in agents))
        await seen.until(lambda: len(seen.of("control")) >= 40, worker=worker)
        await seen.quiet(1.0)
        actions = sorted(command["action"] for command in seen.of("control"))
        assert actions == ["kill"] * 30 + ["pause"] * 10
        (page,) = [alert for alert in seen.of("alerts") if alert["rule"] == "governor.limit"]
        assert page["operational"] and page["severity"] == "critical" and "30 kills in" in page["summary"]
        held = [a for a in seen.of("alerts") if a["mode"] == "pause"]
        assert len(held) == 10 and all("governor" in alert["summary"] for alert in held)
        assert worker.metric("killcord_governed_total") == 10
        alerts, commands = await replayed(kafka_topics)
    assert one_each(promised(alerts), "id", "revision") == one_each(promised(seen.of("alerts")), "id", "revision")
    assert set(one_each(commands, "id")) == set(one_each(seen.of("control"), "id"))
