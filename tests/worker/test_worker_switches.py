"""Kill-switches and the worker: late ones, quick ones, silent ones, and none at all."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.settings import Settings
from tests.worker.harness import KILLCORD, Agent, Tail, Worker, env_of, killcord, producing, tail

Guard = subprocess.Popen[bytes]


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    """Starts ``killcord guard --run-id RUN ... -- PROGRAM``; it ends with the test."""
    running: list[Guard] = []

    def start(settings: Settings, run_id: str, *options: str, program: tuple[str, ...] = ("sleep", "60")) -> Guard:
        with (tmp_path / f"guard-{run_id}.log").open("ab") as log:
            running.append(
                subprocess.Popen([KILLCORD, "guard", "--run-id", run_id, *options, "--", *program],
                                 env=env_of(settings), stdout=log, stderr=log)
            )  # fmt: skip
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def about(seen: Tail, topic: str, run_id: str) -> list[dict[str, Any]]:
    return [message for message in seen.of(topic) if message["run_id"] == run_id]


def statuses(seen: Tail, run_id: str) -> list[str]:
    return [ack["status"] for ack in about(seen, "acks", run_id)]


async def ended(process: Guard) -> int:
    return await asyncio.to_thread(process.wait, 30)


async def test_a_switch_that_starts_after_the_kill_never_lets_its_agent_act(
    shared_worker: Worker, guard: Callable[..., Guard], fresh: str, tmp_path: Path
) -> None:
    run = Agent(f"late-{fresh}", f"coder-{fresh}")
    settings = shared_worker.settings
    async with producing(settings) as send, tail(settings, "alerts", "standing", "acks") as seen:
        await send(run.call("rm -rf /home"))
        await seen.until(lambda: about(seen, "standing", run.run_id), worker=shared_worker)
        (alert,) = await seen.until(lambda: about(seen, "alerts", run.run_id))
        assert "No kill-switch watches this run" in alert["summary"]
        process = guard(settings, run.run_id, program=("touch", str(tmp_path / "acted")))
        assert await ended(process) == 137
        await seen.until(lambda: "stopped" in statuses(seen, run.run_id))
    assert not (tmp_path / "acted").exists()


async def test_a_watching_guard_is_killed_and_its_proof_resolves_the_alert(
    shared_worker: Worker, guard: Callable[..., Guard], fresh: str
) -> None:
    run = Agent(f"watched-{fresh}", f"coder-{fresh}")
    settings = shared_worker.settings
    async with producing(settings) as send, tail(settings, "alerts", "control", "acks") as seen:
        process = guard(settings, run.run_id)
        await seen.until(lambda: "watching" in statuses(seen, run.run_id))
        began = time.monotonic()
        await send(run.call("rm -rf /home"))
        assert await ended(process) == 137
        print(f"event to the guard's end: {time.monotonic() - began:.3f} s")
        await seen.until(
            lambda: [a for a in about(seen, "alerts", run.run_id) if a["status"] == "resolved"], worker=shared_worker
        )
        (command,) = about(seen, "control", run.run_id)
        proof = next(ack for ack in about(seen, "acks", run.run_id) if ack["status"] == "stopped")
        alerts = about(seen, "alerts", run.run_id)
    assert proof["command_id"] == command["id"]
    assert {alert["id"] for alert in alerts} == {alerts[0]["id"]}
    assert [alert["revision"] for alert in alerts] == list(range(1, len(alerts) + 1))
    assert alerts[0]["summary"].endswith("A kill was issued.")
    assert "Stopped by" in alerts[-1]["summary"] and proof["detail"] in alerts[-1]["summary"]
    assert not any(alert["operational"] for alert in alerts)


async def test_a_watching_switch_that_stays_silent_is_asked_twice_and_escalated_once(
    shared_worker: Worker, fresh: str
) -> None:
    watched, alone = Agent(f"deaf-{fresh}", f"coder-{fresh}"), Agent(f"alone-{fresh}", f"coder-{fresh}")
    settings = shared_worker.settings
    async with producing(settings) as send, tail(settings, "alerts", "control") as seen:
        place = await send(watched.event("run.started"))
        watching = {
            "command_id": None, "run_id": watched.run_id, "status": "watching", "time": time.time(), "last_seq": None,
            "actions_after": None, "detail": "", "consumer": "bare",
        }  # fmt: skip
        await send(json.dumps(watching).encode(), key=watched.run_id, topic="acks", partition=place.partition)
        await shared_worker.until(lambda: shared_worker.metric('killcord_acks_total{status="watching"}') > 0, "the ack")
        await asyncio.sleep(0.5)  # other tests' switches count in the same metric
        for agent in (watched, alone):
            await send(agent.call("rm -rf /home"))
        await seen.until(
            lambda: [a for a in about(seen, "alerts", watched.run_id) if a["operational"]], worker=shared_worker
        )
        await seen.quiet(3.0)
        commands = about(seen, "control", watched.run_id)
        first, escalated = about(seen, "alerts", watched.run_id)
        assert (len(commands), len({command["id"] for command in commands})) == (2, 1)
        assert (escalated["id"], escalated["revision"], escalated["severity"]) == (first["id"], 2, "critical")
        assert "not confirmed" in escalated["summary"] and "bare" in escalated["summary"]
        assert (len(about(seen, "control", alone.run_id)), len(about(seen, "alerts", alone.run_id))) == (1, 1)


async def test_a_wide_pause_holds_a_deployment_until_it_expires_and_a_wide_kill_a_team(
    shared_worker: Worker, guard: Callable[..., Guard], fresh: str, tmp_path: Path
) -> None:
    settings = shared_worker.settings
    coder, other = f"coder-{fresh}", f"other-{fresh}"
    runs = {f"a-{fresh}": coder, f"b-{fresh}": coder, f"c-{fresh}": other}
    async with tail(settings, "acks", "control") as seen:
        guards = {
            run: guard(settings, run, "--agent-name", name, "--team", f"team-{name}") for run, name in runs.items()
        }
        await seen.until(lambda: all("watching" in statuses(seen, run) for run in runs))
        status, said, errors = await killcord(
            settings, "pause", "--agent-name", coder, "--expires", "4", "--json", "--reason", "look first"
        )
        assert status == 0, said + errors
        paused = {f"a-{fresh}", f"b-{fresh}"}
        lines = [json.loads(line) for line in said.splitlines()]
        assert {line["run_id"] for line in lines if line.get("status") == "paused"} == paused
        (command,) = await seen.until(lambda: [m for m in seen.of("control") if m["target"] == coder])
        assert (command["scope"], command["run_id"]) == ("agent_name", None)
        assert 3.9 < command["expires_at"] - command["issued_at"] < 4.1
        # One that starts under the pause is held too, and goes on when it expires.
        late = guard(settings, f"d-{fresh}", "--agent-name", coder, program=("touch", str(tmp_path / "acted")))
        await seen.until(lambda: all("resumed" in statuses(seen, run) for run in paused))
        assert await ended(late) == 0
        assert (tmp_path / "acted").exists()
        assert "paused" not in statuses(seen, f"c-{fresh}")
        status, said, errors = await killcord(settings, "kill", "--team", f"team-{other}", "--json")
        assert status == 0, said + errors
        assert await ended(guards[f"c-{fresh}"]) == 137
        assert all(guards[run].poll() is None for run in paused)
