"""A worker is suspended for longer than its session, loses its partitions, and comes back as if it had them still."""

from __future__ import annotations

import asyncio

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import site

SESSION_S = 6.0  # as shipped, and Kafka's own minimum


async def suspended(ground: Ground, *, rounds: int = 5, rate: float = 500.0, beyond_s: float = 3.0) -> Row:
    """SIGSTOP, the session runs out, the other worker takes over and kills; SIGCONT. What comes late does no harm."""
    async with site(ground, "SIGSTOP beyond the session") as here:
        workers = [here.worker() for _ in range(2)]
        for worker in workers:
            await worker.ready()
        here.work(rate)
        for n in range(rounds):
            await here.killing(2)
            victim = workers[n % 2]
            await here.fault(victim, victim.suspend)
            await asyncio.sleep(SESSION_S + beyond_s)
            await here.killing(2)
            victim.resume()
            await here.killing(3)
            say(f"{here.name}: {n + 1} of {rounds}")
        return await here.verdict()
