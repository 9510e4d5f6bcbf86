"""The cut through outputs, states and input offsets that makes a crash harmless.

In this order, and why:
  1. In one step of the event loop: mark every changed state, take the offsets up to which messages were taken in, and
     the outputs that are under way. A state serialised later would hold what a replay must give again: its output
     would be skipped, a lost kill. Marked states become bytes afterwards, each before it changes again, and those of
     one partition while those of the one before are on their way.
  2. Wait until Kafka has those outputs. Commands were sent when they were found.
  3. Write the states to the changelogs, fenced, and wait until Kafka has them. They hold the offsets they stand for,
     so a crash between this step and the next replays messages that the states skip.
  4. Release the offsets, and commit them.
  5. Write the states to the worker's own disk, where it has one: a cache, which a restart completes from the changelog.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog
from faust.types import TP

from monitor.metrics import Metrics
from monitor.worker.fence import Entries, Fenced, FencedChangelogs
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox

log = structlog.get_logger("killcord.checkpoint")

Release = Callable[[Mapping[TP, int]], Awaitable[Any]]
"""Lets the next commit cover everything before these offsets, and commits."""


class Checkpoint:
    """Collects what was taken in and cuts. One cut at a time; ``every``: messages after which one is due at once.

    ``on_fenced(partition)`` hears of a partition that turned out to be another worker's.
    """

    def __init__(
        self,
        ledgers: Sequence[Ledger[Any]],
        outbox: Outbox,
        changelogs: FencedChangelogs,
        release: Release,
        on_fenced: Callable[[int], None],
        metrics: Metrics,
        every: int,
    ) -> None:
        self._ledgers = ledgers
        self._outbox = outbox
        self._changelogs = changelogs
        self._release = release
        self._on_fenced = on_fenced
        self._metrics = metrics
        self._every = every
        self._offsets: dict[TP, int] = {}
        self._positions: dict[TP, int] = {}
        self._taken = 0
        self._lock = asyncio.Lock()
        self._under_way: asyncio.Task[int] | None = None
        self.due = asyncio.Event()

    def took(self, tp: TP, offset: int, messages: int = 1) -> None:
        """``messages`` of ``tp`` were taken in, the last of them at ``offset``."""
        self._offsets[tp] = self._positions[tp] = offset + 1
        self._taken += messages
        if self._taken >= self._every:
            self.due.set()

    def position(self, tp: TP) -> int | None:
        """The offset after the last that was taken in of ``tp``; None before the first since it was assigned."""
        return self._positions.get(tp)

    def assigned(self) -> None:
        """Partitions were assigned anew: all begin at their committed offsets."""
        self._offsets.clear()
        self._positions.clear()

    async def cut(self) -> int:
        """Returns how many messages it covered; 0 as well where it was given up."""
        async with self._lock:
            self._under_way = asyncio.create_task(self._cut())
            try:
                await asyncio.wait({self._under_way})
            except asyncio.CancelledError:  # the next one must not begin while this one goes on
                self._under_way.cancel()
                await asyncio.wait({self._under_way})
                raise
            return 0 if self._under_way.cancelled() else self._under_way.result()

    def give_up(self) -> None:
        """Ends the cut under way. What it would have covered, and what was taken in since, is judged again, by whoever
        is next: no later cut may release offsets beyond states that nobody has."""
        if self._under_way is not None:
            self._under_way.cancel()
        self._offsets.clear()
        self._taken = 0
        self.due.clear()

    def gave_up(self, partitions: set[int]) -> None:
        """These turned out to be another's: nothing of them is released here."""
        self._offsets = {tp: offset for tp, offset in self._offsets.items() if tp.partition not in partitions}

    async def _cut(self) -> int:
        self.due.clear()
        started, generation = time.monotonic(), self._changelogs.generation
        offsets, self._offsets = self._offsets, {}
        taken, self._taken = self._taken, 0
        outputs = self._outbox.under_way()
        marked = sum([ledger.mark() for ledger in self._ledgers])
        if not offsets and not marked:
            return 0
        written = await self._written(self._outbox.settled(outputs), generation)
        # A partition that turned out to be another's: its offsets are not this worker's to commit.
        await self._release({tp: offset for tp, offset in offsets.items() if tp.partition not in written.fenced})
        for ledger in self._ledgers:
            ledger.written()
        self._metrics.checkpoint(time.monotonic() - started)
        await written.to_disk()
        return taken

    async def _written(self, settled: Coroutine[Any, Any, None], generation: int) -> _Written:
        """Makes the bytes of one partition while those before it are on their way, once the outputs are settled."""
        marked = [(ledger, ledger.marked()) for ledger in self._ledgers]
        partitions = sorted(set().union(*(keys for _, keys in marked)))
        written = _Written()
        async with asyncio.TaskGroup() as group:
            before = group.create_task(settled)
            for partition in partitions:
                made = {ledger: await ledger.made(partition, keys.get(partition, ())) for ledger, keys in marked}
                entries = {ledger: states for ledger, states in made.items() if states}
                if entries:
                    group.create_task(self._write(partition, entries, before, generation, written))
        return written

    async def _write(
        self,
        partition: int,
        states: dict[Ledger[Any], Entries],
        settled: asyncio.Task[None],
        generation: int,
        written: _Written,
    ) -> None:
        await asyncio.wait({settled})
        entries = {ledger.changelog: of_it for ledger, of_it in states.items()}
        try:
            offsets = await self._changelogs.write(partition, entries, generation)
        except Fenced as error:
            log.warning("fenced", partition=partition, why=str(error))
            written.fenced.add(partition)
            self._metrics.fenced()
            if generation == self._changelogs.generation:
                self._on_fenced(partition)
        else:
            written.states.append((partition, states, offsets))

    async def keep(self, interval_s: float, stopping: Callable[[], bool]) -> None:
        """Cuts every ``interval_s`` seconds, or as soon as one is due."""
        while not stopping():
            await _first(self.due.wait(), interval_s)
            await self.cut()


class _Written:
    """What became of a cut. states: of each partition by ledger, with where its changelogs have them; fenced: the
    partitions that were another's."""

    def __init__(self) -> None:
        self.states: list[tuple[int, dict[Ledger[Any], Entries], dict[str, int]]] = []
        self.fenced: set[int] = set()

    async def to_disk(self) -> None:
        for partition, states, offsets in self.states:
            for ledger, entries in states.items():
                await ledger.store.written(partition, entries, offsets[ledger.changelog])


async def _first(waiting: Awaitable[Any], within_s: float) -> None:
    try:
        await asyncio.wait_for(waiting, within_s)
    except TimeoutError:
        return
