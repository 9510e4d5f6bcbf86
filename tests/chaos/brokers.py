"""Brokers die: the only one, and one of three that leads a partition."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import Site, site


async def restarted(ground: Ground, *, rounds: int = 3, rate: float = 500.0) -> Row:
    """The only broker is killed with SIGKILL and started again; two workers and their agents wait for it."""
    with await asyncio.to_thread(ground.cluster) as kafka:
        async with site(ground, "broker killed and restarted", kafka.brokers) as here:
            for worker in [here.worker(), here.worker()]:
                await worker.ready()
            here.work(rate)
            for n in range(rounds):
                await here.killing(2)
                await here.fault(None, kafka.kill)
                await asyncio.to_thread(kafka.start)
                say(f"{here.name}: {n + 1} of {rounds}")
            await here.killing(2)
            return await here.verdict()


async def leader_killed(ground: Ground, *, rounds: int = 3, rate: float = 500.0) -> Row:
    """Three brokers, two in-sync replicas needed: the leader of a partition dies, is missed, and comes back."""
    with await asyncio.to_thread(ground.cluster, "--brokers", "3") as kafka:
        async with site(ground, "leader of three brokers killed", kafka.brokers) as here:
            for worker in [here.worker(), here.worker()]:
                await worker.ready()
            here.work(rate)
            for n in range(rounds):
                await here.killing(2)
                leader, led = await leads(here, n % here.partitions)
                await here.fault(None, lambda leader=leader: kafka.kill(leader))  # type: ignore[misc]
                here.faults[-1] = here.faults[-1]._replace(orphaned=led)
                await here.killing(3)
                await asyncio.to_thread(kafka.start)
                say(f"{here.name}: {n + 1} of {rounds}")
            await here.killing(2)
            return await here.verdict()


async def leads(here: Site, partition: int) -> tuple[int, frozenset[int]]:
    """The broker that leads this partition of the events, and all that it leads of them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=here.told["KILLCORD_BROKERS"].split(","))
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([here.topic("events")])
    finally:
        await admin.close()
    leaders = {found["partition"]: found["leader"] for found in topic["partitions"]}
    return leaders[partition], frozenset(n for n, leader in leaders.items() if leader == leaders[partition])
