"""Runs that come and go, steadily, until it is told to end: the load of `soak`.

    python -m benchmarks.soak_load RUNS_A_SECOND             (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

Each run is new and has four events over a second or two; each hundredth must be killed for. Prints a JSON object a
second: events sent so far.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Iterator

import msgspec

from benchmarks.fill import producer
from benchmarks.load import STEP_S, deadly
from benchmarks.recorded import Keyed
from benchmarks.runs import run
from detectors.event import encode
from monitor.settings import load
from monitor.topics import Names

EVENTS = 4  # of a run
APART_S = 0.5  # its events
KILL_EVERY = 100
POOL = 500  # runs made beforehand; each comes again under other names


def runs() -> Iterator[list[Keyed]]:
    """Each with events of its own, without end."""
    pool = []
    for n in range(POOL):
        name = f"pool-{n:06}-0000000000"
        events = itertools.islice(run(n, name, time.time()), EVENTS)
        pool.append((name.encode(), [encode(event) for event in events]))
    for n in itertools.count():
        name, values = pool[n % POOL]
        own = b"soak-%06d-%010d" % (n % POOL, n)
        if n % KILL_EVERY == 0:
            yield [(own, deadly(own.decode()))]
        else:
            yield [(own, value.replace(name, own)) for value in values]


def offer(rate: float) -> None:
    settings = load().settings
    topic = Names.of(settings.topic_prefix).events
    writer = producer(settings, acks=1, linger_ms=5)
    later: list[deque[tuple[float, bytes, bytes]]] = [deque() for _ in range(EVENTS)]
    made = runs()
    began, started, sent, told = time.monotonic(), 0, 0, 0.0
    while True:
        passed = time.monotonic() - began
        while started < passed * rate:
            for n, (key, value) in enumerate(next(made)):
                later[n].append((passed + n * APART_S, key, value))
            started += 1
        for waiting in later:
            while waiting and waiting[0][0] <= passed:
                _, key, value = waiting.popleft()
                writer.produce(topic, value, key)
                sent += 1
        writer.poll(0)
        if passed >= told + 1:
            told = passed
            print(msgspec.json.encode({"sent": sent, "seconds": passed}).decode(), flush=True)
        time.sleep(STEP_S)


if __name__ == "__main__":
    offer(float(sys.argv[1]))
