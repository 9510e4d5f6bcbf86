"""Reads topics by assignment, without a consumer group, so that every reader sees everything and none rebalances."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from monitor.client.connection import UNREACHABLE, Outage, TopicMissing, quiet
from monitor.settings import Settings, aiokafka_options

METADATA_S = 5.0  # how soon new partitions are noticed
MISSING_S = 3.0  # how long a topic may be missing from the metadata of a cluster that answers
Positions = dict[TopicPartition, int]


@asynccontextmanager
async def consumer(settings: Settings, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """Started; without a group. Raises what `UNREACHABLE` lists."""
    quiet()
    made = AIOKafkaConsumer(
        **aiokafka_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=max(1, round(settings.fetch_wait_s * 1000)),
        max_partition_fetch_bytes=settings.max_message_bytes,
        metadata_max_age_ms=round(METADATA_S * 1000),
        **options,
    )
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


async def partitions_of(reader: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of the topics. Raises TopicMissing."""
    wanted = list(topics)
    until = time.monotonic() + MISSING_S
    while True:
        # The set assigned is what the client asks the broker about.
        known = {topic: reader.partitions_for_topic(topic) for topic in wanted}
        missing = [topic for topic, found in known.items() if not found]
        if not missing:
            return [TopicPartition(topic, n) for topic in wanted for n in sorted(known[topic] or ())]
        if time.monotonic() > until:
            raise TopicMissing(f"no topic {', '.join(missing)}: create them with `killcord topics create`")
        await reader._client.set_topics(wanted)
        await reader._client.force_metadata_update()
        await asyncio.sleep(0.02)


async def read_to_end(
    reader: AIOKafkaConsumer, start: Positions, ends: Positions | None = None
) -> AsyncIterator[ConsumerRecord]:
    """From these offsets to what is the end now (or ``ends``), and no further."""
    ends = await reader.end_offsets(list(start)) if ends is None else ends
    left = {partition: offset for partition, offset in start.items() if offset < ends[partition]}
    if not left:
        return
    reader.assign(list(left))
    for partition, offset in left.items():
        reader.seek(partition, offset)
    while left:
        for partition, records in (await reader.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.offset < ends[partition]:
                    yield record
        for partition in list(left):
            if await reader.position(partition) >= ends[partition]:
                del left[partition]


async def since(reader: AIOKafkaConsumer, partitions: Sequence[TopicPartition], unix: float) -> Positions:
    """The first offset at or after a time; the end where there is none."""
    if not partitions:
        return {}
    found = await reader.offsets_for_times(dict.fromkeys(partitions, max(0, round(unix * 1000))))
    ends = await reader.end_offsets(list(partitions))
    return {partition: ends[partition] if entry is None else entry.offset for partition, entry in found.items()}


class Follower:
    """All partitions of some topics, followed for ever: reconnects, notices new partitions, repeats nothing.

    whole: topics read from their beginning; tail: from their end at the first connection. handle: called with every
    record in order of a partition; reached: called, and caught_up set, once ``whole`` was read to the end it had.
    """

    def __init__(
        self,
        settings: Settings,
        whole: Sequence[str],
        tail: Sequence[str],
        handle: Callable[[ConsumerRecord], None],
        reached: Callable[[], None],
        what: str,
    ) -> None:
        self.settings, self.whole, self.tail, self.handle, self.reached = settings, whole, tail, handle, reached
        self.caught_up = asyncio.Event()
        self.error: BaseException | None = None
        self._positions: Positions = {}
        self._outage = Outage(what)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with consumer(self.settings) as reader:
                    await self._follow(reader)
            except UNREACHABLE as error:
                self.error = error
                await asyncio.sleep(self._outage.failed(error))

    async def _follow(self, reader: AIOKafkaConsumer) -> None:
        partitions = await partitions_of(reader, [*self.whole, *self.tail])
        fresh = [partition for partition in partitions if partition not in self._positions]
        if self._positions:  # later ones came with new partitions: nothing in them is old
            self._positions.update(dict.fromkeys(fresh, 0))
        else:
            # The tail's end first: an order written meanwhile is then in one of the two.
            tail = [partition for partition in fresh if partition.topic in self.tail]
            whole = [partition for partition in fresh if partition.topic in self.whole]
            self._positions.update(await reader.end_offsets(tail) if tail else {})
            self._positions.update(await reader.beginning_offsets(whole) if whole else {})
        standing = [partition for partition in partitions if partition.topic in self.whole]
        ends = await reader.end_offsets(standing) if standing else {}
        reader.assign(partitions)
        for partition in partitions:
            reader.seek(partition, self._positions[partition])
        self._outage.worked()
        self.error = None
        while set(partitions) == set(await self._partitions_now(reader, partitions)):
            if not self.caught_up.is_set() and await self._at_end(reader, ends):
                self.reached()
                self.caught_up.set()
            timeout = 1000 if self.caught_up.is_set() else 50
            for partition, records in (await reader.getmany(timeout_ms=timeout)).items():
                for record in records:
                    self.handle(record)
                    self._positions[partition] = record.offset + 1

    async def _at_end(self, reader: AIOKafkaConsumer, ends: Positions) -> bool:
        # Compaction leaves holes: a partition's position can be past its last record.
        return all([await reader.position(partition) >= end for partition, end in ends.items()])

    async def _partitions_now(
        self, reader: AIOKafkaConsumer, before: Sequence[TopicPartition]
    ) -> Sequence[TopicPartition]:
        counts = {topic: reader.partitions_for_topic(topic) for topic in (*self.whole, *self.tail)}
        if not all(counts.values()):  # the metadata of a moment without a leader
            return before
        return [TopicPartition(topic, n) for topic, found in counts.items() for n in found or ()]

