"""Topics, a worker and produced events on the real Kafka, as every benchmark on it needs them."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from msgspec.structs import replace

from benchmarks.show import say
from benchmarks.stage import Stage, StageError
from monitor.settings import Settings
from monitor.topics import Names, topics
from monitor.topics.admin import create
from monitor.topics.connect import admin_client

START_S = 60.0
# A policy: the governor would turn a benchmark's kills into pauses, as it should.
UNGOVERNED = "governor: {kills_per_minute: 100000, share_of_runs: 1.0, share_after_kills: 100000}\n"
READY_POLL_S = 0.05
_LAG = re.compile(r'killcord_lag_events\{partition="(\d+)"\}')


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
            try:
                await client.delete_topics([topic.name for topic in topics(settings)])
            except KafkaError as error:  # what was measured stands
                say(f"topics of {settings.topic_prefix} were not deleted: {error!r}")


@asynccontextmanager
async def worker(
    stage: Stage,
    settings: Settings,
    command: tuple[str, ...] = ("-m", "monitor", "worker"),
    ready: bool = True,
    name: str = "worker",
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """One ``killcord worker``, and where it serves its metrics. ``ready``: wait until it judges."""
    told = with_port(settings)
    url = f"http://{told.metrics_host}:{told.metrics_port}"
    async with stage.program(name, command, told) as process:
        if ready:
            await until_ready(stage, process, url, name)
        yield process, url


async def until_ready(stage: Stage, process: asyncio.subprocess.Process, url: str, name: str = "worker") -> None:
    """Waits until the worker says that it judges. Raises StageError where it does not."""
    until = time.monotonic() + START_S
    while not await asyncio.to_thread(_get, f"{url}/readyz"):
        check_runs(stage, process, name)
        if time.monotonic() > until:
            raise StageError(f"the worker was not ready within {START_S:g} s:\n{stage.last_words(name)}")
        await asyncio.sleep(READY_POLL_S)


def with_port(settings: Settings) -> Settings:
    """The same, with metrics and readiness at a free port."""
    return replace(settings, metrics_port=_free_port())


def with_directory(stage: Stage, settings: Settings, name: str) -> Settings:
    """The same, with a disk of its own for a copy of its states."""
    return replace(settings, data_dir=str(stage.directory / f"{settings.topic_prefix}-{name}"))


async def until_shared(urls: Sequence[str], partitions: int, within_s: float) -> list[set[int]]:
    """Waits until each worker has some of the partitions, and together all; returns whose are which."""
    until = time.monotonic() + within_s
    while True:
        found = [await assigned(url) for url in urls]
        if all(found) and sum(map(len, found)) == partitions == len(set().union(*found)):
            return found
        if time.monotonic() > until:
            raise StageError(f"{len(urls)} workers did not share {partitions} partitions in {within_s:g} s: {found}")
        await asyncio.sleep(READY_POLL_S)


async def assigned(url: str) -> set[int]:
    """The partitions of the event topic that a worker has; none while it is not ready."""
    if not await asyncio.to_thread(_get, f"{url}/readyz"):
        return set()
    found = (_LAG.fullmatch(name) for name in await metrics(url))
    return {int(match[1]) for match in found if match}


def check_runs(stage: Stage, process: asyncio.subprocess.Process, name: str = "worker") -> None:
    """Raises StageError for a worker that has ended."""
    if process.returncode is not None:
        raise StageError(f"the worker ended with status {process.returncode}:\n{stage.last_words(name)}")


async def metrics(url: str) -> dict[str, float]:
    """Every sample of a worker by its name with labels."""
    text = await asyncio.to_thread(_get, f"{url}/metrics")
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


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
