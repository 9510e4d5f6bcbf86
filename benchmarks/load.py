"""Offers events at a steady rate until it is told to end: the load beside a benchmark, in a process of its own.

    python -m benchmarks.load RATE                           (Kafka by KILLCORD_BROKERS and KILLCORD_TOPIC_PREFIX)

Prints the events sent so far, a line a second, each a JSON object.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import msgspec
from aiokafka import AIOKafkaProducer

from benchmarks.runs import fleet
from detectors.event import encode
from monitor.settings import aiokafka_options, load
from monitor.topics import Names

STEP_S = 0.01


async def offer(rate: float) -> None:
    """``rate`` in events a second. What the broker does not take in time is made up for: the offer stands."""
    settings = load().settings
    topic = Names.of(settings.topic_prefix).events
    # By process: a second load on the same topics has other runs.
    events = fleet(os.getpid(), begin=time.time(), prefix="load")
    async with AIOKafkaProducer(**aiokafka_options(settings), acks=1, linger_ms=2) as producer:
        began, sent, told = time.monotonic(), 0, 0.0
        while True:
            passed = time.monotonic() - began
            while sent < passed * rate:
                event = next(events)
                event.time = time.time()
                await producer.send(topic, encode(event), key=event.run_id.encode())
                sent += 1
            if passed >= told + 1:
                told = passed
                print(msgspec.json.encode({"sent": sent, "seconds": passed}).decode(), flush=True)
            await asyncio.sleep(STEP_S)


if __name__ == "__main__":
    asyncio.run(offer(float(sys.argv[1])))
