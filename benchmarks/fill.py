"""Puts a backlog into the event topic, quicker than anything here reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.recorded import Keyed
from benchmarks.stage import StageError
from monitor.settings import Settings
from monitor.topics import Names

FLUSH_S = 120.0


def producer(settings: Settings, **options: Any) -> Producer:
    """librdkafka's, with murmur2 as all of Killcord's producers, and a queue for a whole backlog."""
    return Producer(
        {
            "bootstrap.servers": ",".join(settings.brokers),
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 2**20,
            **{name.replace("_", "."): value for name, value in options.items()},
        }
    )


def fill(settings: Settings, messages: Sequence[Keyed]) -> int:
    """All of them, acknowledged by all in-sync replicas. Returns the bytes of their values."""
    topic = Names.of(settings.topic_prefix).events
    writer = producer(settings, acks="all", linger_ms=20, batch_size=2**18)
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    size = 0
    for n, (key, value) in enumerate(messages):
        writer.produce(topic, value, key, on_delivery=delivered)
        size += len(value)
        if n % 1_000 == 0:
            writer.poll(0)
    left = writer.flush(FLUSH_S)
    if left or failed:
        raise StageError(f"{left or len(failed)} of {len(messages)} events were not taken by Kafka: {failed[:1]}")
    return size
