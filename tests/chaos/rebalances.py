"""Workers come and go: in a storm, and in the good order of a deployment."""

from __future__ import annotations

import random

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import site


async def storm(ground: Ground, *, rounds: int = 5, rate: float = 500.0) -> Row:
    """Up to four workers; at any moment one joins or one goes, without waiting for the one before to be through."""
    async with site(ground, "rebalance storm") as here:
        workers = [here.worker()]
        await workers[0].ready()
        here.work(rate)
        await here.killing(2)
        dice = random.Random(rounds)
        for n in range(rounds):
            for _ in range(3):
                workers.append(here.worker())
                await workers[-1].ready()
                await here.killing(dice.randint(0, 1))
            for _ in range(3):
                leaver = workers.pop(dice.randrange(len(workers)))
                await here.fault(leaver, leaver.kill if dice.random() < 0.3 else lambda: None)
                if leaver.runs:
                    await leaver.stop()
            await here.killing(1)
            say(f"{here.name}: {n + 1} of {rounds}")
        return await here.verdict()


async def join_and_leave(ground: Ground, *, rate: float = 300.0) -> Row:
    """One joins and one leaves, once."""
    async with site(ground, "join and leave") as here:
        first = await here.worker().ready()
        here.work(rate)
        await here.killing(2)
        second = here.worker()
        await here.fault(None, lambda: None)
        await second.ready()
        await here.killing(2)
        await here.fault(first, lambda: None)
        await first.stop()
        await here.killing(2)
        return await here.verdict()


async def rolling_restart(ground: Ground, *, rounds: int = 3, rate: float = 500.0) -> Row:
    """Two workers are replaced one after the other, as a deployment does: nobody sees anything twice."""
    # A second attempt for want of an acknowledgement is a repeat with a reason: here there must be no reason.
    async with site(ground, "rolling restart", KILLCORD_ACK_TIMEOUT_S="60") as here:
        workers = [here.worker(static=True) for _ in range(2)]
        for worker in workers:
            await worker.ready()
        here.work(rate)
        for n in range(rounds):
            for worker in workers:
                await here.killing(2)
                await here.fault(worker, lambda: None)
                await worker.stop()
                worker.start()
                await worker.ready()
            say(f"{here.name}: {n + 1} of {rounds}")
        await here.killing(2)
        row = await here.verdict()
        if again := row.repeated_commands + row.repeated_alerts:
            row.problems.append(f"{again} messages were published twice, though every worker went in good order")
        return row
