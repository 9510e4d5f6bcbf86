"""A checkpoint of many dirty runs and the recovery of many run states, beside a Faust table's writes and recovery.

A recovery is timed as the worker's own metric has it, from the assignment of its partitions to the last of its states,
and beside it from the worker's start to its first kill.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer
from msgspec import Struct
from msgspec.structs import replace

from benchmarks import cluster
from benchmarks.figures import Result, percentile
from benchmarks.fill import fill
from benchmarks.held import Running, patient, until_committed
from benchmarks.load import deadly
from benchmarks.recorded import Keyed
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from detectors.event import RunStarted, ToolCall, encode
from monitor.client.reader import consumer, partitions_of
from monitor.decode import Decoded, decode
from monitor.engine.engine import Engine, partition_of
from monitor.engine.outcome import Position
from monitor.engine.state import encode as state_bytes
from monitor.engine.state import new
from monitor.policy import Policy
from monitor.settings import Settings
from monitor.topics import Names
from monitor.topics.spec import changelog

NAME = "recovery"
DIRTY, STATES = 80_000, 100_000
AIM_CHECKPOINT_S, AIM_EMPTY_S, AIM_DISK_S = 1.0, 10.0, 1.0
WAIT_S = 180.0
KNOWN_S = 10.0  # the worker counts them once a second
POLL_S = 0.05
CHECKPOINT = "killcord_checkpoint_seconds"


class Start(Struct):
    """Seconds from the start to the first kill; of it, in recovering states."""

    first_kill: float
    recovery: float


class Kept(Struct, kw_only=True):
    """Seconds: of the checkpoint, and of starts with nothing to recover, with an empty disk, with its own.

    checkpoints, records: in how many, and what they wrote.
    """

    checkpoint: float
    checkpoints: int
    records: int
    nothing: Start
    empty: Start
    disk: Start


class Stock(Struct):
    """Seconds."""

    write: float
    recover: float


async def measure(stage: Stage, quick: bool) -> Result:
    """Killcord in each round; the Faust table, which takes the longest, in one."""
    dirty, states, rounds = (2_000, 2_500, 1) if quick else (DIRTY, STATES, 3)
    policy = stage.directory / "policy.yaml"
    policy.write_text(cluster.UNGOVERNED)
    found: list[Kept] = []
    size = _state_size()
    for n in range(rounds):
        settings = replace(
            patient(stage.settings()), policy=str(policy), checkpoint_interval_s=5.0 if quick else 20.0,
            checkpoint_events=10_000_000,
        )  # fmt: skip
        found.append(await _killcord(stage, cluster.with_directory(stage, settings, "worker"), dirty, states))
        last = found[-1]
        say(
            f"recovery, round {n + 1} of {rounds}: checkpoint of {last.records:,} runs {last.checkpoint:.2f} s "
            f"in {last.checkpoints}; recovery of {states:,} {last.empty.recovery:.2f} s, with its disk "
            f"{last.disk.recovery:.2f} s; first kill {last.empty.first_kill:.1f} and {last.disk.first_kill:.1f} s "
            f"after a start, {last.nothing.first_kill:.1f} with nothing to recover"
        )
    stock = await _stock(stage, patient(stage.settings()), dirty, states, size)
    say(f"recovery: Faust table: {dirty:,} writes {stock.write:.1f} s, {states:,} recovered in {stock.recover:.1f} s")
    result = Result(settings=told(settings))
    _report(result, found, stock, dirty, states, size)
    return result


async def _killcord(stage: Stage, settings: Settings, dirty: int, states: int) -> Kept:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(cluster.topics_of(settings))
        reader = await stack.enter_async_context(consumer(settings))
        reader.assign(await partitions_of(reader, [Names.of(settings.topic_prefix).control]))
        topic = changelog(settings, "runs")
        await _started(stage, settings, reader, "first")  # its group is new, which takes longer
        nothing = await _started(stage, settings, reader, "nothing")
        async with cluster.worker(stage, settings) as (process, url):
            running = [Running("worker", process)]
            await until_committed(stage, client, settings, running, 2)
            before, records = await cluster.metrics(url), await _end(settings, topic)
            await asyncio.to_thread(fill, settings, list(_runs(range(dirty))))
            await until_committed(stage, client, settings, running, 2 + 2 * dirty)
            # Offsets are committed a moment before the checkpoint is over and counted.
            after, written = await _counted(url, before[f"{CHECKPOINT}_count"]), await _end(settings, topic) - records
            await asyncio.to_thread(fill, settings, list(_runs(range(dirty, states))))
            await _judged(url, 2 * states)  # its end checkpoints the rest
        disk = await _started(stage, settings, reader, "disk")
        shutil.rmtree(settings.data_dir, ignore_errors=True)
        empty = await _started(stage, settings, reader, "empty", states)
        return Kept(
            checkpoint=after[f"{CHECKPOINT}_sum"] - before[f"{CHECKPOINT}_sum"],
            checkpoints=round(after[f"{CHECKPOINT}_count"] - before[f"{CHECKPOINT}_count"]),
            records=written,
            nothing=nothing,
            empty=empty,
            disk=disk,
        )


async def _counted(url: str, before: float) -> dict[str, float]:
    """The worker's samples once it has counted more checkpoints."""
    until = time.monotonic() + KNOWN_S
    while (samples := await cluster.metrics(url))[f"{CHECKPOINT}_count"] <= before:
        if time.monotonic() > until:
            raise StageError(f"the worker committed, and counted no checkpoint within {KNOWN_S:g} s")
        await asyncio.sleep(POLL_S)
    return samples


async def _judged(url: str, events: int) -> None:
    until = time.monotonic() + WAIT_S
    while (done := _events(await cluster.metrics(url))) < events:
        if time.monotonic() > until:
            raise StageError(f"the worker judged {done:,.0f} of {events:,} events in {WAIT_S:g} s")
        await asyncio.sleep(POLL_S)


def _events(samples: dict[str, float]) -> float:
    return sum(value for name, value in samples.items() if name.startswith("killcord_events_total"))


async def _started(stage: Stage, settings: Settings, reader: AIOKafkaConsumer, run_id: str, states: int = 0) -> Start:
    """A worker's start, its end included. ``states``: so many runs must be known to it."""
    await asyncio.to_thread(fill, settings, [(run_id.encode(), deadly(run_id))])
    began = time.monotonic()
    async with cluster.worker(stage, settings, ready=False) as (_, url):
        seconds = await _first_kill(reader, run_id, began)
        until = time.monotonic() + KNOWN_S
        while (known := (samples := await cluster.metrics(url)).get("killcord_runs", 0.0)) < states:
            if time.monotonic() > until:
                raise StageError(f"the worker knows {known:,.0f} of {states:,} runs after its recovery")
            await asyncio.sleep(POLL_S)
    return Start(seconds, samples["killcord_recovery_seconds"])


async def _first_kill(reader: AIOKafkaConsumer, run_id: str, began: float) -> float:
    while time.monotonic() - began < WAIT_S:
        for records in (await reader.getmany(timeout_ms=1000)).values():
            if any(record.key == run_id.encode() for record in records):
                return time.monotonic() - began
    raise StageError(f"run {run_id} was not killed within {WAIT_S:g} s of the worker's start")


async def _stock(stage: Stage, settings: Settings, dirty: int, states: int, size: int) -> Stock:
    """A write counts when it is in the changelog; Faust sends them with its commits."""
    async with cluster.topics_of(settings):
        topic = changelog(settings, "runs")
        command = ("-m", "benchmarks.stock_table", str(size))
        began = time.monotonic()
        async with stage.program("table", command, settings) as process:
            baseline = await _recovered(stage, process, began)
            began = time.monotonic()
            await asyncio.to_thread(fill, settings, list(_orders(settings, dirty)))
            await _until_end(settings, topic, dirty)
            write = time.monotonic() - began
            await asyncio.to_thread(fill, settings, list(_orders(settings, states - dirty)))
            await _until_end(settings, topic, states)
        began = time.monotonic()
        async with stage.program("table", command, settings) as process:
            return Stock(write, max(0.0, await _recovered(stage, process, began) - baseline))


async def _recovered(stage: Stage, process: asyncio.subprocess.Process, began: float) -> float:
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), WAIT_S)
    if not line:
        raise StageError(f"the Faust app with a table ended:\n{stage.last_words('table')}")
    return time.monotonic() - began


def _orders(settings: Settings, keys: int) -> Iterable[Keyed]:
    """One message a partition, which share the keys to write."""
    for partition in range(settings.partitions):
        key = next(name for n in range(10_000) if partition_of(name := f"order-{n}", settings.partitions) == partition)
        share = keys // settings.partitions + (partition < keys % settings.partitions)
        yield key.encode(), str(share).encode()


def _runs(numbers: Iterable[int]) -> Iterable[Keyed]:
    """Two events a run: its start and a call."""
    now = time.time()
    for n in numbers:
        run_id = f"many-{n}"
        common = {"time": now, "run_id": run_id, "agent_id": "main", "agent_name": "coder", "publisher": "sdk"}
        start = RunStarted(
            **common, id=f"{run_id}-1", seq=1, task="Make the failing test pass.", workspace="/workspace"
        )
        arguments = {"command": f"python -m pytest tests/test_{n % 97}.py -q"}
        call = ToolCall(**common, id=f"{run_id}-2", seq=2, tool="bash", call_id="1", arguments=arguments)
        yield run_id.encode(), encode(start)
        yield run_id.encode(), encode(call)


def _state_size() -> int:
    """Bytes of the state of one of these runs."""
    engine, state = Engine(Policy.load()), new("many-0")
    for n, (_, value) in enumerate(_runs([0])):
        decoded = decode(value)
        assert isinstance(decoded, Decoded)
        engine.take(state, decoded.events, Position("events", 0, n, time.time()))
    return len(state_bytes(state))


async def _end(settings: Settings, topic: str) -> int:
    """Records that were ever written to a topic."""
    async with consumer(settings) as reader:
        return sum((await reader.end_offsets(await partitions_of(reader, [topic]))).values())


async def _until_end(settings: Settings, topic: str, count: int) -> None:
    until = time.monotonic() + WAIT_S
    async with consumer(settings) as reader:
        places = await partitions_of(reader, [topic])
        while (now := sum((await reader.end_offsets(places)).values())) < count:
            if time.monotonic() > until:
                raise StageError(f"{now:,} of {count:,} table writes in the changelog after {WAIT_S:g} s")
            await asyncio.sleep(POLL_S)


def _report(result: Result, found: list[Kept], stock: Stock, dirty: int, states: int, size: int) -> None:
    records, cuts = percentile([k.records for k in found], 50), percentile([k.checkpoints for k in found], 50)
    checkpoint = result.rounds(
        NAME, f"checkpoint of {dirty:,} dirty runs", [k.checkpoint for k in found], "s", aim=AIM_CHECKPOINT_S,
        note=f"{records:,.0f} records of {size} bytes in {cuts:.0f} checkpoints",
    )  # fmt: skip
    empty = result.rounds(
        NAME, f"recovery of {states:,} runs, empty disk", [k.empty.recovery for k in found], "s", aim=AIM_EMPTY_S
    )
    disk = result.rounds(
        NAME, f"recovery of {states:,} runs, its own disk", [k.disk.recovery for k in found], "s", aim=AIM_DISK_S
    )
    for name, starts in (
        ("nothing to recover", [k.nothing for k in found]),
        (f"{states:,} runs, empty disk", [k.empty for k in found]),
        (f"{states:,} runs, its own disk", [k.disk for k in found]),
    ):
        result.rounds(NAME, f"start to first kill, {name}", [start.first_kill for start in starts], "s")
    result.add(NAME, f"Faust table: {dirty:,} writes", stock.write, "s", note=f"{size} bytes each, once")
    result.add(
        NAME,
        f"Faust table in memory: recovery of {states:,}",
        stock.recover,
        "s",
        note="once; less a start with an empty table",
    )
    result.summary.append(
        f"A checkpoint of {dirty:,} dirty runs takes {checkpoint:.1f} s (as writes to a Faust table: {stock.write:.0f} "
        f"s); a worker takes over {states:,} runs in {empty:.1f} s with an empty disk and {disk:.1f} s with its own "
        f"(Faust's table in memory: {stock.recover:.0f} s)."
    )
