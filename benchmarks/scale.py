"""Two workers beside one, on 8 partitions: what an event costs in CPU when it is shared out.

Workers are kept on one core and Kafka on the others. Left alone, two workers and Kafka would crowd two cores where one
worker has a core to itself, and whoever shares a core's caches or its other thread pays for its neighbour, not for
sharing events. How much quicker two are is measured apart, with every process where the system puts it.
"""

from __future__ import annotations

import os
import time
from contextlib import AsyncExitStack

from benchmarks import cluster
from benchmarks.drain import WARM
from benchmarks.figures import Result
from benchmarks.held import Drained, Running, drained, patient
from benchmarks.processes import keep_on
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
    kept: dict[int, list[Drained]] = {1: [], 2: []}
    free: dict[int, list[Drained]] = {1: [], 2: []}
    backlog = messages(WARM + count, time.time())
    for n in range(rounds):
        for where, found in (("on one core", kept), ("on all cores", free)):
            if found is free and n:
                continue
            for workers, of in found.items():
                of.append(await _with(stage, patient(stage.settings()), workers, backlog, found is kept))
                last = of[-1]
                say(
                    f"scale, round {n + 1} of {rounds}: {workers} workers {where}: {last.rate:,.0f} events/s, "
                    f"{last.cpu_us:.1f} µs an event"
                )
    result = _result(kept, free)
    result.settings = told(patient(stage.settings()))
    return result


async def _with(stage: Stage, settings: Settings, workers: int, backlog: list[Keyed], kept: bool) -> Drained:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(cluster.topics_of(settings))
        running, urls = [], []
        for n in range(workers):
            name = f"worker-{n}"
            process, url = await stack.enter_async_context(cluster.worker(stage, settings, name=name))
            running.append(Running(name, process))
            urls.append(url)
        await cluster.until_shared(urls, settings.partitions, SHARED_S)
        cores = sorted(os.sched_getaffinity(0))
        own, rest = ({cores[0]}, set(cores[1:])) if kept and len(cores) > 1 else (set(cores), set(cores))
        for each in running:
            keep_on(each.process.pid, own)
        keep_on(stage.broker_pid, rest)
        drain = await drained(stage, settings, client, running, backlog, WARM)
        if any(each.process.returncode is not None for each in running):
            raise StageError("a worker ended while it drained")
        return drain


def _result(kept: dict[int, list[Drained]], free: dict[int, list[Drained]]) -> Result:
    result = Result()
    note = f"{kept[1][0].events:,.0f} events, {source()}; workers on one core, Kafka on the others"
    for workers, of in kept.items():
        name = "one worker" if workers == 1 else "two workers"
        result.rounds(NAME, f"{name}: CPU", [d.cpu_us for d in of], "µs/event", note=note)
    ratios = [two.cpu_us / one.cpu_us for one, two in zip(kept[1], kept[2], strict=True)]
    ratio = result.rounds(NAME, "CPU an event, two / one", ratios, "", aim=AIM_RATIO)
    one, two = free[1][0], free[2][0]
    where = f"each process where the system puts it, {os.cpu_count()} cores shared with Kafka"
    result.add(NAME, "one worker, free: rate", one.rate, "events/s", note=where)
    result.add(NAME, "two workers, free: rate", two.rate, "events/s")
    result.add(NAME, "CPU an event, two / one, free", two.cpu_us / one.cpu_us, "")
    result.summary.append(
        f"Two workers on 8 partitions spend {ratio:.2f} times the CPU of one on an event, all on one core with Kafka "
        f"on another; {two.cpu_us / one.cpu_us:.2f} times where they and Kafka share {os.cpu_count()} cores, and drain "
        f"{two.rate / one.rate:.2f} times as quickly there."
    )
    return result
