"""Topics, a worker and produced events on the real Kafka, as every benchmark on it needs them."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from benchmarks.stage import Stage, StageError, worker_settings
from detectors.event import Event, encode
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names, topics
from monitor.topics.admin import create
from monitor.topics.connect import admin_client

START_S = 60.0


@asynccontextmanager
async def topics_of(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """All topics of ``settings``, deleted afterwards; an admin client."""
    async with admin_client(settings) as client:
        made = await create(client, settings)
        if made.problems:
            raise StageError(f"the topics could not be created: {made.problems[0]}")
        try:
            yield client
        finally:
            await client.delete_topics([topic.name for topic in topics(settings)])


@asynccontextmanager
async def worker(
    stage: Stage, settings: Settings, command: tuple[str, ...] = ("-m", "monitor", "worker"), ready: bool = True
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """One ``killcord worker``, and where it serves its metrics. ``ready``: wait until it judges."""
    told = worker_settings(settings, _free_port())
    url = f"http://{told.metrics_host}:{told.metrics_port}"
    async with stage.program("worker", command, told) as process:
        until = time.monotonic() + START_S
        while ready and not await asyncio.to_thread(_get, f"{url}/readyz"):
            check_runs(stage, process)
            if time.monotonic() > until:
                raise StageError(f"the worker was not ready within {START_S:g} s:\n{stage.last_words('worker')}")
            await asyncio.sleep(0.1)
        yield process, url


def check_runs(stage: Stage, process: asyncio.subprocess.Process) -> None:
    """Raises StageError for a worker that has ended."""
    if process.returncode is not None:
        raise StageError(f"the worker ended with status {process.returncode}:\n{stage.last_words('worker')}")


async def metrics(url: str) -> dict[str, float]:
    """Every sample of a worker by its name with labels."""
    text = await asyncio.to_thread(_get, f"{url}/metrics")
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def produce(settings: Settings, events: Iterable[Event], count: int) -> int:
    """The first ``count`` events, keyed by run. Returns their bytes."""
    topic, size = Names.of(settings.topic_prefix).events, 0
    async with AIOKafkaProducer(**aiokafka_options(settings), acks="all", linger_ms=5) as producer:
        waiting = []
        for _, event in zip(range(count), events, strict=False):
            value = encode(event)
            size += len(value)
            waiting.append(await producer.send(topic, value, key=event.run_id.encode()))
            if len(waiting) == 5_000:
                await asyncio.gather(*waiting)
                waiting = []
        await asyncio.gather(*waiting)
    return size


async def committed(client: AIOKafkaAdminClient, settings: Settings) -> int:
    """Messages of the event topic that the worker's group has committed."""
    topic = Names.of(settings.topic_prefix).events
    try:
        offsets = await client.list_consumer_group_offsets(settings.app_id)
    except GroupCoordinatorNotAvailableError:  # the first group of a new cluster
        return 0
    return sum(entry.offset for place, entry in offsets.items() if place.topic == topic and entry.offset > 0)


def _get(url: str) -> str:
    """The body; empty where it does not answer with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:
            text: str = answer.read().decode()
            return text or "ok"
    except (urllib.error.URLError, OSError):
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
