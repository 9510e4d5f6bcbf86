"""Reads Killcord's topics back for people: decoded, bounded by time and bytes, in order of time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from msgspec import Struct

from monitor.client.connection import partition_for
from monitor.client.orders import TAIL
from monitor.client.reader import consumer, partitions_of, read_to_end, since
from monitor.decode import Decoded, decode
from monitor.messages import Ack, Alert, Command, JournalEntry, OperatorDecision
from monitor.settings import Settings
from monitor.topics import Names

BYTES = 512 * 2**20


class Seen(Struct, frozen=True):
    """One message or event, when, and where it stands."""

    time: float
    kind: str
    run_id: str | None
    topic: str
    partition: int
    offset: int
    value: Any


def kinds(names: Names) -> dict[str, tuple[str, type[Any]]]:
    """topic: (what people call its messages, their type)."""
    return {
        names.alerts: ("alert", Alert),
        names.control: ("command", Command),
        names.acks: ("ack", Ack),
        names.operator: ("operator", OperatorDecision),
        names.journal: ("journal", JournalEntry),
    }


def seen(record: ConsumerRecord, names: Names) -> list[Seen]:
    """What a record holds; nothing if it cannot be decoded (the dead-letter topic has it then)."""
    place = (record.topic, record.partition, record.offset)
    if record.topic == names.events:
        read = decode(record.value)
        if not isinstance(read, Decoded):
            return []
        return [Seen(event.time, event.kind, event.run_id, *place, event) for event in read.events]
    kind, shape = kinds(names)[record.topic]
    try:
        value = msgspec.json.decode(record.value or b"", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    run = getattr(value, "run_id", None)
    if isinstance(value, OperatorDecision) and value.scope == "run":
        run = value.target
    stamp = record.timestamp / 1000
    return [Seen(float(getattr(value, "time", None) or stamp), kind, run, *place, value)]


async def read_back(
    reader: AIOKafkaConsumer,
    names: Names,
    topics: Sequence[str],
    start: float,
    *,
    run: str | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> AsyncIterator[Seen]:
    """What the topics hold since ``start`` (Unix seconds). With ``run``: that run's, events from its partition only."""
    partitions = await partitions_of(reader, topics)
    if run is not None:
        count = sum(partition.topic == names.events for partition in partitions)
        own = TopicPartition(names.events, partition_for(run, count) if count else 0)
        partitions = [partition for partition in partitions if partition.topic != names.events or partition == own]
    size = 0
    async for record in read_to_end(reader, await since(reader, partitions, start)):
        size += len(record.value or b"")
        if size > BYTES:
            told(f"stopped after {BYTES >> 20} MiB: give a shorter --since")
            return
        for one in seen(record, names):
            if run is None or one.run_id == run:
                yield one


async def was_seen(settings: Settings, run: str) -> bool:
    """Whether an event of the run is among the last `TAIL` records of its partition."""
    topic = Names.of(settings.topic_prefix).events
    key = run.encode("utf-8", "surrogatepass")
    async with consumer(settings) as reader:
        partitions = await partitions_of(reader, [topic])
        own = TopicPartition(topic, partition_for(run, len(partitions)))
        begin, end = (await reader.beginning_offsets([own]))[own], (await reader.end_offsets([own]))[own]
        async for record in read_to_end(reader, {own: max(begin, end - TAIL)}, {own: end}):
            if record.key == key:
                return True
    return False
