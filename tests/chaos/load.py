"""A fleet that works at a given rate: many runs side by side, each by its story, over one bare producer."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from tests.chaos.stories import SHARES, Event, Run, Story, destroyer, spender, sudden

TICK_S = 0.01
MOST_BEHIND_S = 1.0  # what could not be offered, since no broker took it, is not made up for
DEPLOYMENTS = 7


class Place(NamedTuple):
    """Where the broker put a record, and when (its own clock, Unix seconds)."""

    partition: int
    offset: int
    stamp: float


class Mischief(NamedTuple):
    """What a bad network and bad clocks do to events: shares of them, and of runs. Delays up to ``late_s`` seconds."""

    repeated: float = 0.0
    delayed: float = 0.0
    late_s: float = 2.0
    skewed: float = 0.0


class Fleet:
    """``rate``: events a second; ``width``: runs at a time.

    runs: all that were started. places: of each fatal event, once the broker has it. sent: events acknowledged.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        rate: float,
        *,
        name: str = "run",
        width: int = 60,
        seed: int = 0,
        shares: Mapping[Story, float] = SHARES,
        mischief: Mischief = Mischief(),  # noqa: B008
    ) -> None:
        self._producer, self._topic, self._rate, self._name = producer, topic, rate, name
        self._random = random.Random(seed)
        self._stories, self._weights = list(shares), list(shares.values())
        self._mischief = mischief
        self._working: deque[tuple[Run, Iterator[Event]]] = deque()
        self._width = width
        self._later: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Future[RecordMetadata]] = set()
        self._numbers = itertools.count()
        self._stopping = False
        self.runs: dict[str, Run] = {}
        self.fatal: dict[str, str] = {}  # run: event
        self.places: dict[str, Place] = {}
        self.born: asyncio.Queue[Run] = asyncio.Queue()
        self.sent = 0
        self.failed: BaseException | None = None

    async def work(self) -> None:
        """Until `stop`; then every run that is doomed is brought to its end, so that nobody waits in vain."""
        began, offered = time.monotonic(), 0
        while not self._stopping:
            due = int((time.monotonic() - began) * self._rate)
            if due - offered > self._rate * MOST_BEHIND_S:
                began, offered, due = time.monotonic(), 0, 1
            for _ in range(due - offered):
                await self._step()
            offered = due
            await asyncio.sleep(TICK_S)
        while self._working:
            await self._step(begin=False)
        await asyncio.gather(*self._later)
        while self._under_way:
            await asyncio.wait(self._under_way)
        if self.failed is not None:
            raise self.failed

    def stop(self) -> None:
        self._stopping = True

    def halt(self, run_id: str) -> int | None:
        """The kill-switch pulls the plug; returns the seq of the run's last event."""
        run = self.runs.get(run_id)
        if run is None:
            return None
        run.stopped = True
        return run.seq

    def uncertain(self) -> set[str]:
        """Runs that may die for another event than the story says: budgets count calls as they come, some late."""
        if not self._mischief.delayed:
            return set()
        return {run.id for run in self.runs.values() if any(rule == "budget.run" for rule, _ in run.told)}

    def told(self) -> set[tuple[str, str, str | None]]:
        """(rule, run, event) of everything that people must be told; event None: one of the run's."""
        late = self.uncertain()
        return {
            (rule, run.id, None if run.id in late else event) for run in self.runs.values() for rule, event in run.told
        }

    async def _step(self, begin: bool = True) -> None:
        if begin and len(self._working) < self._width:
            self._working.append(self._begin())
        run, story = self._working.popleft()
        event = None if run.stopped else next(story, None)
        if event is None:
            return
        self._working.append((run, story))
        if run.fatal == event["id"]:
            self.fatal[run.id] = event["id"]
        await self._send(run, event)

    def _begin(self) -> tuple[Run, Iterator[Event]]:
        number = next(self._numbers)
        (story,) = self._random.choices(self._stories, self._weights)
        skew = 0.0
        if self._random.random() < self._mischief.skewed:
            skew = self._random.choice((-3600.0, 3600.0, None))
        run = Run(f"{self._name}-{number}", f"team-{number % DEPLOYMENTS}", skew)
        self.runs[run.id] = run
        if story in (destroyer, spender, sudden) and number % 2:
            run.watched = True
            self.born.put_nowait(run)
        return run, story(run)

    async def _send(self, run: Run, event: Event) -> None:
        dice = self._random.random()
        if dice < self._mischief.delayed and run.fatal != event["id"]:
            self._after(self._random.uniform(0.05, self._mischief.late_s), event)
            return
        await self._produce(event)
        if dice > 1.0 - self._mischief.repeated:
            self._after(self._random.choice((0.0, self._random.uniform(0.05, self._mischief.late_s))), event)

    def _after(self, seconds: float, event: Event) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            await self._produce(event)

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _produce(self, event: Event) -> None:
        future = await self._producer.send(self._topic, json.dumps(event).encode(), key=event["run_id"].encode())
        self._under_way.add(future)
        future.add_done_callback(lambda done: self._taken(done, event))

    def _taken(self, done: asyncio.Future[RecordMetadata], event: Event) -> None:
        self._under_way.discard(done)
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            self.failed = error
            return
        self.sent += 1
        where = done.result()
        if self.fatal.get(event["run_id"]) == event["id"]:
            self.places.setdefault(event["run_id"], Place(where.partition, where.offset, where.timestamp / 1000))
