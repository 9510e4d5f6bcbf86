"""The producer of commands: a connection of its own, so that no kill waits behind what else a worker writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor.settings import Settings, aiokafka_options
from monitor.worker.record import Record


class CommandProducer:
    """Acknowledged by all in-sync replicas, sent without lingering. Starts with the first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def send(self, record: Record) -> Awaitable[Any]:
        """Hands the record over; the result is done when Kafka has it. Raises KafkaError where it can't be reached."""
        producer = self._producer or await self.start()
        return await producer.send(record.topic, record.value, record.key, record.partition)  # type: ignore[no-any-return]

    async def start(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                options = aiokafka_options(self._settings)
                producer = AIOKafkaProducer(
                    **{**options, "client_id": f"{self._settings.client_id}-commands"},
                    acks="all",
                    linger_ms=0,
                    max_request_size=self._settings.max_message_bytes,
                )
                try:
                    await producer.start()
                except KafkaError:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
