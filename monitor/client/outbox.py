"""What is on its way to Kafka: bounded, in order, one batch in flight, tried until the broker has it.

Only an overflow or the end of the process loses anything, and what is lost is counted.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

from aiokafka.errors import MessageSizeTooLargeError, RecordTooLargeError

from monitor.client.connection import UNREACHABLE, Link, Outage, link, log, partition_for
from monitor.settings import Settings

BATCH_EVENTS, BATCH_BYTES = 500, 262_144


class Outbox:
    """The messages of one key. `put` may be called from any thread; `run` sends in one loop.

    capacity: messages; capacity_bytes: their bytes; whichever is reached first. wake: runs in any thread and must
    get `woken` called in the loop.
    """

    def __init__(self, topic: str, key: str, capacity: int, capacity_bytes: int, wake: Callable[[], None]) -> None:
        self.topic, self.key = topic, key
        self.capacity, self.capacity_bytes = capacity, capacity_bytes
        self.dropped = 0
        self.delivered = 0
        self._wake = wake
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._empty = threading.Condition()
        self._event: asyncio.Event | None = None
        self._partition: int | None = None
        self._full = False

    def put(self, value: bytes) -> bool:
        """False if there was no room: it is dropped, and counted."""
        with self._empty:
            if len(self._waiting) >= self.capacity or self._bytes + len(value) > self.capacity_bytes:
                self.dropped += 1
                first, self._full = not self._full, True
                kept = len(self._waiting)
            else:
                self._waiting.append(value)
                self._bytes += len(value)
                first, kept = False, -1
                wake = len(self._waiting) == 1
        if kept >= 0:
            if first:
                log.warning("%s: the buffer is full with %d messages; dropping what comes", self.topic, kept)
            return False
        if wake:
            self._wake()
        return True

    def woken(self) -> None:
        if self._event is not None:
            self._event.set()

    def wait_empty(self, timeout: float) -> bool:
        """Blocks until the broker has everything, at most ``timeout`` seconds. True if it has."""
        with self._empty:
            return self._empty.wait_for(lambda: not self._waiting, timeout)

    def __len__(self) -> int:
        return len(self._waiting)

    async def run(self, settings: Settings) -> None:
        """Sends until cancelled."""
        self._event = asyncio.Event()
        self._event.set()
        way = link(settings)
        try:
            while True:
                await self._event.wait()
                self._event.clear()
                while self._waiting:
                    await self._send_some(way)
        finally:
            await way.release()

    async def _send_some(self, way: Link) -> None:
        """One batch, tried until it is there, or was found too large."""
        outage = Outage(f"cannot publish to {self.topic}")
        at_most = BATCH_EVENTS
        while True:
            values = self._head(at_most)
            try:
                if self._partition is None:
                    # Kept: a run must not move when somebody adds partitions to the topic.
                    self._partition = partition_for(self.key, await way.partitions(self.topic))
                sent = await way.send_all(self.topic, self.key, values, self._partition)
            except (RecordTooLargeError, MessageSizeTooLargeError):
                if len(values) > 1:
                    at_most = max(1, len(values) // 2)
                    continue
                log.warning("%s: a message of %d bytes is larger than the topic takes: dropped", self.topic,
                            len(values[0]))  # fmt: skip
                self._done(1, delivered=False)
            except UNREACHABLE as error:
                await asyncio.sleep(outage.failed(error))
                continue
            else:
                self._done(sent)
            outage.worked()
            return

    def _head(self, at_most: int) -> list[bytes]:
        values: list[bytes] = []
        size = 0
        with self._empty:
            for value in islice(self._waiting, at_most):
                size += len(value)
                if values and size > BATCH_BYTES:
                    break
                values.append(value)
        return values

    def _done(self, count: int, delivered: bool = True) -> None:
        with self._empty:
            for _ in range(count):
                self._bytes -= len(self._waiting.popleft())
            if delivered:
                self.delivered += count
            else:
                self.dropped += count
            self._full = False
            if not self._waiting:
                self._empty.notify_all()
