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
from benchmarks.drain import until_committed
from benchmarks.figures import Result
from benchmarks.runs import fleet
from benchmarks.sampled_worker import CLEAR, TELL
from benchmarks.show import say
from benchmarks.stage import Stage, StageError

NAME = "profile"

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


class Sampled(Struct):
    """stacks: samples of the main thread. cpu_seconds: by thread."""

    stacks: dict[str, int]
    cpu_seconds: dict[str, float]


async def measure(stage: Stage, quick: bool) -> Result:
    """From the first commit to the last."""
    count = 3_000 if quick else 30_000
    settings = stage.settings()
    file = stage.directory / "samples.json"
    async with cluster.topics_of(settings) as client:
        say(f"profile: producing a backlog of {count:,} events")
        await cluster.produce(settings, fleet(7, begin=time.time()), count)
        command = ("-m", "benchmarks.sampled_worker", str(file))
        async with cluster.worker(stage, settings, command, ready=False) as (process, _):
            first = await until_committed(stage, client, settings, process, 1)
            process.send_signal(CLEAR)
            last = await until_committed(stage, client, settings, process, count)
            process.send_signal(TELL)
            sampled = await asyncio.to_thread(_told, file)
    return _result(sampled, max(1, last - first))


def _told(file: Path) -> Sampled:
    until = time.monotonic() + 10
    while not file.exists():
        if time.monotonic() > until:
            raise StageError("the sampled worker did not tell its samples within 10 s")
        time.sleep(0.05)
    return msgspec.json.decode(file.read_bytes(), type=Sampled)


def _result(sampled: Sampled, events: int) -> Result:
    result = Result()
    samples = sum(sampled.stacks.values())
    spent: Counter[str] = Counter()
    for thread, seconds in sampled.cpu_seconds.items():
        us = seconds / events * 1e6
        if thread == MAIN:
            for stack, n in sampled.stacks.items():
                spent[what(stack)] += n / samples * us
        else:
            spent[f"thread {thread.split('-')[0]}"] += us
    total = sum(spent.values())
    result.add(NAME, "all", total, "µs/event", note=f"CPU, {events:,} events, {samples:,} samples")
    for name, us in sorted(spent.items(), key=lambda entry: -entry[1]):
        result.add(NAME, name, us, "µs/event", note=f"{us / total:.0%}")
    ours = sum(us for name, us in spent.items() if name.startswith("ours")) / total
    detectors = spent["ours: detectors"] / total
    result.summary.append(
        f"Of a draining worker's CPU time {ours:.0%} is Killcord's own, {detectors:.0%} of it all in detectors; the "
        "rest is Faust, aiokafka and the event loop."
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
