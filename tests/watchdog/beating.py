"""Heartbeats as a worker sends them, from a test that decides when they fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor.messages import Judged, WorkerHeartbeat, encode
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names


class Beating:
    """One worker that says, every ``worker_heartbeat_s`` and as long as ``lives``, that it judges ``partitions``."""

    def __init__(self, settings: Settings, partitions: Iterable[int] | None = None, worker: str = "w") -> None:
        self.lives = True
        self.worker = worker
        self._settings = settings
        self._partitions = list(range(settings.partitions) if partitions is None else partitions)

    def beat(self, number: int, *, leaving: bool = False) -> bytes:
        return encode(
            WorkerHeartbeat(
                worker=self.worker,
                number=number,
                time=time.time(),
                interval_s=self._settings.worker_heartbeat_s,
                ready=None,
                partitions=[Judged(partition=n, waiting=0, behind_s=0.0) for n in self._partitions],
                of=self._settings.partitions,
                leaving=leaving,
            )
        )

    async def run(self) -> None:
        producer = AIOKafkaProducer(**aiokafka_options(self._settings))
        topic, key = Names.of(self._settings.topic_prefix).health, self.worker.encode()
        await producer.start()
        try:
            number = 0
            while True:
                if self.lives:
                    number += 1
                    try:
                        sent = await producer.send(topic, self.beat(number), key=key)
                        sent.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be lost
                    except KafkaError:
                        await asyncio.sleep(0)  # the broker is being restarted
                await asyncio.sleep(self._settings.worker_heartbeat_s)
        finally:
            await producer.stop()


@asynccontextmanager
async def beating(
    settings: Settings, partitions: Iterable[int] | None = None, worker: str = "w"
) -> AsyncIterator[Beating]:
    beats = Beating(settings, partitions, worker)
    task = asyncio.create_task(beats.run())
    try:
        yield beats
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
