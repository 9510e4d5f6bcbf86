"""The first kill after a worker's SIGKILL: by the worker that is left, and by the same one started again at once.

Two workers share 8 partitions under load; every 20 ms an event that must be killed for goes to one partition after the
other. The time runs from the SIGKILL to the first kill received of each partition that the dead worker had.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import cluster
from benchmarks.figures import Result
from benchmarks.fill import producer
from benchmarks.load import deadly
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from monitor.client.reader import consumer, partitions_of
from monitor.engine.engine import partition_of
from monitor.settings import Settings
from monitor.topics import Names

NAME = "takeover"
RATE = 2_000.0
EVERY_S = 0.02
BEFORE_S = 5.0
LOST_S = 60.0
SHARED_S = 60.0
OVER_SESSION_S, AIM_STATIC_S = 1.0, 3.0
LEFT, AGAIN = "taken over by the worker that is left", "restarted at once, static ids"


class Taken(Struct):
    """Seconds from the SIGKILL: to the first kill of an orphaned partition, and until every one had a kill."""

    first: float
    every: float
    twice: int
    lost: int


async def measure(stage: Stage, quick: bool) -> Result:
    """Both ways in each round."""
    rounds = 1 if quick else 3
    found: dict[str, list[Taken]] = {LEFT: [], AGAIN: []}
    policy = stage.directory / "policy.yaml"
    policy.write_text(cluster.UNGOVERNED)
    for n in range(rounds):
        for way, of in found.items():
            settings = replace(stage.settings(), policy=str(policy))
            of.append(await _once(stage, settings, way == AGAIN))
            say(
                f"takeover, round {n + 1} of {rounds}: {way}: first kill after {of[-1].first:.2f} s, all partitions "
                f"after {of[-1].every:.2f} s"
            )
    result = Result(settings=told(stage.settings()))
    _report(result, found, stage.settings().session_timeout_s)
    return result


async def _once(stage: Stage, settings: Settings, again: bool) -> Taken:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(cluster.topics_of(settings))
        own = []
        for n in range(2):
            told = cluster.with_directory(stage, settings, f"worker-{n}")
            own.append(replace(told, worker_instance_id=f"w{n}") if again else told)
        (dying, url), (_, other) = [
            await stack.enter_async_context(cluster.worker(stage, settings, name=f"worker-{n}"))
            for n, settings in enumerate(own)
        ]
        orphaned, _ = await cluster.until_shared([url, other], settings.partitions, SHARED_S)
        reader = await stack.enter_async_context(consumer(settings))
        reader.assign(await partitions_of(reader, [Names.of(settings.topic_prefix).control]))
        load = await stack.enter_async_context(stage.program("load", ["-m", "benchmarks.load", f"{RATE:g}"], settings))
        kills = _Kills(producer(settings, acks="all", linger_ms=0), settings)
        await kills.until(reader, time.monotonic() + BEFORE_S)
        killed = time.monotonic()
        dying.send_signal(signal.SIGKILL)
        kills.came.clear()  # what was received until now; what was under way then is of the dead worker
        already = set(kills.sent)
        if again:
            await stack.enter_async_context(cluster.worker(stage, own[0], name="worker-again", ready=False))
        first: dict[int, float] = {}
        while orphaned - first.keys():
            await kills.until(reader, time.monotonic() + EVERY_S)
            for run_id, at in kills.came.items():
                if run_id not in already:
                    first.setdefault(kills.sent[run_id], at)
            if time.monotonic() - killed > LOST_S:
                raise StageError(f"no kill from partitions {orphaned - first.keys()} {LOST_S:g} s after the SIGKILL")
        load.terminate()  # what is late now only waits for its turn
        until = time.monotonic() + LOST_S
        while len(kills.received) < len(kills.sent) and time.monotonic() < until:
            await kills.until(reader, time.monotonic() + EVERY_S, send=False)
        times = [first[partition] - killed for partition in orphaned]
        return Taken(min(times), max(times), kills.twice, len(kills.sent) - len(kills.received))


class _Kills:
    """Sends one to each partition in turn, and receives what comes of it.

    sent: run id to partition. came: when, by run id, since it was last cleared. twice: commands beyond a run's first.
    """

    def __init__(self, writer: Producer, settings: Settings) -> None:
        self.sent: dict[str, int] = {}
        self.came: dict[str, float] = {}
        self.received: set[str] = set()
        self.twice = 0
        self._writer, self._topic = writer, Names.of(settings.topic_prefix).events
        self._runs = _runs(settings.partitions)

    async def until(self, reader: AIOKafkaConsumer, until: float, send: bool = True) -> None:
        """Goes on until this time of the monotonic clock."""
        while time.monotonic() < until:
            if send:
                run_id, partition = next(self._runs)
                self._writer.produce(self._topic, deadly(run_id), run_id.encode())
                self.sent[run_id] = partition
            self._writer.poll(0)
            next_at = time.monotonic() + EVERY_S
            for records in (await reader.getmany(timeout_ms=round(EVERY_S * 1000))).values():
                for record in records:
                    run_id = (record.key or b"").decode()
                    self.twice += run_id in self.received
                    self.received.add(run_id)
                    self.came.setdefault(run_id, time.monotonic())
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))


def _runs(partitions: int) -> Iterator[tuple[str, int]]:
    """Run ids for one partition after the other.

    >>> [partition for _, partition in itertools.islice(_runs(3), 5)]
    [0, 1, 2, 0, 1]
    """
    for n in itertools.count():
        wanted = n % partitions
        names = (f"takeover-{n}-{m}" for m in itertools.count())
        yield next(name for name in names if partition_of(name, partitions) == wanted), wanted


def _report(result: Result, found: dict[str, list[Taken]], session_s: float) -> None:
    for way, of in found.items():
        aim = AIM_STATIC_S if way == AGAIN else session_s + OVER_SESSION_S
        note = "" if way == AGAIN else f"session timeout {session_s:g} s"
        first = result.rounds(NAME, f"{way}: first kill", [t.first for t in of], "s", aim=aim, note=note)
        every = result.rounds(NAME, f"{way}: a kill of every orphaned partition", [t.every for t in of], "s", aim=aim)
        result.add(NAME, f"{way}: kills lost", sum(t.lost for t in of), "", aim=0)
        result.add(NAME, f"{way}: kills sent twice", sum(t.twice for t in of), "", note="consumers drop the second")
        result.summary.append(
            f"After a worker's SIGKILL under {RATE:,.0f} events/s, {way}: the first kill of an orphaned partition "
            f"comes after {first:.1f} s, one of each after {every:.1f} s."
        )
