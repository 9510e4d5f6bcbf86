"""Faust's Kafka transport with a fetch wait and a way back after a rebalance of our own.

Faust fixes ``fetch_max_wait_ms`` at 1500. On a Kafka, data in a partition that was left out of the fetch under way (it
was paused, or its last batch was still being worked on) wait for that fetch to end. On the embedded broker, which may
not answer a waiting fetch when data come, most events wait. `install` plugs this one in, by Faust's own
``app.transport``; a transport with more to it subclasses `Transport` and `Consumer` here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import ConsumerT


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        if not hasattr(consumer, "_fetch_max_wait_ms"):
            raise RuntimeError(f"aiokafka {aiokafka.__version__} keeps its fetch wait elsewhere: use one before 0.15")
        # Read by its fetcher, which is made when the consumer starts.
        consumer._fetch_max_wait_ms = transport.fetch_wait_ms
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """What a rebalance ends with: everything that was not committed is read again."""
        return await self.call_thread(rewind, self._ensure_consumer(), self.app.tables.changelog_topics)


async def rewind(consumer: aiokafka.AIOKafkaConsumer, but: Collection[str]) -> Mapping[TP, int]:
    """Seeks every assigned partition to its committed offset, and to its beginning where nothing is committed yet.

    aiokafka leaves the latter where they are. Records that were fetched in the middle of a rebalance are dropped by
    Faust, so the first events of a new partition would never be judged. ``but``: topics that are left alone.
    """
    committed = await consumer.seek_to_committed()
    fresh = [tp for tp, offset in committed.items() if not offset and tp.topic not in but]
    if fresh:
        await consumer.seek_to_beginning(*fresh)
    return committed


class Consumer(driver.Consumer):
    """The worker's consumer."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """``fetch_wait_ms``: how long a fetch may wait at the broker for data, in milliseconds."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer
    fetch_wait_ms = 100


def install(app: faust.App, fetch_wait_s: float, transport: type[Transport] = Transport) -> None:
    """Makes the app consume by this transport. Call it before anything asks for ``app.transport``."""
    plugged = transport(app.conf.broker_consumer, app)
    plugged.fetch_wait_ms = round(fetch_wait_s * 1000)
    app.transport = plugged
