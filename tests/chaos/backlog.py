"""Events have piled up with no worker to judge them; some runs go wrong in the middle of it, and more do so live."""

from __future__ import annotations

import asyncio
import json

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import Site, site
from tests.chaos.stories import Run, healthy, sudden

DOOMED_EVERY = 50  # runs
RUNS_AT_ONCE = 200


async def drained(ground: Ground, *, events: int = 1_000_000, rate: float = 100.0) -> Row:
    """Two workers start before a backlog, with live load behind it."""
    async with site(ground, f"backlog of {events:,}", partitions=8) as here:
        told = await pile_up(here, events)
        here.work(rate)
        for worker in [here.worker(), here.worker()]:
            await worker.ready()
        say(f"{here.name}: {len(here.fatal)} runs are doomed in it, the workers have begun")
        await here.until(lambda: set(here.fatal) <= set(here.switch.kills), "the backlog is judged", events / 1000 + 60)
        say(f"{here.name}: judged")
        await here.killing(2)
        return await here.verdict(told=told)


async def pile_up(here: Site, events: int) -> set[tuple[str, str, str]]:
    """So many events of healthy runs, with a doomed one among so many; returns what people must be told."""
    told: set[tuple[str, str, str]] = set()
    sent, number = 0, 0
    while sent < events:
        waiting = []
        for _ in range(RUNS_AT_ONCE):
            run = Run(f"past-{number}", f"team-{number % 7}")
            doomed = number % DOOMED_EVERY == 0
            number += 1
            for event in sudden(run) if doomed else healthy(run):
                value = json.dumps(event).encode()
                waiting.append(await here.producer.send(here.topic("events"), value, key=run.id.encode()))
            if run.fatal is not None:
                here.fatal[run.id] = run.fatal
                told.add(("destructive.wide", run.id, run.fatal))
        await asyncio.gather(*waiting)
        before, sent = sent, sent + len(waiting)
        if sent // 100_000 > before // 100_000:
            say(f"{here.name}: {sent:,} events wait")
    return told
