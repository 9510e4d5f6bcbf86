"""The worker's producers: one for commands, with a connection of its own, so that no kill waits behind what else is
written; one for the rest. Faust's own takes twice as long for a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiokafka import AIOKafkaProducer

from monitor.client.connection import started
from monitor.settings import Settings, aiokafka_options
from monitor.worker.record import Record


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
        producer = self._producer
        if producer is None or ended(producer):
            producer = await self.start()
        return await producer.send(  # type: ignore[no-any-return]
            record.topic, record.value, record.key, record.partition, headers=list(record.headers)
        )

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
