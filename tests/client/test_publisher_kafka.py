"""The publisher on a real Kafka: everything arrives, in order, and nothing of Kafka's troubles reaches the agent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time

from detectors.event import Event, Metric, ToolCall, ToolResult
from monitor.client import AsyncPublisher, Publisher
from monitor.client.connection import partition_for
from monitor.client.reader import consumer, partitions_of, read_to_end
from monitor.decode import Decoded, decode
from monitor.settings import Settings

NOWHERE = Settings(brokers=("127.0.0.1:9",), request_timeout_s=6.5)


async def published(settings: Settings, run_id: str) -> list[Event]:
    events: list[Event] = []
    async with consumer(settings) as reader:
        partitions = await partitions_of(reader, [f"{settings.topic_prefix}.events"])
        async for record in read_to_end(reader, await reader.beginning_offsets(partitions)):
            assert record.partition == partition_for(run_id, len(partitions))
            read = decode(record.value)
            assert isinstance(read, Decoded), read
            events += read.events
    return events


def a_run(publisher: Publisher | AsyncPublisher) -> None:
    publisher.run_started(task="fix the build")
    call = publisher.tool_call("Bash", {"command": "make"})
    publisher.tool_result(call, status="error", output="x" * 100_000, exit_code=2)
    publisher.model_call("m", input_tokens=10, output_tokens=2, cost_usd=0.01)
    publisher.decision("next", "retry", ["give up"])
    publisher.commit_point("green", "git reset")
    publisher.metric("coverage", 0.8)
    publisher.message("done")
    publisher.heartbeat()
    publisher.run_finished("success", claim="all tests pass")


KINDS = ["run.started", "tool.call", "tool.result", "model.call", "decision", "commit_point", "metric", "message",
         "heartbeat", "run.finished"]  # fmt: skip


async def test_a_run_arrives_in_order(kafka_topics: Settings) -> None:
    def work() -> None:
        with Publisher("r1", agent_name="coder", team="infra", settings=kafka_topics) as publisher:
            a_run(publisher)

    await asyncio.to_thread(work)
    events = await published(kafka_topics, "r1")
    assert [event.kind for event in events] == KINDS
    assert [event.seq for event in events] == list(range(1, 11))
    assert {(event.publisher, event.agent_name, event.team) for event in events} == {("sdk", "coder", "infra")}
    assert len({event.id for event in events}) == 10


async def test_the_async_one_too(kafka_topics: Settings) -> None:
    async with AsyncPublisher("r1", settings=kafka_topics) as publisher:
        a_run(publisher)
        assert await publisher.flush()
        assert publisher.delivered == 10
    assert [event.kind for event in await published(kafka_topics, "r1")] == KINDS


async def test_a_long_output_is_cut_and_its_length_and_hash_are_kept(kafka_topics: Settings) -> None:
    async with AsyncPublisher("r1", settings=kafka_topics) as publisher:
        a_run(publisher)
    result = next(event for event in await published(kafka_topics, "r1") if isinstance(event, ToolResult))
    assert (len(result.output or ""), result.output_bytes) == (65_536, 100_000)
    assert result.output_sha256 == hashlib.sha256(b"x" * 100_000).hexdigest()


async def test_what_cannot_be_told_is_a_hole_in_seq(kafka_topics: Settings) -> None:
    async with AsyncPublisher("r1", settings=kafka_topics) as publisher:
        assert publisher.heartbeat()
        assert not publisher.metric("loss", float("nan"))
        assert not publisher.model_call("m", input_tokens=-1)
        assert not publisher.publish(Metric(run_id="r2", time=1.0, name="n", value=1.0))
        publisher.tool_call("Read", {"path": "caf\udce9", "when": object()})
    events = await published(kafka_topics, "r1")
    assert [event.seq for event in events] == [1, 5]
    assert publisher.dropped == publisher.refused == 3
    assert isinstance(events[1], ToolCall)
    assert events[1].arguments["path"] == "caf?"  # type: ignore[index, call-overload]


def test_an_agent_never_notices_that_kafka_is_away() -> None:
    publisher = Publisher("r1", settings=NOWHERE, capacity=100)
    started = time.perf_counter()
    for _ in range(1000):
        publisher.heartbeat()
    assert time.perf_counter() - started < 1.0
    assert (publisher.dropped, publisher.waiting, publisher.last_seq) == (900, 100, 100)
    assert not publisher.flush(timeout=0.05)
    assert not publisher.close(timeout=0.05)


async def test_what_was_dropped_shows_as_a_gap(kafka_topics: Settings) -> None:
    publisher = AsyncPublisher("r1", settings=kafka_topics, capacity=3)  # nothing is sent before the first await
    for _ in range(5):
        publisher.heartbeat()
    assert await publisher.flush()
    publisher.heartbeat()
    await publisher.close()
    assert [event.seq for event in await published(kafka_topics, "r1")] == [1, 2, 3, 6]
    assert publisher.dropped == 2


async def test_heartbeats_come_by_themselves(kafka_topics: Settings) -> None:
    async with AsyncPublisher("r1", settings=kafka_topics, heartbeat_s=0.02) as publisher, asyncio.timeout(10):
        while publisher.delivered < 3:  # noqa: ASYNC110 (nothing tells of a delivery)
            await asyncio.sleep(0.01)


async def test_a_broker_that_goes_and_comes_back_loses_nothing(own_kafka: object) -> None:
    from monitor.topics.admin import create
    from monitor.topics.connect import admin_client

    settings = Settings(brokers=own_kafka.brokers, partitions=2, replication_factor=1)  # type: ignore[attr-defined]
    async with admin_client(settings) as client:
        assert not (await create(client, settings)).problems
    async with AsyncPublisher("r1", settings=settings) as publisher:
        publisher.heartbeat()
        assert await publisher.flush(10)
        await asyncio.to_thread(own_kafka.kill)  # type: ignore[attr-defined]
        for _ in range(50):
            publisher.heartbeat()
        await asyncio.to_thread(own_kafka.start)  # type: ignore[attr-defined]
        assert await publisher.flush(60)
    seqs = [event.seq for event in await published(settings, "r1")]
    assert sorted(set(seqs)) == list(range(1, 52))


def test_a_forked_child_is_mute_and_ends() -> None:
    publisher = Publisher("r1", settings=NOWHERE)
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if not publisher.heartbeat() and publisher.close() and publisher.dropped == 1 else 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert publisher.heartbeat()
    publisher.close(timeout=0.05)
