"""Two workers beside one, on 8 partitions: what an event costs in CPU when it is shared out."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from benchmarks import cluster
from benchmarks.drain import WARM
from benchmarks.figures import Result
from benchmarks.held import Drained, Running, drained, patient
from benchmarks.recorded import Keyed, messages, source
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told
from monitor.settings import Settings

NAME = "scale"
COUNT = 60_000
AIM_RATIO = 1.1
SHARED_S = 60.0  # how long two workers may take to share the partitions


async def measure(stage: Stage, quick: bool) -> Result:
    """One and two in each round, on the same events."""
    count, rounds = (3_000, 1) if quick else (COUNT, 3)
    found: dict[int, list[Drained]] = {1: [], 2: []}
    backlog = messages(WARM + count, time.time())
    for n in range(rounds):
        for workers, of in found.items():
            of.append(await _with(stage, patient(stage.settings()), workers, backlog))
            last = of[-1]
            say(
                f"scale, round {n + 1} of {rounds}: {workers} workers: {last.rate:,.0f} events/s, "
                f"{last.cpu_us:.1f} µs an event"
            )
    result = _result(found)
    result.settings = told(patient(stage.settings()))
    return result


async def _with(stage: Stage, settings: Settings, workers: int, backlog: list[Keyed]) -> Drained:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(cluster.topics_of(settings))
        running, urls = [], []
        for n in range(workers):
            name = f"worker-{n}"
            process, url = await stack.enter_async_context(cluster.worker(stage, settings, name=name))
            running.append(Running(name, process))
            urls.append(url)
        await cluster.until_shared(urls, settings.partitions, SHARED_S)
        drain = await drained(stage, settings, client, running, backlog, WARM)
        if any(each.process.returncode is not None for each in running):
            raise StageError("a worker ended while it drained")
        return drain


def _result(found: dict[int, list[Drained]]) -> Result:
    result = Result()
    one, two = found[1], found[2]
    note = f"{one[0].events:,.0f} events, {source()}"
    for workers, of in found.items():
        name = "one worker" if workers == 1 else "two workers"
        result.rounds(NAME, f"{name}: CPU", [d.cpu_us for d in of], "µs/event", note=note)
        result.rounds(NAME, f"{name}: rate", [d.rate for d in of], "events/s")
    ratios = [b.cpu_us / a.cpu_us for a, b in zip(one, two, strict=True)]
    ratio = result.rounds(NAME, "CPU an event, two / one", ratios, "", aim=AIM_RATIO)
    rates = [b.rate / a.rate for a, b in zip(one, two, strict=True)]
    faster = result.rounds(NAME, "rate, two / one", rates, "", note="on a machine that the broker shares")
    result.summary.append(
        f"Two workers on 8 partitions spend {ratio:.2f} times the CPU of one on an event, and drain {faster:.2f} times "
        "as quickly beside their broker."
    )
    return result
