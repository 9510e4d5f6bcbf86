"""Where a worker's time goes: its threads' CPU time, shared out by what each was seen doing while it drained a backlog.

The sampler costs a few per cent itself; read the shares, and `drain` for the speed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks import cluster
from benchmarks.figures import Result, percentile
from benchmarks.held import Running, drained, patient
from benchmarks.recorded import messages, source
from benchmarks.sampled_worker import CLEAR, TELL
from benchmarks.show import say
from benchmarks.stage import Stage, StageError, told

NAME = "profile"
WARM = 2_000

# Anywhere in the stack, the first that fits; after them, the innermost of INNERMOST.
ANYWHERE = (
    ("detectors.", "ours: detectors"),
    ("monitor.decode", "ours: decode"),
    ("monitor.worker.checkpoint", "ours: checkpoint"),
    ("monitor.worker.outbox", "ours: outputs, with their producer calls"),
    ("monitor.metrics", "ours: metrics"),
    ("monitor.engine", "ours: engine without detectors"),
    ("monitor.policy", "ours: engine without detectors"),
)
INNERMOST = (
    ("monitor.", "ours: worker around the engine"),
    ("faust.", "Faust and mode"),
    ("mode.", "Faust and mode"),
    ("aiokafka.", "aiokafka: fetch, send, commit"),
)
MAIN = "MainThread"
LOOP = "asyncio's event loop"
OTHER_THREADS = "other threads: Faust's, which fetches, and asyncio's"


class Sampled(Struct):
    """stacks: samples of the main thread. cpu_seconds: by thread."""

    stacks: dict[str, int]
    cpu_seconds: dict[str, float]


async def measure(stage: Stage, quick: bool) -> Result:
    """Each round a worker and a backlog of its own."""
    count, rounds = (3_000, 1) if quick else (30_000, 3)
    backlog = messages(WARM + count, time.time())
    found = []
    for n in range(rounds):
        settings = patient(stage.settings())
        file = stage.directory / f"samples-{n}.json"
        command = ("-m", "benchmarks.sampled_worker", str(file))
        async with cluster.topics_of(settings) as client, cluster.worker(stage, settings, command) as (process, _):
            running = [Running("worker", process)]
            # What is told at TELL is what came since CLEAR, which is taken in when the worker goes on.
            process.send_signal(CLEAR)
            drain = await drained(stage, settings, client, running, backlog, WARM)
            process.send_signal(TELL)
            found.append(_spent(await asyncio.to_thread(_told, file), drain.events + WARM))
        say(f"profile, round {n + 1} of {rounds}: {drain.rate:,.0f} events/s while sampled")
    result = _result(found, len(backlog))
    result.settings = told(patient(stage.settings()))
    return result


def _told(file: Path) -> Sampled:
    until = time.monotonic() + 10
    while not file.exists():
        if time.monotonic() > until:
            raise StageError("the sampled worker did not tell its samples within 10 s")
        time.sleep(0.05)
    return msgspec.json.decode(file.read_bytes(), type=Sampled)


def _spent(sampled: Sampled, events: float) -> dict[str, float]:
    """µs of CPU an event by whose work it was."""
    samples = sum(sampled.stacks.values())
    spent: Counter[str] = Counter()
    for thread, seconds in sampled.cpu_seconds.items():
        us = seconds / events * 1e6
        if thread == MAIN:
            for stack, n in sampled.stacks.items():
                spent[what(stack)] += n / samples * us
        else:
            spent[OTHER_THREADS] += us
    return spent


def _result(found: list[dict[str, float]], events: int) -> Result:
    result = Result()
    totals = [sum(spent.values()) for spent in found]
    result.rounds(NAME, "all", totals, "µs/event", note=f"CPU, {events:,} events of {source()}, warm-up included")
    names = {name for spent in found for name in spent}
    for name in sorted(names, key=lambda name: -sum(spent.get(name, 0.0) for spent in found)):
        each = [spent.get(name, 0.0) for spent in found]
        share = percentile([us / total for us, total in zip(each, totals, strict=True)], 50)
        result.rounds(NAME, name, each, "µs/event", note=f"{share:.0%}")
    detectors = result.rounds(
        NAME, "share of the time in detectors",
        [spent.get("ours: detectors", 0.0) / total * 100 for spent, total in zip(found, totals, strict=True)], "%",
    )  # fmt: skip
    ours = [
        sum(us for name, us in spent.items() if name.startswith("ours")) / total
        for spent, total in zip(found, totals, strict=True)
    ]
    result.summary.append(
        f"Of a draining worker's CPU time {percentile(ours, 50):.0%} is Killcord's own, {detectors:.0f} % of it all in "
        "detectors; the rest is Faust, aiokafka and the event loop."
    )
    return result


def what(stack: str) -> str:
    """Whose work a stack of modules is.

    >>> what("__main__;mode.worker;asyncio.base_events;asyncio.events;faust.agents.agent;mode.queues:put")
    'Faust and mode'
    """
    modules = stack.rpartition(":")[0].split(";")
    if "asyncio.events" not in modules:
        return LOOP
    modules = modules[len(modules) - modules[::-1].index("asyncio.events") :]
    for prefix, name in ANYWHERE:
        if any(module.startswith(prefix) for module in modules):
            return name
    for module in reversed(modules):
        for prefix, name in INNERMOST:
            if module.startswith(prefix):
                return name
    return LOOP
