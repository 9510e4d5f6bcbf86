"""How quick programs drain a backlog, their start left out.

They are started on topics that hold a warm-up only, and held (SIGSTOP) once they have committed it; then the backlog is
produced, and they go on. So the time begins with everything there, and all that they spend falls to these events.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import cluster
from benchmarks.fill import fill
from benchmarks.processes import cpu_seconds
from benchmarks.recorded import Keyed
from benchmarks.stage import Stage, StageError
from monitor.client.reader import consumer, partitions_of
from monitor.settings import Settings
from monitor.topics import Names

POLL_S = 0.02
STALL_S = 60.0


class Drained(Struct, kw_only=True):
    """One way of reading a backlog. cpu_seconds: of all reading processes; fill: of the broker while it was filled."""

    events: float
    seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float = 0.0
    fill_broker_cpu_seconds: float = 0.0
    bytes: float = 0.0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of the reading processes, µs an event."""
        return self.cpu_seconds / self.events * 1e6

    @property
    def broker_us(self) -> float:
        """CPU of the broker while they read, µs an event."""
        return self.broker_cpu_seconds / self.events * 1e6


class Running(Struct):
    """A process, and the name of its log."""

    name: str
    process: asyncio.subprocess.Process


def patient(settings: Settings) -> Settings:
    """The same, with a session that outlasts being held."""
    return replace(settings, session_timeout_s=60.0, request_timeout_s=90.0)


async def drained(
    stage: Stage,
    settings: Settings,
    client: AIOKafkaAdminClient,
    running: Sequence[Running],
    messages: Sequence[Keyed],
    warm: int,
    until: int | None = None,
) -> Drained:
    """The first ``warm`` messages warm up, the rest is the backlog. ``until``: of it, how many are enough (all)."""
    await asyncio.to_thread(fill, settings, messages[:warm])
    await until_committed(stage, client, settings, running, warm)
    pids = [each.process.pid for each in running]
    for each in running:
        each.process.send_signal(signal.SIGSTOP)
    broker = cpu_seconds(stage.broker_pid)
    size = await asyncio.to_thread(fill, settings, messages[warm:])
    filled = cpu_seconds(stage.broker_pid)
    cpu, began = sum(map(cpu_seconds, pids)), time.monotonic()
    for each in running:
        each.process.send_signal(signal.SIGCONT)
    done = await until_committed(stage, client, settings, running, warm + (until or len(messages) - warm)) - warm
    return Drained(
        events=done,
        seconds=time.monotonic() - began,
        cpu_seconds=sum(map(cpu_seconds, pids)) - cpu,
        broker_cpu_seconds=cpu_seconds(stage.broker_pid) - filled,
        fill_broker_cpu_seconds=filled - broker,
        bytes=size / max(1, len(messages) - warm),
    )


async def until_committed(
    stage: Stage, client: AIOKafkaAdminClient, settings: Settings, running: Sequence[Running], count: int
) -> int:
    """Waits until that many messages are committed; returns how many are."""
    last, moved = -1, time.monotonic()
    while True:
        for each in running:
            if each.process.returncode is not None:
                raise StageError(
                    f"{each.name} ended with status {each.process.returncode}:\n{stage.last_words(each.name)}"
                )
        now = await cluster.committed(client, settings)
        if now >= count:
            return now
        if now != last:
            last, moved = now, time.monotonic()
        if time.monotonic() - moved > STALL_S:
            raise StageError(
                f"{now} of {count} events committed, and none for {STALL_S:g} s:\n{stage.last_words(running[0].name)}"
            )
        await asyncio.sleep(POLL_S)


async def bare(stage: Stage, settings: Settings, way: str, backlog: Sequence[Keyed] = ()) -> Drained:
    """A bare aiokafka loop over all of the event topic, after ``backlog`` was produced to it."""
    if backlog:
        await asyncio.to_thread(fill, settings, backlog)
    name = f"bare-{way}"
    count = await total(settings)
    async with stage.program(name, ["-m", "benchmarks.bare_loop", way, str(count)], settings) as process:
        broker = cpu_seconds(stage.broker_pid)
        said, _ = await process.communicate()
    if process.returncode:
        raise StageError(f"the bare loop ended with status {process.returncode}:\n{stage.last_words(name)}")
    found = msgspec.json.decode(said, type=Drained)
    found.broker_cpu_seconds = cpu_seconds(stage.broker_pid) - broker
    return found


async def total(settings: Settings) -> int:
    """Messages in the event topic."""
    async with consumer(settings) as reader:
        places = await partitions_of(reader, [Names.of(settings.topic_prefix).events])
        return sum((await reader.end_offsets(places)).values())
