"""What arrives is not what was sent in order: twice, late, with clocks that are off, by another partitioner."""

from __future__ import annotations

import asyncio
import json

from confluent_kafka import Producer

from tests.chaos.ground import Ground
from tests.chaos.load import Mischief
from tests.chaos.report import Row
from tests.chaos.site import Site, site
from tests.chaos.stories import Run, sudden


async def out_of_order(ground: Ground, *, seconds: float = 30.0, rate: float = 500.0) -> Row:
    """Every tenth event comes again, every fiftieth late; a third of the runs are an hour off or in the year 3000."""
    mischief = Mischief(repeated=0.1, delayed=0.02, late_s=2.0, skewed=0.33)
    async with site(ground, "repeated, late, clocks off") as here:
        await here.worker().ready()
        here.work(rate, mischief=mischief)
        await asyncio.sleep(seconds)
        return await here.verdict(exact=False)


async def another_partitioner(ground: Ground, *, runs: int = 100) -> Row:
    """librdkafka's default puts a run elsewhere: it is killed all the same, and people are told why it lies wrong."""
    async with site(ground, "another partitioner") as here:
        await here.worker().ready()
        told = await asyncio.to_thread(publish, here, runs)
        row = await here.verdict(told=told)
        if not any(rule == "blindness.partition" for rule, _, _ in told):
            row.problems.append("no run was put elsewhere: the scenario shows nothing")
        return row


def publish(here: Site, runs: int) -> set[tuple[str, str, str]]:
    """One-event runs by librdkafka's own partitioner; returns what people must be told."""
    producer = Producer({"bootstrap.servers": here.told["KILLCORD_BROKERS"]})
    told: set[tuple[str, str, str]] = set()
    placed: dict[str, int] = {}
    for n in range(runs):
        run = Run(f"librdkafka-{n}", f"team-{n % 7}")
        (event,) = sudden(run)
        here.fatal[run.id] = event["id"]
        told.add(("destructive.wide", run.id, event["id"]))
        producer.produce(
            here.topic("events"), json.dumps(event).encode(), key=run.id,
            on_delivery=lambda error, message, name=run.id: placed.__setitem__(name, message.partition()),
        )  # fmt: skip
    assert producer.flush(30) == 0
    for name, partition in placed.items():
        if partition != here.switch.partition_of(name):
            told.add(("blindness.partition", name, here.fatal[name]))
    return told
