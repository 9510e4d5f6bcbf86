"""Faust's issue 606: its consumer can commit past a message that is not acknowledged.

Two kinds of gap at once. Marks of transactions and aborted ones leave numbers that no message has, as compaction does.
And one message cannot be finished: it is poison, and the dead-letter topic does not take it, since it has no key and
the topic was made compacted meanwhile. Everything after it is judged, nothing after it may be committed.
"""

from __future__ import annotations

import asyncio
import json

from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tests.chaos.ground import Ground
from tests.chaos.report import Row
from tests.chaos.site import Site, site
from tests.chaos.stories import Run, sudden

HELD_S = 3.0


async def unacknowledged(ground: Ground, *, kill: bool = True, held_s: float = HELD_S) -> Row:
    """While the gap is open nothing passes it, not even when one of two workers dies; then everything does."""
    async with site(ground, "commit past a gap (606)") as here:
        worker, _ = [await here.worker().ready() for _ in range(2)]
        await publish(here, "before", 40)
        await here.until(lambda: set(here.fatal) <= set(here.switch.kills), "kills before the gap")
        await asyncio.to_thread(dead_letters, here, "compact")
        gaps = [await here.producer.send_and_wait(here.topic("events"), b"poison", partition=n)
                for n in range(here.partitions)]  # fmt: skip
        here.poison |= {(gap.partition, gap.offset) for gap in gaps}
        await publish(here, "behind", 40)
        await here.until(lambda: set(here.fatal) <= set(here.switch.kills), "kills behind the gap")
        await asyncio.sleep(held_s)
        early = await _passed(here, gaps)
        if kill:
            await here.fault(worker, worker.kill)
            await publish(here, "later", 40)
            await here.until(lambda: set(here.fatal) <= set(here.switch.kills), "kills by the other worker")
            early += await _passed(here, gaps)
        await asyncio.to_thread(dead_letters, here, "delete")
        await publish(here, "after", 40, transactions=False)
        row = await here.verdict(told={("destructive.wide", run, event) for run, event in here.fatal.items()})
        row.problems += early
        return row


async def _passed(here: Site, gaps: list[TopicPartition]) -> list[str]:
    committed = await here.watch.committed()
    passed = {gap.partition: (committed.get(TopicPartition(gap.topic, gap.partition), 0), gap.offset) for gap in gaps}
    return [
        f"partition {partition}: {at} is committed, and {gap} has no dead letter yet"
        for partition, (at, gap) in passed.items() if at > gap
    ]  # fmt: skip


async def publish(here: Site, name: str, runs: int, transactions: bool = True) -> None:
    """Doomed runs, in transactions of five; between them some that are aborted, of events that say nothing."""
    options = {"bootstrap_servers": here.told["KILLCORD_BROKERS"].split(",")}
    if transactions:
        options["transactional_id"] = f"{here.prefix}-{name}"
    async with AIOKafkaProducer(**options) as producer:
        for first in range(0, runs, 5):
            if not transactions:
                await _five(here, producer, name, first)
                continue
            async with producer.transaction():
                await _five(here, producer, name, first)
            await producer.begin_transaction()
            idle = Run(f"{name}-aborted-{first}", "idle")
            value = json.dumps(idle.event("heartbeat")).encode()
            await producer.send_and_wait(here.topic("events"), value, key=idle.id.encode())
            await producer.abort_transaction()


async def _five(here: Site, producer: AIOKafkaProducer, name: str, first: int) -> None:
    for n in range(first, first + 5):
        run = Run(f"{name}-{n}", f"team-{n % 7}")
        (event,) = sudden(run)
        here.fatal[run.id] = event["id"]
        await producer.send_and_wait(here.topic("events"), json.dumps(event).encode(), key=run.id.encode())


def dead_letters(here: Site, cleanup: str) -> None:
    """``compact``: the dead-letter topic refuses what has no key."""
    admin = AdminClient({"bootstrap.servers": here.told["KILLCORD_BROKERS"], "log_level": 3})
    entry = ConfigEntry("cleanup.policy", cleanup, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource("topic", here.topic("deadletter"), incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=20)
