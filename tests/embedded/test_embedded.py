"""The embedded broker carries what Killcord needs of a Kafka: plain clients, and a Faust app with a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.embedded import PARTITIONS, embedded_broker
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names, topics
from monitor.topics.admin import check, create
from monitor.topics.connect import admin_client
from monitor.worker.faust_settings import faust_options
from monitor.worker.transport import install

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


class Counting:
    """A worker in small: it counts the events of each run in a table."""

    def __init__(self, settings: Settings) -> None:
        self.app = app = faust.App(**faust_options(settings))
        install(app, settings.fetch_wait_s)
        self.counts = app.Table("runs", key_type=bytes, value_type=int, partitions=settings.partitions, default=int)
        self.seen: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()
        events = app.topic(NAMES.events, key_type=bytes, value_type=bytes)

        @app.agent(events)
        async def count(stream: faust.Stream[bytes]) -> None:
            async for event in stream.events():
                self.counts[event.key] += 1
                self.seen.put_nowait((event.value, time.perf_counter()))

    async def next(self) -> tuple[bytes, float]:
        return await asyncio.wait_for(self.seen.get(), 30)


async def test_a_faust_agent_sees_events_at_once_and_its_table_comes_back(
    broker: Settings, record_property: pytest.RecordPropertyType
) -> None:
    async with producing(broker) as producer:
        worker = Counting(broker)
        async with worker.app:
            assert worker.app.consumer._thread._consumer._fetch_max_wait_ms == broker.fetch_wait_s * 1000
            waits = []
            for number in range(60):
                sent = time.perf_counter()
                await producer.send(NAMES.events, b"%d" % number, key=b"run-%d" % (number % 7))
                value, seen = await worker.next()
                assert value == b"%d" % number
                waits.append(seen - sent)
            # With Faust's own transport half of these would take more than a second.
            assert sorted(waits)[len(waits) // 2] < 0.5
            record_property("produce_to_agent_p50_ms", round(sorted(waits)[len(waits) // 2] * 1000, 1))

        again = Counting(broker)
        async with again.app:
            await producer.send(NAMES.events, b"after", key=b"run-0")
            assert (await again.next())[0] == b"after"
            assert again.counts[b"run-0"] == 10
            assert sum(again.counts.values()) == 61
