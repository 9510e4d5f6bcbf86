"""A worker is killed with SIGKILL, again and again, while agents work and misbehave."""

from __future__ import annotations

import random

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import site


async def killed(ground: Ground, *, kills: int = 100, static: bool = True, rate: float = 1000.0) -> Row:
    """One of two workers dies at any moment and is started again at once, ``kills`` times.

    ``static``: they have names of their own in the group, and come back to their partitions without a rebalance.
    """
    async with site(ground, f"SIGKILL, {'static ids' if static else 'no ids'}") as here:
        workers = [here.worker(static=static) for _ in range(2)]
        for worker in workers:
            await worker.ready()
        here.work(rate)
        await here.killing(2)
        dice = random.Random(kills)
        for n in range(kills):
            victim = workers[n % 2]
            await here.fault(victim, victim.kill)
            victim.start()
            await here.killing(dice.randint(1, 3))
            if (n + 1) % 10 == 0:
                say(f"{here.name}: {n + 1} of {kills}")
        return await here.verdict()
