"""What a worker knows outlives it: on its own disk, with a standby, in the topic itself. A late one does no harm."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.engine.engine import partition_of
from monitor.settings import Settings
from monitor.topics import TABLES, changelog
from tests.worker.conftest import StartWorker
from tests.worker.harness import (
    Agent,
    Tail,
    Worker,
    committed,
    ends,
    one_each,
    producing,
    promised,
    replayed,
    tail,
)  # fmt: skip

LIMIT = 10
POLICY = f"""
governor: {{kills_per_minute: 1000, share_of_runs: 1.0, share_after_kills: 1000}}
rules:
  - id: budget.run
    mode: kill
    limits: {{tool_calls: {LIMIT}}}
    warn_at: null
"""
Send = Callable[..., Awaitable[Any]]


@pytest.fixture
def settings(kafka_topics: Settings, tmp_path: Path) -> Settings:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    return replace(kafka_topics, policy=str(policy))


async def call(send: Send, runs: list[Agent], count: int) -> None:
    """So many calls of each run, no two alike."""
    for n in range(count):
        await asyncio.gather(*(send(run.call(f"cat {run.run_id}/{n}-{run._seq}")) for run in runs))


async def checkpointed(settings: Settings) -> None:
    await committed(settings, ".events", await ends(settings, "events"))


def killed(seen: Tail) -> dict[str, str]:
    return {command["run_id"]: command["event_id"] for command in one_each(seen.of("control"), "id").values()}


def eleventh(runs: list[Agent]) -> dict[str, str]:
    return {run.run_id: f"{run.run_id}-{LIMIT + 1}" for run in runs}


def recovered(worker: Worker) -> list[dict[str, Any]]:
    return [line for line in worker.lines() if line["event"] == "recovered"]


async def test_a_worker_goes_on_from_its_own_disk(
    settings: Settings, start_worker: StartWorker, tmp_path: Path
) -> None:
    own = replace(settings, data_dir=str(tmp_path / "own"))
    runs = [Agent(f"disk-{n}") for n in range(20)]
    async with producing(settings) as send, tail(settings, "control") as seen:
        first = await start_worker(own).ready()
        await call(send, runs, 8)
        await checkpointed(settings)
        await asyncio.to_thread(first.kill)
        copies = sorted(path.name for path in (tmp_path / "own").rglob("*.sqlite"))
        second = await start_worker(own).ready()
        await call(send, runs, 3)
        await seen.until(lambda: len(killed(seen)) >= len(runs), worker=second)
    assert copies == sorted(f"{table}-{n}.sqlite" for table in TABLES for n in range(settings.partitions))
    assert killed(seen) == eleventh(runs)


async def test_a_worker_that_was_suspended_beyond_its_session_does_no_harm(
    settings: Settings, start_worker: StartWorker
) -> None:
    runs = [Agent(f"late-{n}") for n in range(40)]
    first = await start_worker(settings).ready()
    async with producing(settings) as send, tail(settings, "control", "alerts") as seen:
        await call(send, runs, 4)
        await checkpointed(settings)
        await call(send, runs, 2)
        first.process.send_signal(signal.SIGSTOP)  # in the middle of it: some is judged, some may be on its way
        second = await start_worker(settings).ready()
        await second.until(
            lambda: second.metric("killcord_assigned_partitions") == settings.partitions, "all partitions"
        )
        await call(send, runs, 3)
        await checkpointed(settings)
        first.process.send_signal(signal.SIGCONT)
        await first.until(lambda: first.metric("killcord_assigned_partitions") > 0, "its share")
        await call(send, runs, 4)
        await seen.until(lambda: len(killed(seen)) >= len(runs), worker=second)
        await checkpointed(settings)
        await seen.quiet(0.5)
    assert killed(seen) == eleventh(runs)
    alerts, commands = await replayed(settings)
    assert one_each(promised(alerts), "id", "revision") == one_each(promised(seen.of("alerts")), "id", "revision")
    assert set(one_each(commands, "id")) == set(one_each(seen.of("control"), "id"))


async def test_a_state_that_cannot_be_read_is_set_aside_and_rebuilt_from_the_topic(
    settings: Settings, start_worker: StartWorker
) -> None:
    run, other = Agent("broken-1"), Agent("whole-1")
    name, partition = changelog(settings, TABLES[0]), partition_of(run.run_id, settings.partitions)
    async with producing(settings) as send, tail(settings, "control", "deadletter") as seen:
        first = await start_worker(settings).ready()
        await call(send, [run, other], 8)
        await checkpointed(settings)
        await asyncio.to_thread(first.stop)
        await send.producer.send_and_wait(name, b"\xff no state", key=run.run_id.encode(), partition=partition)
        second = await start_worker(settings).ready()
        await call(send, [run, other], 1)
        await second.until(lambda: any(line["event"] == "state rebuilt" for line in second.lines()), "a rebuilt state")
        await call(send, [run, other], 2)
        await seen.until(lambda: len(killed(seen)) >= 2, worker=second)
        await second.until(lambda: second.metric("killcord_corrupt_states_total") == 1, "the count")
    assert killed(seen) == eleventh([run, other])
    (letter,) = [record for record in seen.records if record.topic.endswith(".deadletter")]
    assert letter.value == b"\xff no state"
    assert dict(letter.headers)["topic"] == name.encode()
    assert b"broken-1" in dict(letter.headers)["reason"]


async def test_a_standby_takes_over_without_reading_the_changelog_again(
    settings: Settings, start_worker: StartWorker
) -> None:
    runs = [Agent(f"standby-{n}") for n in range(40)]
    async with producing(settings) as send, tail(settings, "control") as seen:
        first, second = start_worker(settings), start_worker(settings)
        await asyncio.gather(first.ready(), second.ready())
        await call(send, runs, 8)
        await checkpointed(settings)
        await asyncio.to_thread(first.stop)
        await second.until(
            lambda: second.metric("killcord_assigned_partitions") == settings.partitions, "all partitions"
        )
        await call(send, runs, 3)
        await seen.until(lambda: len(killed(seen)) >= len(runs), worker=second)
    assert killed(seen) == eleventh(runs)
    assert recovered(second)[-1]["runs"] >= len(runs)


async def test_a_rolling_restart_repeats_nothing_that_people_see(
    settings: Settings, start_worker: StartWorker
) -> None:
    runs = [Agent(f"rolling-{n}", f"agent-{n % 5}") for n in range(60)]
    workers = [start_worker(settings), start_worker(settings)]
    await asyncio.gather(*(worker.ready() for worker in workers))
    async with producing(settings) as send, tail(settings, "control", "alerts") as seen:
        load = asyncio.create_task(call(send, runs, LIMIT + 4))
        for n in range(2):
            await asyncio.to_thread(workers[n].stop)
            workers[n] = await start_worker(settings).ready()
        await load
        await seen.until(lambda: len(killed(seen)) >= len(runs), worker=workers[0])
        await checkpointed(settings)
        await seen.quiet(0.5)
    assert killed(seen) == eleventh(runs)
    said = [(alert["id"], alert["revision"]) for alert in seen.of("alerts")]
    assert len(said) == len(set(said))
    commands = [command["id"] for command in seen.of("control")]
    assert len(commands) == len(set(commands))


@pytest.mark.parametrize("lane", ["batch", "agents"])
async def test_both_ways_of_reading_give_the_verdicts_of_a_replay(
    settings: Settings, start_worker: StartWorker, lane: str
) -> None:
    runs = [Agent(f"lane-{n}") for n in range(10)]
    await start_worker(replace(settings, lane=lane)).ready()
    async with producing(settings) as send, tail(settings, "control", "alerts", "deadletter") as seen:
        await call(send, runs, LIMIT + 2)
        await send(b"no event", key="poison")
        await send(runs[0].call("rm -rf /home"))
        await checkpointed(settings)
        await seen.quiet(0.5)
    alerts, commands = await replayed(settings)
    assert killed(seen) == eleventh(runs)
    assert one_each(promised(alerts), "id", "revision") == one_each(promised(seen.of("alerts")), "id", "revision")
    assert set(one_each(commands, "id")) == set(one_each(seen.of("control"), "id"))
    assert sum(record.topic.endswith(".deadletter") for record in seen.records) == 1
