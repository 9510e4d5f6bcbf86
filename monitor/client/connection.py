"""How agents and kill-switches reach Kafka: one background loop for what is synchronous, one producer for each loop.

A broker that cannot be reached is told once in the log, and once more when it is back; nothing is raised for it.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from monitor.settings import Settings, aiokafka_options, load

T = TypeVar("T")
log = logging.getLogger("killcord.client")


class TopicMissing(RuntimeError):
    """A topic is not there; the text has the remedy."""


UNREACHABLE = (KafkaError, OSError, TimeoutError, asyncio.TimeoutError, TopicMissing)
"""What a broker that is away, or will not have us, raises."""
PAUSE_S, PAUSE_AT_MOST_S = 0.1, 2.0


def partition_for(key: str | bytes, partitions: int) -> int:
    """Where Java's and aiokafka's default partitioner put a key; librdkafka does with ``murmur2_random``.

    >>> partition_for("run-1", 8)
    5
    """
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    return int((murmur2(data) & 0x7FFFFFFF) % partitions)


def settings_or_default(settings: Settings | None) -> Settings:
    """As given, else from the environment and the file. Raises SettingsError for what cannot be used."""
    return load().settings if settings is None else settings


def quiet() -> None:
    """An outage of 14 s makes 1,400 lines in aiokafka's log. Ours says it once; set the level to see theirs."""
    theirs = logging.getLogger("aiokafka")
    if theirs.level == logging.NOTSET:
        theirs.setLevel(logging.CRITICAL)


class Outage:
    """Says once that something does not work, and once that it works again."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.since: float | None = None
        self.tries = 0

    def failed(self, error: BaseException) -> float:
        """Returns how many seconds to wait before the next try."""
        if self.since is None:
            self.since = time.monotonic()
            why = str(error) or type(error).__name__
            log.warning("%s: %s; trying on (KILLCORD_BROKERS says where Kafka is)", self.what, why)
        self.tries += 1
        return float(min(PAUSE_S * 2 ** min(self.tries - 1, 10), PAUSE_AT_MOST_S))

    def worked(self) -> None:
        if self.since is not None:
            log.warning("%s: works again after %.1f s", self.what, time.monotonic() - self.since)
        self.since, self.tries = None, 0


class BackgroundLoop:
    """A daemon thread with an asyncio loop."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="killcord", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        self.loop.call_soon_threadsafe(function, *arguments)


_background: BackgroundLoop | None = None
_lock = threading.Lock()


def background() -> BackgroundLoop:
    """The loop that all synchronous clients of this process share. A forked child gets one of its own."""
    global _background
    with _lock:
        if _background is None:
            _background = BackgroundLoop()
        return _background


def _after_fork() -> None:
    # The thread stayed with the parent, and another may have held the lock.
    global _background, _lock
    _background, _lock = None, threading.Lock()
    _links.clear()


os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _close_background() -> None:
    global _background
    running, _background = _background, None
    if running is None or running.pid != os.getpid():
        return
    try:
        running.submit(_close_links(running.loop)).result(timeout=2)
    except (TimeoutError, concurrent.futures.TimeoutError, RuntimeError):
        pass  # the process ends; what could be sent was
    running.call(running.loop.stop)
    running.thread.join(timeout=1)
    if not running.loop.is_running():
        running.loop.close()


async def started(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """Raises what `UNREACHABLE` lists, and leaves nothing open then."""
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


class Link:
    """The one producer of a loop and its settings: acks=all, made at the first use, and again until it works.

    Made by `link`, given back with `release`; the last one to give it back closes the connection.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.users = 0
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def producer(self) -> AIOKafkaProducer:
        """Raises what `UNREACHABLE` lists."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **aiokafka_options(self.settings),
                    acks="all",
                    max_request_size=self.settings.max_message_bytes,
                    max_batch_size=self.settings.max_message_bytes,
                )
                self._producer = await started(producer)
            return self._producer

    async def partitions(self, topic: str) -> int:
        """How many the topic has. Raises what `UNREACHABLE` lists, for a missing topic too."""
        producer = await self.producer()
        return len(await producer.partitions_for(topic))

    async def send(self, topic: str, key: str, value: bytes | None, partition: int | None = None) -> float:
        """Returns when all replicas have it: the broker's Unix time. Raises what `UNREACHABLE` lists."""
        producer = await self.producer()
        sent = await producer.send_and_wait(topic, value, key=_bytes(key), partition=partition)
        return float(sent.timestamp or 0) / 1000

    async def send_all(self, topic: str, key: str, values: Sequence[bytes], partition: int) -> int:
        """As many of the first values as fit into one batch, in order, all or none. Returns how many."""
        producer = await self.producer()
        batch = producer.create_batch()
        taken = 0
        for value in values:
            if batch.append(key=_bytes(key), value=value, timestamp=None) is None:
                break
            taken += 1
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))
        return taken

    async def release(self) -> None:
        self.users -= 1
        if self.users <= 0:
            _links.pop((asyncio.get_running_loop(), self.settings), None)
            await self.close()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


_links: dict[tuple[asyncio.AbstractEventLoop, Settings], Link] = {}


def link(settings: Settings) -> Link:
    """The link of the running loop."""
    quiet()
    key = (asyncio.get_running_loop(), settings)
    found = _links.get(key)
    if found is None:
        found = _links[key] = Link(settings)
    found.users += 1
    return found


async def _close_links(loop: asyncio.AbstractEventLoop) -> None:
    for key in [key for key in _links if key[0] is loop]:
        await _links.pop(key).close()
    own = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not own]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
