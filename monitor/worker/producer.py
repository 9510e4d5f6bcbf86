"""The worker's producers: one for commands, with a connection of its own, so that no kill waits behind what else is
written; one for the rest. Faust's own takes twice as long for a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from monitor.client.connection import started
from monitor.engine.engine import partition_of
from monitor.settings import Settings, aiokafka_options
from monitor.worker.record import Record


class Sent(NamedTuple):
    """Records that were handed over together. done: when Kafka has them all; raises what it raises for one."""

    done: Awaitable[Any]
    records: list[Record]


class Producer:
    """Acknowledged by all in-sync replicas. Starts with the first use.

    ``name``: what it is called in Kafka's logs, after the client's id. ``linger_ms``: how long a record waits for
    others to go with it.
    """

    def __init__(self, settings: Settings, name: str, linger_ms: int = 0) -> None:
        self._settings = settings
        self._name = name
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def send(self, record: Record) -> Awaitable[Any]:
        """Hands the record over; the result is done when Kafka has it. Raises KafkaError where it can't be reached."""
        producer = await self._started()
        return await producer.send(  # type: ignore[no-any-return]
            record.topic, record.value, record.key, record.partition, headers=list(record.headers)
        )

    async def send_together(self, records: Sequence[Record]) -> list[Sent]:
        """Hands records of one topic, with keys and without headers, over in as few batches as fit: a record at a time
        costs thirty times as much. Raises KafkaError where Kafka can't be reached, before any was handed over."""
        producer = await self._started()
        topic = records[0].topic
        count = len(await producer.partitions_for(topic))
        of_partition: dict[int, list[Record]] = {}
        for record in records:
            of_partition.setdefault(partition_of((record.key or b"").decode(), count), []).append(record)
        return [
            sent
            for partition, held in of_partition.items()
            for sent in await _handed_over(producer, partition, held)
        ]

    async def _started(self) -> AIOKafkaProducer:
        producer = self._producer
        return await self.start() if producer is None or ended(producer) else producer

    async def start(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is not None and ended(self._producer):
                await self._producer.stop()
                self._producer = None
            if self._producer is None:
                options = aiokafka_options(self._settings)
                producer = AIOKafkaProducer(
                    **{**options, "client_id": f"{self._settings.client_id}-{self._name}"},
                    acks="all",
                    linger_ms=self._linger_ms,
                    max_request_size=self._settings.max_message_bytes,
                )
                self._producer = await started(producer)
            return self._producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()


def ended(producer: AIOKafkaProducer) -> bool:
    """Whether its sender died of an error: it would refuse everything from then on."""
    task = producer._sender.sender_task
    return task is not None and task.done()


def packed(
    producer: AIOKafkaProducer, entries: Iterable[tuple[bytes | None, bytes | None]]
) -> Iterator[BatchBuilder]:
    """(key, value) in as few and as large batches as fit, in their order. One by itself always fits."""
    batch = producer.create_batch()
    for key, value in entries:
        if batch.append(timestamp=None, key=key, value=value) is None:
            batch.close()
            yield batch
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)
    batch.close()
    yield batch


async def _handed_over(producer: AIOKafkaProducer, partition: int, records: list[Record]) -> list[Sent]:
    sent, begin = [], 0
    for batch in packed(producer, ((record.key, record.value) for record in records)):
        held = records[begin : begin + batch.record_count()]
        begin += len(held)
        try:
            done = await producer.send_batch(batch, held[0].topic, partition=partition)
        except Exception as error:  # said with the records that it is about: others were handed over
            done = asyncio.get_running_loop().create_future()
            done.set_exception(error)
        sent.append(Sent(done, held))
    return sent
