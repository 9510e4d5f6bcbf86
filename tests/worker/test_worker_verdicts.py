"""Events in, alerts and commands out: as others who write consumers see them, and with broken input in between."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.settings import aiokafka_options
from tests.worker.harness import Agent, Worker, producing, tail

ALERT = {
    "id", "revision", "status", "event_id", "time", "run_id", "agent_id", "agent_name", "team", "environment", "rule",
    "family", "severity", "mode", "title", "summary", "score", "evidence", "command_id", "policy", "operational",
}  # fmt: skip
COMMAND = {
    "id", "action", "scope", "target", "run_id", "event_id", "agent_id", "seq", "partition", "reason", "alert_id",
    "issued_by", "issued_at", "expires_at", "epoch",
}  # fmt: skip


async def test_a_destroyer_is_killed_and_everything_about_it_can_be_looked_up(
    shared_worker: Worker, fresh: str
) -> None:
    settings = shared_worker.settings
    agent = Agent(f"wipe-{fresh}", f"coder-{fresh}", team="web", environment="production")
    async with producing(settings) as send, tail(settings, "alerts", "control", "standing") as seen:
        await send(agent.event("run.started", task="tidy up"))
        event = agent.call("rm -rf /home")
        place = await send(event)

        def mine(topic: str) -> list[dict[str, Any]]:
            return [m for m in seen.of(topic) if m["run_id"] == agent.run_id]

        await seen.until(lambda: mine("control") and mine("alerts") and mine("standing"), worker=shared_worker)
        (alert,), (command,), (standing,) = mine("alerts"), mine("control"), mine("standing")
        keys = {r.topic.rpartition(".")[2]: r.key for r in seen.records if agent.run_id.encode() in (r.value or b"")}
    assert keys == {
        "alerts": agent.run_id.encode(), "control": agent.run_id.encode(), "standing": f"run:{agent.run_id}".encode(),
    }  # fmt: skip
    assert (set(alert), set(command)) == (ALERT, COMMAND)
    assert standing == command
    assert (command["action"], command["scope"], command["target"]) == ("kill", "run", agent.run_id)
    assert (command["event_id"], command["agent_id"], command["seq"]) == (event["id"], "main", event["seq"])
    assert (command["partition"], command["expires_at"], command["epoch"]) == (place.partition, None, 1)
    assert (command["alert_id"], command["issued_by"]) == (alert["id"], "killcord")
    assert (alert["rule"], alert["severity"], alert["mode"]) == ("destructive.wide", "critical", "kill")
    assert (alert["revision"], alert["status"], alert["command_id"]) == (1, "open", command["id"])
    assert (alert["agent_name"], alert["team"], alert["environment"]) == (f"coder-{fresh}", "web", "production")
    found = alert["evidence"][-1]
    record = await lookup(settings, found["topic"], found["partition"], found["offset"])
    assert json.loads(record) == event
    assert "/home" in found["excerpt"]


async def lookup(settings: Any, topic: str, partition: int, offset: int) -> bytes:
    consumer = AIOKafkaConsumer(**aiokafka_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, offset)
        record = await consumer.getone(place)
        assert record.offset == offset
        return bytes(record.value)
    finally:
        await consumer.stop()


GOOD = {"kind": "heartbeat", "time": 1.0, "run_id": "r"}
BROKEN: list[tuple[bytes, str]] = [
    (b"not json", "malformed"),
    (b"", "empty message"),
    (b'{"kind":"heartbeat","time":1.0}', "run_id"),
    (b'{"kind":"heartbeat","time":"soon","run_id":"r"}', "$.time"),
    (b'{"kind":"model.call","time":1,"run_id":"r","cost_usd":NaN}', "$.cost_usd"),
    (b'{"kind":"metric","time":1,"run_id":"r","name":"n","value":Infinity}', "$.value"),
    (b'{"kind":"tool.call","time":1,"run_id":"r","tool":"t","arguments":' + b"[" * 500 + b"]" * 500 + b"}", "nested"),
    (json.dumps([GOOD, GOOD | {"run_id": "s"}]).encode(), "several runs"),
    (b"\xff\xfe{}", ""),
    (b'{"kind":"message","time":1,"run_id":"r","text":"' + b"x" * 2**20 + b'"}', "over the limit"),
]


async def test_broken_input_is_kept_with_its_reason_and_what_is_good_is_judged(
    shared_worker: Worker, fresh: str
) -> None:
    settings = shared_worker.settings
    agents = [Agent(f"good-{fresh}-{n}", f"coder-{fresh}-{n}") for n in range(len(BROKEN) + 1)]
    places = {}
    async with (
        AIOKafkaProducer(**aiokafka_options(settings), acks="all", max_request_size=2**23) as producer,
        tail(settings, "deadletter", "control") as seen,
    ):
        topic = f"{settings.topic_prefix}.events"
        for n, (value, reason) in enumerate(BROKEN):
            good = json.dumps(agents[n].call("rm -rf /home")).encode()
            await producer.send_and_wait(topic, good, key=agents[n].run_id.encode(), partition=1)
            key = f"broken-{fresh}-{n}"
            place = await producer.send_and_wait(topic, value, key=key.encode(), partition=1)
            places[key] = (place.offset, value, reason)
        last = json.dumps(agents[-1].call("rm -rf /home")).encode()
        await producer.send_and_wait(topic, last, key=agents[-1].run_id.encode(), partition=1)

        def letters() -> dict[str, Any]:
            return {
                r.key.decode(): r for r in seen.records if r.topic.endswith("deadletter") and r.key.decode() in places
            }

        def killed() -> set[str]:
            return {m["run_id"] for m in seen.of("control") if m["action"] == "kill"}

        want = {agent.run_id for agent in agents}
        await seen.until(lambda: want <= killed() and len(letters()) == len(BROKEN), worker=shared_worker)
    for key, letter in letters().items():
        offset, value, reason = places[key]
        headers = {name: told.decode() for name, told in letter.headers}
        assert (headers["topic"], headers["partition"], headers["offset"]) == (topic, "1", str(offset))
        assert reason in headers["reason"], (key, headers["reason"])
        assert letter.value == value


async def test_what_is_larger_than_kafka_takes_from_us_stops_nothing(shared_worker: Worker, fresh: str) -> None:
    settings = shared_worker.settings
    agent = Agent(f"after-{fresh}", f"coder-{fresh}")
    huge = b'{"kind":"message","time":1,"run_id":"r","text":"' + b"x" * 2**22 + b'"}'
    assert len(gzip.compress(huge)) < 2**20
    async with (
        AIOKafkaProducer(
            **aiokafka_options(settings), acks="all", max_request_size=2**23, compression_type="gzip"
        ) as producer,
        tail(settings, "deadletter", "control") as seen,
    ):
        topic = f"{settings.topic_prefix}.events"
        await producer.send_and_wait(topic, huge, key=f"huge-{fresh}".encode(), partition=2)
        good = json.dumps(agent.call("rm -rf /home")).encode()
        await producer.send_and_wait(topic, good, key=agent.run_id.encode(), partition=2)
        letter = await seen.until(
            lambda: next((r for r in seen.records if r.key == f"huge-{fresh}".encode()), None), worker=shared_worker
        )
        await seen.until(lambda: [m for m in seen.of("control") if m["run_id"] == agent.run_id], worker=shared_worker)
    assert huge.startswith(letter.value) and len(letter.value) > 2**20
    reason = dict(letter.headers)["reason"].decode()
    assert "over the limit" in reason and "the first" in reason


@pytest.mark.parametrize("kinds", [["mystery"], ["mystery", "tool.call"]])
async def test_unknown_kinds_are_counted_and_what_is_known_beside_them_is_judged(
    shared_worker: Worker, fresh: str, kinds: list[str]
) -> None:
    before = shared_worker.metric("killcord_unknown_kinds_total")
    agent = Agent(f"mixed-{fresh}", f"coder-{fresh}")
    events = [agent.event("mystery", what=1), agent.call("rm -rf /home")][: len(kinds)]
    async with producing(shared_worker.settings) as send:
        await send(json.dumps(events).encode(), key=agent.run_id)
    await shared_worker.until(lambda: shared_worker.metric("killcord_unknown_kinds_total") == before + 1, "a count")
