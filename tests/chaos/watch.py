"""Looks over Kafka's shoulder: who owns what, what is committed, and what was there when it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

SAMPLE_S = 0.1


class Sample(NamedTuple):
    """Committed offsets, and the ends of the topics as they were right after: what is not below them came later."""

    committed: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]


class Watch:
    """``group``: of the workers. ``outputs``: the partitions whose ends each sample notes."""

    def __init__(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str, outputs: Iterable[TopicPartition]
    ) -> None:
        self._admin, self._consumer, self._group = admin, consumer, group
        self._outputs = list(outputs)
        self.samples: list[Sample] = []

    async def sample(self) -> None:
        """For ever; a broker that is down is not asked."""
        last: dict[TopicPartition, int] = {}
        while True:
            try:
                committed = await self.committed()
                if committed != last:
                    self.samples.append(Sample(committed, await self._consumer.end_offsets(self._outputs)))
                    last = committed
            except (KafkaError, OSError, TimeoutError):
                pass
            await asyncio.sleep(SAMPLE_S)

    async def committed(self) -> dict[TopicPartition, int]:
        offsets = await self._admin.list_consumer_group_offsets(self._group)
        return {place: entry.offset for place, entry in offsets.items() if entry.offset >= 0}

    async def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(list(places))
        return found

    async def owners(self, topic: str) -> dict[str, set[int]]:
        """Partitions of ``topic`` by the client id of the worker that has them; empty in a rebalance."""
        try:
            (answer,) = await self._admin.describe_consumer_groups([self._group])
        except (KafkaError, OSError, TimeoutError):
            return {}
        found: dict[str, set[int]] = {}
        for group in answer.groups:
            for member in group[5]:
                assignment = member[-1]
                if assignment:
                    places = ConsumerProtocolMemberAssignment.decode(assignment).partitions()
                    client_id = member[2] if isinstance(member[2], str) and len(member) > 5 else member[1]
                    found[client_id] = {place.partition for place in places if place.topic == topic}
        return found


async def read_all(consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> list[ConsumerRecord]:
    """Every record from the beginning to the end as it is now, partition by partition in order."""
    ends = {place: end for place, end in (await consumer.end_offsets(places)).items() if end > 0}
    if not ends:
        return []
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    found: list[ConsumerRecord] = []
    left = set(ends)
    while left:
        for records in (await consumer.getmany(timeout_ms=500, max_records=10_000)).values():
            found += records
        # The position passes what holds no record: marks of transactions, and what was aborted.
        left = {place for place in left if await consumer.position(place) < ends[place]}
    return [record for record in found if record.offset < ends[TopicPartition(record.topic, record.partition)]]
