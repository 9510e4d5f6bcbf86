"""Offers events at a steady rate until it is told to end: the load beside a benchmark, in a process of its own.

    python -m benchmarks.load RATE [KILLS]                   (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

RATE: events a second. KILLS: of them, how many delete everything, each in a run of its own. Prints a JSON object a
second: events sent so far, seconds passed, and when each of the latest kills' events was handed to the producer.

The background stands for many agents, and leaves in batches of 5 ms; an event that must be killed leaves at once, by a
producer of its own, as its agent would send it.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator

import msgspec

from benchmarks.fill import producer
from benchmarks.recorded import Keyed
from benchmarks.runs import fleet
from detectors.event import ToolCall, encode
from monitor.settings import load
from monitor.topics import Names

STEP_S = 0.001
POOL = 20_000  # events made beforehand; they come again as other runs
COMMAND = "rm -rf / --no-preserve-root"


def background(name: str) -> Iterator[Keyed]:
    """Events without end, cheap enough to offer tens of thousands a second."""
    mark = f"{name}-0000"
    made = fleet(os.getpid(), begin=time.time(), prefix=mark)
    pool = [(event.run_id.encode(), encode(event)) for event in itertools.islice(made, POOL)]
    yield from pool
    for n in itertools.count(1):
        old, new = mark.encode(), f"{name}-{n:04}".encode()
        for key, value in pool:
            yield key.replace(old, new), value.replace(old, new)


def deadly(run_id: str) -> bytes:
    """An event that any policy kills for."""
    return encode(
        ToolCall(
            id=f"{run_id}-1", time=time.time(), run_id=run_id, agent_id="main", agent_name="stopped", publisher="sdk",
            seq=1, tool="bash", call_id="1", arguments={"command": COMMAND},
        )
    )  # fmt: skip


def offer(rate: float, kills: float) -> None:
    """What the broker does not take in time is made up for: the offer stands."""
    settings = load().settings
    topic = Names.of(settings.topic_prefix).events
    many, one = producer(settings, acks=1, linger_ms=5), producer(settings, acks="all", linger_ms=0)
    events = background(f"load{os.getpid()}")
    next(events)  # makes the pool
    began, sent, killed, told = time.monotonic(), 0, 0, 0.0
    stamps: dict[str, float] = {}
    while True:
        passed = time.monotonic() - began
        while killed < passed * kills:
            run_id = f"kill-{os.getpid()}-{killed}"
            value = deadly(run_id)
            stamps[run_id] = time.time()
            one.produce(topic, value, run_id.encode())
            killed += 1
        one.poll(0)
        while sent + killed < passed * rate:
            key, value = next(events)
            many.produce(topic, value, key)
            sent += 1
        many.poll(0)
        if passed >= told + 1:
            told = passed
            line = {"sent": sent + killed, "seconds": passed, "kills": stamps}
            print(msgspec.json.encode(line).decode(), flush=True)
            stamps = {}
        time.sleep(STEP_S)


if __name__ == "__main__":
    offer(float(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
