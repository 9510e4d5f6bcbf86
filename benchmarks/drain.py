"""Events a second drained by one worker, beside bare aiokafka loops over the same backlog."""

from __future__ import annotations

import asyncio
import time

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from benchmarks import cluster
from benchmarks.figures import Result
from benchmarks.processes import cpu_seconds
from benchmarks.runs import fleet
from benchmarks.show import say
from benchmarks.stage import Stage, StageError
from monitor.settings import Settings

NAME = "drain"
POLL_S = 0.05
STALL_S = 60.0
COUNTED_S = 5.0  # how long a worker may take to show what it judged


class Drained(Struct, kw_only=True):
    """One way of reading the backlog. judged_s: in decoding and judging, as the worker's own metrics say."""

    events: float
    seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float = 0.0
    judged_s: float = 0.0
    checkpoint_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of the reading process, µs an event."""
        return self.cpu_seconds / self.events * 1e6


async def measure(stage: Stage, quick: bool) -> Result:
    """All ways in each round, on the same events; the median of the rounds."""
    count, rounds = (3_000, 1) if quick else (40_000, 3)
    found: dict[str, list[Drained]] = {"worker": [], "engine": [], "decode": []}
    size = 0
    for n in range(rounds):
        settings = stage.settings()
        async with cluster.topics_of(settings) as client:
            say(f"drain, round {n + 1} of {rounds}: producing a backlog of {count:,} events")
            size = await cluster.produce(settings, fleet(7, begin=time.time()), count)
            for way in ("decode", "engine"):
                found[way].append(await _bare(stage, settings, way, count))
                say(f"drain: bare aiokafka loop, {way}: {found[way][-1].rate:,.0f} events/s")
            found["worker"].append(await _worker(stage, settings, client, count))
            say(f"drain: one worker: {found['worker'][-1].rate:,.0f} events/s")
    return _result(found, size / count, count)


async def _bare(stage: Stage, settings: Settings, way: str, count: int) -> Drained:
    async with stage.program(f"bare-{way}", ["-m", "benchmarks.bare_loop", way, str(count)], settings) as process:
        broker = cpu_seconds(stage.broker_pid)
        said, _ = await process.communicate()
    if process.returncode:
        raise StageError(f"the bare loop ended with status {process.returncode}:\n{stage.last_words(f'bare-{way}')}")
    drained = msgspec.json.decode(said, type=Drained)
    drained.broker_cpu_seconds = cpu_seconds(stage.broker_pid) - broker
    return drained


async def _worker(stage: Stage, settings: Settings, client: AIOKafkaAdminClient, count: int) -> Drained:
    """From the first commit to the one that covers all: its start, and what it did until the first commit, left out."""
    async with cluster.worker(stage, settings, ready=False) as (process, url):
        first = await until_committed(stage, client, settings, process, 1)
        began, worker_cpu, broker_cpu = time.monotonic(), cpu_seconds(process.pid), cpu_seconds(stage.broker_pid)
        last = first if first >= count else await until_committed(stage, client, settings, process, count)
        drained = Drained(
            events=last - first,
            seconds=time.monotonic() - began,
            cpu_seconds=cpu_seconds(process.pid) - worker_cpu,
            broker_cpu_seconds=cpu_seconds(stage.broker_pid) - broker_cpu,
        )
        if not drained.events:
            raise StageError(f"the worker committed all {count} events at once: measure with more")
        samples = await _all_counted(url, count)
        share = drained.events / count
        drained.judged_s = samples["killcord_process_seconds_sum"] * share
        drained.checkpoint_s = samples["killcord_checkpoint_seconds_sum"] * share
    return drained


async def _all_counted(url: str, count: int) -> dict[str, float]:
    """The worker's samples once they cover every event: it hands over its counts a few times a second."""
    until = time.monotonic() + COUNTED_S
    while True:
        samples = await cluster.metrics(url)
        judged = sum(value for name, value in samples.items() if name.startswith("killcord_events_total"))
        if judged == count:
            return samples
        if time.monotonic() > until:
            raise StageError(f"the worker judged {judged:,.0f} of {count:,} events, and committed all")
        await asyncio.sleep(0.1)


async def until_committed(
    stage: Stage, client: AIOKafkaAdminClient, settings: Settings, process: asyncio.subprocess.Process, wanted: int
) -> int:
    """How many events are committed once at least ``wanted`` are. Raises StageError if it stands still for 60 s."""
    before, moved = 0, time.monotonic()
    while (now := await cluster.committed(client, settings)) < wanted:
        cluster.check_runs(stage, process)
        if now > before:
            before, moved = now, time.monotonic()
        if time.monotonic() > moved + STALL_S:
            raise StageError(f"the worker stands still at {now} of {wanted} events:\n{stage.last_words('worker')}")
        await asyncio.sleep(POLL_S)
    return now


def _result(found: dict[str, list[Drained]], size: float, count: int) -> Result:
    result = Result()
    note = f"{count:,} events of {size:.0f} bytes"
    worker, engine, decode = found["worker"], found["engine"], found["decode"]
    rate = result.rounds(NAME, "one worker", [d.rate for d in worker], "events/s", note=note)
    beside = result.rounds(NAME, "bare aiokafka, same engine", [d.rate for d in engine], "events/s")
    result.rounds(NAME, "bare aiokafka, decoding only", [d.rate for d in decode], "events/s")
    ratios = [w.rate / e.rate for w, e in zip(worker, engine, strict=True)]
    ratio = result.rounds(NAME, "worker / bare with engine", ratios, "", note="the batch lane's aim is 0.8")
    result.rounds(
        NAME, "worker / bare decoding only", [w.rate / d.rate for w, d in zip(worker, decode, strict=True)], ""
    )
    result.rounds(NAME, "worker CPU", [d.cpu_us for d in worker], "µs/event", note="all threads")
    result.rounds(NAME, "bare with engine, CPU", [d.cpu_us for d in engine], "µs/event")
    result.rounds(NAME, "bare decoding only, CPU", [d.cpu_us for d in decode], "µs/event")
    judged = result.rounds(
        NAME, "of that, decode and engine", [d.judged_s / d.events * 1e6 for d in worker], "µs/event",
        note="by the worker's metrics; also sends outputs and counts",
    )  # fmt: skip
    result.rounds(NAME, "checkpoints, waiting included", [d.checkpoint_s / d.seconds for d in worker], "of the time")
    broker = [d.broker_cpu_seconds / d.events * 1e6 for d in worker]
    if any(broker):
        result.rounds(NAME, "broker CPU beside the worker", broker, "µs/event")
    result.summary.append(
        f"One worker drains {rate:,.0f} events/s of {size:.0f} bytes, every detector and checkpoints on: {ratio:.2f} "
        f"of a bare aiokafka loop with the same engine ({beside:,.0f} events/s). Decoding and judging take "
        f"{judged:.0f} µs of it an event."
    )
    return result
