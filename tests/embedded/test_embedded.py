"""The embedded broker carries what Killcord needs of a Kafka: plain clients, and a Faust app with a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from detectors.event import ToolCall, encode
from monitor.embedded import PARTITIONS, embedded_broker
from monitor.engine.engine import partition_of
from monitor.engine.state import RunState
from monitor.metrics import Metrics
from monitor.policy import Policy
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names, topics
from monitor.topics.admin import check, create
from monitor.topics.connect import admin_client
from monitor.worker.app import Monitor

NAMES = Names.of("killcord")


@pytest.fixture
def broker() -> Iterator[Settings]:
    with embedded_broker() as settings:
        yield settings


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**aiokafka_options(settings), acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def reading(settings: Settings, *partitions: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **aiokafka_options(settings), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=10
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        yield consumer
    finally:
        await consumer.stop()


def test_it_says_that_nothing_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    with embedded_broker() as settings:
        told = capfd.readouterr().err
    assert settings.brokers[0] in told
    assert "in memory, for trying out only" in told
    assert "KILLCORD_BROKERS" in told


async def test_all_topics_are_there_and_pass_the_check(broker: Settings) -> None:
    async with admin_client(broker) as client:
        assert await check(client, broker) == []
        assert {entry["topic"] for entry in await client.describe_topics()} == {t.name for t in topics(broker)}


async def test_topics_of_another_prefix_come_by_create(broker: Settings) -> None:
    other = Settings(brokers=broker.brokers, ephemeral=True, topic_prefix="other", partitions=PARTITIONS)
    async with admin_client(other) as client:
        made = await create(client, other)
        assert made.problems == ()
        assert set(made.names) == {topic.name for topic in topics(other)}


async def test_a_record_comes_back_with_key_headers_and_tombstones(broker: Settings) -> None:
    place = TopicPartition(NAMES.standing, 1)
    async with producing(broker) as producer, reading(broker, place) as consumer:
        await producer.send_and_wait(place.topic, b"v", key=b"run:1", partition=1, headers=[("reason", b"x")])
        await producer.send_and_wait(place.topic, None, key=b"run:1", partition=1)
        first, second = await consumer.getone(), await consumer.getone()
        assert (first.key, first.value, first.headers) == (b"run:1", b"v", (("reason", b"x"),))
        assert (second.key, second.value, second.offset) == (b"run:1", None, 1)
        assert (await consumer.beginning_offsets([place]), await consumer.end_offsets([place])) == (
            {place: 0},
            {place: 2},
        )


async def test_it_finds_no_offsets_by_time(broker: Settings) -> None:
    place = TopicPartition(NAMES.events, 0)
    async with producing(broker) as producer, reading(broker, place) as consumer:
        await producer.send_and_wait(place.topic, b"v", partition=0)
        assert await consumer.offsets_for_times({place: 0}) == {place: None}


def worker_of(settings: Settings) -> Monitor:
    return Monitor(settings, Policy.load(None), Metrics(CollectorRegistry()), PARTITIONS)


def call(run_id: str, seq: int, command: str) -> bytes:
    return encode(
        ToolCall(
            id=f"{run_id}-{seq}",
            time=time.time(),
            run_id=run_id,
            seq=seq,
            publisher="test",
            tool="bash",
            call_id=f"c{seq}",
            arguments={"command": command},
        )
    )


async def judged(worker: Monitor, run_id: str, seq: int) -> RunState:
    """The run's state once the worker has taken in its event ``seq``."""
    partition = partition_of(run_id, PARTITIONS)
    async with asyncio.timeout(30):
        while True:
            state = worker.runs.find(partition, run_id)
            if state is not None and state.run.offset == seq:
                return state
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("lane", ["batch", "agents"])
async def test_a_worker_judges_here_and_the_next_one_knows_what_it_knew(broker: Settings, lane: str) -> None:
    settings = replace(broker, lane=lane, worker_group=f"here-{lane}")
    async with admin_client(settings) as client:
        await create(client, settings)
    async with producing(broker) as producer:
        first = worker_of(settings)
        async with first.app:
            await producer.send(NAMES.events, call("r1", 0, "rm -rf /"), key=b"r1")
            assert (await judged(first, "r1", 0)).killed_by is not None
        second = worker_of(settings)
        async with second.app:
            await producer.send(NAMES.events, call("r1", 1, "ls"), key=b"r1")
            assert (await judged(second, "r1", 1)).killed_by is not None
