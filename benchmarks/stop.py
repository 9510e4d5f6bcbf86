"""From a destructive event to the proven stop of its guarded process, on the real Kafka, under load.

Each kill: an event of a run that would delete everything is published; a worker judges it; `killcord guard` stops the
run's processes. Times are by this process alone: when it published, when it received the command and the proof from
Kafka, and when the kernel told it that the last of the run's processes was gone.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import cluster
from benchmarks.figures import Result, percentile
from benchmarks.latency import warm_up
from benchmarks.load import deadly
from benchmarks.processes import cpu_seconds, of_run, runs_on
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from monitor.client.reader import consumer, partitions_of
from monitor.messages import Ack, Command
from monitor.settings import Settings, aiokafka_options
from monitor.topics import Names

NAME = "stop"
RATES = {100.0: 30, 1_000.0: 150}  # events a second offered meanwhile: kills
ROUNDS = 3  # into which they are told
WAVE = 10  # guards at a time
BUDGET_S = 180.0  # for each rate; a machine that is too slow for it makes fewer kills
SATURATED_S = 10.0  # a worker that far behind will not make up for it
START_S = 60.0
CATCH_UP_S, CAUGHT_UP_S = 30.0, 0.1
STOP_S = 15.0
GAP_S = 0.2  # between two kills: what the last guard does at its end is not the next one's time
AIM_P99_MS = 50.0
PROGRAM = "sleep 3600 & setsid sleep 3600 & wait"
PROCESSES = 3  # of it


class Kill(Struct):
    """One run's times, in seconds of the monotonic clock. watching: its guard registered."""

    run_id: str
    published: float = 0.0
    command: float = 0.0
    stopped: float = 0.0
    gone: float = 0.0
    watching: bool = False

    @property
    def done(self) -> bool:
        return bool(self.command and self.stopped and self.gone)


async def measure(stage: Stage, quick: bool) -> Result:
    """Waves of guards; in each, one kill after the other."""
    if not quick:
        await warm_up(stage)
    policy = stage.directory / "policy.yaml"
    policy.write_text(cluster.UNGOVERNED)
    settings = replace(stage.settings(), policy=str(policy))
    result = Result(settings=told(settings))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(cluster.topics_of(settings))
        worker = await stack.enter_async_context(cluster.worker(stage, settings))
        observer = await stack.enter_async_context(_observing(settings))
        producer = await stack.enter_async_context(AIOKafkaProducer(**aiokafka_options(settings), acks="all"))
        for rate, kills in {1_000.0: 3}.items() if quick else RATES.items():
            await _at_rate(result, stage, settings, worker, observer, producer, rate, kills)
    return result


async def _at_rate(
    result: Result,
    stage: Stage,
    settings: Settings,
    worker: tuple[asyncio.subprocess.Process, str],
    observer: Observer,
    producer: AIOKafkaProducer,
    rate: float,
    kills: int,
) -> None:
    process, url = worker
    made: list[Kill] = []
    async with stage.program("load", ["-m", "benchmarks.load", f"{rate:g}"], settings) as load:
        reading = asyncio.create_task(_offered(load, observer))
        began, cpu = time.monotonic(), cpu_seconds(process.pid)
        behind = 0.0
        while len(made) < kills and time.monotonic() < began + BUDGET_S and behind < SATURATED_S:
            wave = [Kill(f"stop-{rate:g}-{len(made) + n}") for n in range(min(WAVE, kills - len(made)))]
            await _wave(stage, settings, observer, producer, url, wave)
            cluster.check_runs(stage, process)
            made += wave
            times = [_ms(kill.stopped, kill) for kill in wave if kill.done]
            told = f"p50 {percentile(times, 50):.0f} ms" if times else "none"
            say(f"stop at {rate:g}/s: {len(made)} of {kills}; {len(times)} of the last {len(wave)} proven, {told}")
            behind = (await cluster.metrics(url))["killcord_event_age_seconds"]
        busy = (cpu_seconds(process.pid) - cpu) / (time.monotonic() - began)
        if load.returncode is not None:
            raise StageError(f"the load ended with status {load.returncode}:\n{stage.last_words('load')}")
        reading.cancel()
    _report(result, f"at {rate:,.0f} events/s", made, observer.offered, busy, behind)


async def _wave(
    stage: Stage, settings: Settings, observer: Observer, producer: AIOKafkaProducer, url: str, kills: list[Kill]
) -> None:
    events = Names.of(settings.topic_prefix).events
    async with AsyncExitStack() as stack:
        for kill in kills:
            observer.kills[kill.run_id] = kill
            command = ["-m", "monitor", "guard", "--run-id", kill.run_id, "--wait", "30", "--", "sh", "-c", PROGRAM]
            await stack.enter_async_context(stage.program(kill.run_id, command, settings))
        processes = await _started(stage, kills)
        await _caught_up(url)
        for kill in kills:
            value = deadly(kill.run_id)
            going = asyncio.create_task(_gone(kill, processes[kill.run_id]))
            kill.published = time.monotonic()
            await producer.send(events, value, key=kill.run_id.encode())
            try:
                async with asyncio.timeout(STOP_S):
                    await going
                    while not kill.done:
                        await observer.changed()
            except TimeoutError:
                going.cancel()
                say(f"stop: run {kill.run_id} not proven within {STOP_S:g} s: {kill}")
            await asyncio.sleep(GAP_S)


async def _started(stage: Stage, kills: list[Kill]) -> dict[str, list[int]]:
    """The processes of each run, once all guards watch and all programs run."""
    until = time.monotonic() + START_S
    while True:
        found = of_run(*(kill.run_id for kill in kills))
        late = [kill.run_id for kill in kills if not kill.watching or len(found[kill.run_id]) < PROCESSES]
        if not late:
            return found
        if time.monotonic() > until:
            raise StageError(f"{late[0]} does not run under a guard after {START_S:g} s:\n{stage.last_words(late[0])}")
        await asyncio.sleep(0.2)


async def _caught_up(url: str) -> None:
    """Ten interpreters at their start keep a worker from its work: kills begin when it has made up for it."""
    until = time.monotonic() + CATCH_UP_S
    while (age := (await cluster.metrics(url)).get("killcord_event_age_seconds", 0.0)) > CAUGHT_UP_S:
        if time.monotonic() > until:
            say(f"stop: the worker is still {age:.1f} s behind after {CATCH_UP_S:g} s; going on")
            return
        await asyncio.sleep(0.3)


async def _gone(kill: Kill, pids: list[int]) -> None:
    """Waits until the kernel says that the last of them has ended, and looks into /proc."""
    loop = asyncio.get_running_loop()
    left = len(pids)
    ended = asyncio.Event()
    handles = [os.pidfd_open(pid) for pid in pids]

    def end(handle: int) -> None:
        nonlocal left
        loop.remove_reader(handle)
        left -= 1
        if not left:
            kill.gone = time.monotonic()
            ended.set()

    try:
        for handle in handles:
            loop.add_reader(handle, end, handle)
        await ended.wait()
        if any(runs_on(pid) for pid in pids) or of_run(kill.run_id)[kill.run_id]:
            raise StageError(f"run {kill.run_id}: /proc shows processes that were said to be gone")
    finally:
        for handle in handles:
            loop.remove_reader(handle)
            os.close(handle)


class Observer:
    """Stamps commands and acknowledgements as they are received."""

    def __init__(self) -> None:
        self.kills: dict[str, Kill] = {}
        self.offered = 0.0
        self._news = asyncio.Event()

    async def changed(self) -> None:
        self._news.clear()
        await self._news.wait()

    def take(self, names: Names, record: ConsumerRecord, now: float) -> None:
        if record.topic == names.control:
            command = msgspec.json.decode(record.value, type=Command)
            kill = self.kills.get(command.target)
            if kill is not None and command.action == "kill":
                kill.command = kill.command or now
        else:
            ack = msgspec.json.decode(record.value, type=Ack)
            kill = self.kills.get(ack.run_id)
            if kill is not None:
                kill.watching = kill.watching or ack.status == "watching"
                if ack.status == "stopped":
                    kill.stopped = kill.stopped or now
        self._news.set()


@asynccontextmanager
async def _observing(settings: Settings) -> AsyncIterator[Observer]:
    names = Names.of(settings.topic_prefix)
    observer = Observer()
    async with consumer(settings) as reader:
        reader.assign(await partitions_of(reader, [names.control, names.acks]))

        async def follow() -> None:
            while True:
                for records in (await reader.getmany(timeout_ms=1000)).values():
                    now = time.monotonic()
                    for record in records:
                        observer.take(names, record, now)

        following = asyncio.create_task(follow())
        try:
            yield observer
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _offered(load: asyncio.subprocess.Process, observer: Observer) -> None:
    """Keeps the rate that the load really has."""
    assert load.stdout
    async for line in load.stdout:
        told = msgspec.json.decode(line)
        observer.offered = told["sent"] / told["seconds"]


def _ms(at: float, kill: Kill) -> float:
    return (at - kill.published) * 1000


def _report(result: Result, at: str, kills: list[Kill], offered: float, busy: float, behind: float) -> None:
    done = [kill for kill in kills if kill.done]
    result.add(NAME, f"{at}: kills proven", len(done), f"of {len(kills)}", aim=len(kills), least=True)
    result.add(NAME, f"{at}: really offered", offered, "events/s")
    result.add(NAME, f"{at}: worker busy", busy * 100, "% of a core")
    saturated = "saturated: the worker cannot keep up here, so fewer kills were made" if behind > SATURATED_S else ""
    result.add(NAME, f"{at}: worker behind at the end", behind, "s", note=saturated)
    if not done:
        return
    ways = {
        "event to command on control": [_ms(kill.command, kill) for kill in done],
        "event to `stopped` received": [_ms(kill.stopped, kill) for kill in done],
        "event to processes really gone": [_ms(kill.gone, kill) for kill in done],
    }
    for name, times in ways.items():
        aim = AIM_P99_MS if name == "event to `stopped` received" else None
        note = f"{len(times)} kills in {len(_rounds(times))} rounds"
        for percent in (50, 99):
            each = [percentile(part, percent) for part in _rounds(times)]
            result.rounds(NAME, f"{at}: {name}, p{percent}", each, "ms", aim=aim if percent == 99 else None, note=note)
        result.add(NAME, f"{at}: {name}, max", max(times), "ms")
    stopped = ways["event to `stopped` received"]
    result.summary.append(
        f"From the event to the proven stop of a guarded process {at} ({len(done)} of {len(kills)} kills): "
        f"p50 {percentile(stopped, 50):.0f} ms, p99 {percentile(stopped, 99):.0f} ms "
        f"(to reach: {AIM_P99_MS:.0f}){f'; {saturated}' if saturated else ''}."
    )


def _rounds(times: list[float]) -> list[list[float]]:
    """As they came, in equal parts.

    >>> _rounds([1.0, 2.0, 3.0, 4.0])
    [[1.0, 2.0], [3.0, 4.0]]
    >>> _rounds([1.0])
    [[1.0]]
    """
    size = -(-len(times) // ROUNDS)
    return [times[n : n + size] for n in range(0, len(times), size)]
