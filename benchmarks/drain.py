"""Events a second drained by one worker, beside bare aiokafka and stock Faust with the same engine and detectors."""

from __future__ import annotations

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks import cluster
from benchmarks.figures import Result
from benchmarks.held import Drained, Running, bare, drained, patient
from benchmarks.recorded import Keyed, messages, source
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from monitor.settings import Settings

NAME = "drain"
COUNT, STOCK_COUNT, WARM = 400_000, 15_000, 2_000
AIM_RATIO = 0.8
COUNTED_S = 5.0  # how long a worker may take to show what it judged


async def measure(stage: Stage, quick: bool) -> Result:
    """All ways in each round, on the same events; the median of the rounds."""
    count, stock, rounds = (3_000, 1_000, 1) if quick else (COUNT, STOCK_COUNT, 3)
    found: dict[str, list[Drained]] = {"worker": [], "engine": [], "decode": [], "stock": []}
    judged: list[float] = []
    say(f"drain: making {count:,} events of {source()}")
    backlog = messages(WARM + count, time.time())
    for n in range(rounds):
        settings = patient(stage.settings())
        async with cluster.topics_of(settings) as client:
            drain, each = await _worker(stage, settings, client, backlog)
            found["worker"].append(drain)
            judged.append(each)
            say(f"drain, round {n + 1} of {rounds}: one worker: {drain.rate:,.0f} events/s")
            for way in ("decode", "engine"):
                found[way].append(await bare(stage, settings, way))
                say(f"drain: bare aiokafka loop, {way}: {found[way][-1].rate:,.0f} events/s")
        settings = patient(stage.settings())
        async with cluster.topics_of(settings) as client:
            command = ("-m", "benchmarks.stock_app", "engine")
            async with stage.program("stock", command, settings) as process:
                running = [Running("stock", process)]
                found["stock"].append(await drained(stage, settings, client, running, backlog[: WARM + stock], WARM))
            say(f"drain: stock Faust agent, same engine: {found['stock'][-1].rate:,.0f} events/s")
    result = _result(found, judged)
    result.settings = told(patient(stage.settings()))
    return result


async def _worker(
    stage: Stage, settings: Settings, client: AIOKafkaAdminClient, backlog: list[Keyed]
) -> tuple[Drained, float]:
    """Also µs an event in decoding and judging, as the worker's own metrics say."""
    async with cluster.worker(stage, settings) as (process, url):
        drain = await drained(stage, settings, client, [Running("worker", process)], backlog, WARM)
        samples = await _all_counted(url, len(backlog))
        return drain, samples["killcord_process_seconds_sum"] / len(backlog) * 1e6


async def _all_counted(url: str, count: int) -> dict[str, float]:
    """The worker's samples once they cover every event: it hands over its counts a few times a second."""
    until = time.monotonic() + COUNTED_S
    while True:
        samples = await cluster.metrics(url)
        judged = sum(value for name, value in samples.items() if name.startswith("killcord_events_total"))
        if judged >= count:
            return samples
        if time.monotonic() > until:
            raise StageError(f"the worker judged {judged:,.0f} of {count:,} events, and committed all")
        await asyncio.sleep(0.1)


def _result(found: dict[str, list[Drained]], judged: list[float]) -> Result:
    result = Result()
    worker, engine, decode, stock = found["worker"], found["engine"], found["decode"], found["stock"]
    size = worker[0].bytes
    note = f"{worker[0].events:,.0f} events of {size:.0f} bytes, {source()}"
    rate = result.rounds(NAME, "one worker", [d.rate for d in worker], "events/s", note=note)
    beside = result.rounds(NAME, "bare aiokafka, same engine", [d.rate for d in engine], "events/s")
    result.rounds(NAME, "bare aiokafka, decoding only", [d.rate for d in decode], "events/s")
    slow = result.rounds(NAME, "stock Faust agent, same engine", [d.rate for d in stock], "events/s")
    ratios = [w.rate / e.rate for w, e in zip(worker, engine, strict=True)]
    ratio = result.rounds(NAME, "worker / bare with engine", ratios, "", aim=AIM_RATIO, least=True)
    times = [w.rate / s.rate for w, s in zip(worker, stock, strict=True)]
    over = result.rounds(NAME, "worker / stock with engine", times, "times")
    cpu = result.rounds(NAME, "worker CPU", [d.cpu_us for d in worker], "µs/event", note="all threads")
    result.rounds(NAME, "bare with engine, CPU", [d.cpu_us for d in engine], "µs/event")
    result.rounds(NAME, "bare decoding only, CPU", [d.cpu_us for d in decode], "µs/event")
    result.rounds(NAME, "stock with engine, CPU", [d.cpu_us for d in stock], "µs/event")
    spent = result.rounds(
        NAME, "decode and engine", judged, "µs/event", note="by the worker's own metrics, which also cover sending"
    )
    if any(d.broker_cpu_seconds for d in worker):
        result.rounds(NAME, "broker CPU beside the worker", [d.broker_us for d in worker], "µs/event")
        filling = [d.fill_broker_cpu_seconds / d.events * 1e6 for d in worker]
        result.rounds(NAME, "broker CPU while filled", filling, "µs/event", note="one replica, large batches")
    result.add(NAME, "size of an event", size, "bytes")
    result.summary.append(
        f"One worker drains {rate:,.0f} events/s of {size:.0f} bytes ({source()}), every detector and checkpoints on, "
        f"with {cpu:.0f} µs of CPU an event: {ratio:.2f} of a bare aiokafka loop with the same engine "
        f"({beside:,.0f} events/s), {over:.1f} times a stock Faust agent with it ({slow:,.0f}). Decoding and judging "
        f"take {spent:.0f} µs of it."
    )
    for name, value in (("killcord", rate), ("bare aiokafka", beside), ("stock Faust", slow)):
        result.series.setdefault("drain", []).append({"way": name, "rate": value})
    return result
