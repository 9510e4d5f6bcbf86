"""The watchdog with real workers on a real Kafka: what goes wrong is told, and what is well again is taken back."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from msgspec.structs import replace

from monitor.engine.canary import PREFIX
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names
from tests.conftest import Cluster
from tests.watchdog.beating import beating
from tests.watchdog.conftest import StartDog
from tests.worker.harness import Agent, Tail, Worker, killcord, made, producing, tail

StartWorker = Callable[[Settings], Worker]
AT_MOST = 10  # heartbeats until an alarm: three, and room for a busy machine


def heartbeats_until(seen: Tail, rule: str, settings: Settings) -> float:
    """How many heartbeats after the last one the alarm came; watchdog and broker have one clock here."""
    alarm = next(alert["time"] for alert in seen.of("alerts") if alert["rule"] == rule)
    beats = [r.timestamp / 1000 for r in seen.records if r.topic.endswith(".health") and r.timestamp / 1000 < alarm]
    return float((alarm - max(beats)) / settings.worker_heartbeat_s)


async def test_a_worker_that_is_stopped_and_comes_back(
    settings: Settings, start_worker: StartWorker, watch: StartDog, tmp_path: Path
) -> None:
    worker = await start_worker(settings).ready()
    hooked = tmp_path / "hooked"
    dog = watch(settings, "--on-alarm", f"cat >> {hooked}")
    await dog.until(lambda: dog.metric("killcord_workers") == 1, "the worker heard")
    async with tail(settings, "alerts", "health") as seen:
        worker.process.send_signal(signal.SIGSTOP)
        await dog.until(lambda: dog.is_open("monitor"), "the alarm")
        assert dog.metric('killcord_watchdog_alarm{rule="blindness.monitor"}') == 1
        worker.process.send_signal(signal.SIGCONT)
        await dog.until(lambda: dog.is_over("monitor"), "the alarm to be over")

        def told() -> list[dict[str, Any]]:
            return [alert for alert in seen.of("alerts") if alert["rule"] == "blindness.monitor"]

        await seen.until(lambda: len(told()) == 2)
        assert [(one["revision"], one["status"], one["operational"]) for one in told()] == [
            (1, "open", True), (2, "resolved", True),
        ]  # fmt: skip
        assert {one["id"] for one in told()} == {told()[0]["id"]}
        missed = heartbeats_until(seen, "blindness.monitor", settings)
        print(f"alarm after {missed:.1f} heartbeats")
        assert missed < AT_MOST
    await dog.until(lambda: hooked.exists() and len(hooked.read_text().splitlines()) == 2, "the hook run twice")
    assert [json.loads(line)["status"] for line in hooked.read_text().splitlines()] == ["open", "resolved"]


async def test_a_worker_that_is_killed_and_replaced(
    settings: Settings, start_worker: StartWorker, watch: StartDog
) -> None:
    worker = await start_worker(settings).ready()
    dog = watch(settings)
    await dog.until(lambda: dog.metric("killcord_workers") == 1, "the worker heard")
    await asyncio.to_thread(worker.kill)
    await dog.until(lambda: dog.is_open("monitor"), "the alarm")
    start_worker(settings)
    await dog.until(lambda: dog.is_over("monitor"), "the alarm to be over")


async def test_a_worker_that_leaves_in_good_order_says_so(settings: Settings, start_worker: StartWorker) -> None:
    worker = await start_worker(settings).ready()
    async with tail(settings, "health") as seen:
        await seen.until(lambda: len(seen.of("health")) >= 2)
        await asyncio.to_thread(worker.stop)
        await seen.until(lambda: seen.of("health")[-1]["leaving"])
        numbers = [beat["number"] for beat in seen.of("health")]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_canaries_come_back_killed_from_every_partition_and_count_nowhere(
    settings: Settings, start_worker: StartWorker, watch: StartDog
) -> None:
    worker = await start_worker(settings).ready()
    dog = watch(settings)
    async with (
        tail(settings, "control", "alerts", "standing", "rollups", "events") as seen,
        producing(settings) as send,
    ):

        def killed_in() -> set[int]:
            return {command["partition"] for command in seen.of("control")}

        await seen.until(lambda: killed_in() == set(range(settings.partitions)), worker=worker)
        await dog.until(lambda: dog.metric("killcord_canary_seconds_count") >= settings.partitions, "the latency")
        impostor = Agent(f"{PREFIX}0-impostor", "killcord-canary")
        await send(impostor.call("rm -rf /"))
        await seen.until(lambda: impostor.run_id in {command["run_id"] for command in seen.of("control")})
        await seen.until(lambda: impostor.run_id in {alert["run_id"] for alert in seen.of("alerts")})
        mine = [alert for alert in seen.of("alerts") if alert["run_id"] == impostor.run_id]
        others = [alert for alert in seen.of("alerts") if alert["run_id"] != impostor.run_id]
        await seen.until(lambda: seen.of("standing"))
        assert {command["run_id"] for command in seen.of("standing")} == {impostor.run_id}
        assert {alert["severity"] for alert in others} == {"info"}
        assert {alert["severity"] for alert in mine} == {"critical"}
        assert seen.of("rollups") == []
    await worker.until(lambda: worker.metric('killcord_commands_total{action="kill"}') == 1, "the impostor counted")
    await worker.until(lambda: worker.metric('killcord_events_total{kind="tool.call"}') > 0, "its event counted")
    assert worker.metric('killcord_events_total{kind="tool.call"}') == 1
    assert dog.alarms("canary") == []
    for command in ("alerts", "runs"):
        status, said, errors = await killcord(settings, command, "--json")
        assert status == 0, errors
        assert {json.loads(line)["run_id"] for line in said.splitlines()} == {impostor.run_id}, command


async def test_verdicts_that_no_longer_come(settings: Settings, start_worker: StartWorker, watch: StartDog) -> None:
    worker = await start_worker(settings).ready()
    dog = watch(settings)
    await dog.until(lambda: dog.metric("killcord_canary_seconds_count") >= 1, "a canary")
    async with beating(settings):  # somebody says that all is well
        worker.process.send_signal(signal.SIGSTOP)
        await dog.until(lambda: dog.is_open("canary"), "the alarm")
        assert dog.metric('killcord_canaries_total{outcome="missed"}') >= 1
        assert dog.alarms("monitor") == []
        worker.process.send_signal(signal.SIGCONT)
        await dog.until(lambda: dog.is_over("canary"), "the alarm to be over")


async def test_a_canary_that_is_alerted_but_not_killed_says_so(
    settings: Settings, start_worker: StartWorker, watch: StartDog, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{id: destructive.wide, mode: alert}]")
    await start_worker(replace(settings, policy=str(policy))).ready()
    dog = watch(settings)
    await dog.until(lambda: dog.is_open("canary"), "the alarm")
    assert "was alerted in mode alert, and not killed" in dog.alarms("canary")[-1]["summary"]


async def test_a_partition_that_nobody_has(settings: Settings, watch: StartDog) -> None:
    async with beating(settings):
        dog = watch(replace(settings, coverage_timeout_s=1.0), "--no-canary")
        await dog.until(lambda: dog.is_open("coverage"), "the alarm")
    assert "partition 3: no worker has it" in dog.alarms("coverage")[-1]["summary"]


async def test_a_partition_whose_worker_does_not_get_on(settings: Settings, watch: StartDog) -> None:
    topic = Names.of(settings.topic_prefix).events
    idle = AIOKafkaConsumer(topic, **aiokafka_options(settings), group_id=settings.app_id, enable_auto_commit=False)
    async with beating(settings), producing(settings) as send:
        await idle.start()
        try:
            place = await send(Agent("r1").call())
            dog = watch(replace(settings, coverage_timeout_s=5.0), "--no-canary")
            await dog.until(lambda: dog.is_open("coverage"), "the alarm")
            said = dog.alarms("coverage")[-1]["summary"]
            assert f"partition {place.partition}: committed stands at 0" in said
            assert "no worker has it" not in said
            await idle.getmany(timeout_ms=5000)
            await idle.commit()
            await dog.until(lambda: dog.is_over("coverage"), "the alarm to be over")
        finally:
            await idle.stop()


async def test_one_of_two_workers_is_lost(settings: Settings, watch: StartDog) -> None:
    async with beating(settings, [0, 1], "one"), beating(settings, [2, 3], "two") as two:
        dog = watch(settings, "--no-canary")
        await dog.until(lambda: dog.metric("killcord_workers") == 2, "both heard")
        two.lives = False
        await dog.until(lambda: dog.is_open("worker"), "the alarm")
        assert "No heartbeat of two any more" in dog.alarms("worker")[-1]["summary"]
        async with beating(settings, [2, 3], "three"):
            await dog.until(lambda: dog.is_over("worker"), "the others to have taken over")


async def test_kafka_is_away(own_kafka: Cluster, watch: StartDog, tmp_path: Path) -> None:
    plain = Settings(brokers=own_kafka.brokers, partitions=2, replication_factor=1, worker_heartbeat_s=0.5)
    settings = await made(plain)
    hooked = tmp_path / "hooked"
    async with beating(settings):
        dog = watch(settings, "--no-canary", "--on-alarm", f"cat >> {hooked}")
        await dog.until(lambda: dog.metric("killcord_workers") == 1, "the worker heard")
        await asyncio.to_thread(own_kafka.kill)
        await dog.until(lambda: dog.is_open("kafka"), "the alarm")
        await dog.until(lambda: hooked.exists() and '"open"' in hooked.read_text(), "the hook, with Kafka away")
        await asyncio.to_thread(own_kafka.start)
        await dog.until(lambda: dog.is_over("kafka"), "the alarm to be over")
        async with tail(settings, "alerts") as seen:
            await seen.until(lambda: [a["rule"] for a in seen.of("alerts")].count("blindness.kafka") == 2)


async def test_the_next_watchdog_goes_on_with_what_one_left_open(settings: Settings, watch: StartDog) -> None:
    first = watch(settings, "--no-canary")
    await first.until(lambda: first.is_open("monitor"), "the alarm")
    async with tail(settings, "alerts") as seen:
        await seen.until(lambda: seen.of("alerts"))
        await asyncio.to_thread(first.stop)
        second = watch(settings, "--no-canary")
        async with beating(settings):
            await second.until(lambda: second.is_over("monitor"), "the alarm to be over")
            await seen.until(lambda: [one["status"] for one in seen.of("alerts")] == ["open", "resolved"])
            assert len({one["id"] for one in seen.of("alerts")}) == 1


async def test_once_for_scripts(settings: Settings, start_worker: StartWorker) -> None:
    status, said, _ = await killcord(settings, "watchdog", "--once")
    assert (status, "critical blindness.monitor: No worker has been heard" in said) == (3, True)
    await start_worker(settings).ready()
    status, said, errors = await killcord(settings, "watchdog", "--once", "--json")
    found = json.loads(said)
    assert (status, found["well"], found["alarms"], len(found["workers"])) == (0, True, [], 1), (said, errors)
    assert found["canary_s"] > 0


async def test_once_without_kafka() -> None:
    nowhere = Settings(brokers=("127.0.0.1:9",), worker_heartbeat_s=0.2)
    status, _, errors = await killcord(nowhere, "watchdog", "--once")
    assert (status, "no answer from Kafka at 127.0.0.1:9" in errors) == (69, True)


@pytest.mark.parametrize("signals", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_ends_in_good_order(settings: Settings, watch: StartDog, signals: signal.Signals) -> None:
    dog = watch(settings, "--no-canary")
    await dog.until(lambda: dog.is_open("monitor"), "it watches")
    dog.process.send_signal(signals)
    assert await asyncio.to_thread(dog.process.wait, 30) == 0
