"""The cut through outputs, states and input offsets that makes a crash harmless.

In this order, and why:
  1. In one step of the event loop: take the bytes of every changed state and the messages taken in since the last cut.
     A state serialised later would hold what a replay must give again: its output would be skipped, a lost kill.
  2. Wait until Kafka has every output that was sent before. Commands were sent when they were found.
  3. Write the states to the changelogs and wait until Kafka has them. They hold the offsets they stand for, so a crash
     between this step and the next replays messages that the states skip.
  4. Acknowledge the messages to Faust, in order; its next commit releases their offsets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from monitor.metrics import Metrics
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox
from monitor.worker.record import Record

log = structlog.get_logger("killcord.checkpoint")


class Taken(Protocol):
    """A message that was taken in (a Faust event)."""

    def ack(self) -> bool: ...


class Checkpoint:
    """Collects what was taken in and cuts. One cut at a time; ``every``: messages after which one is due at once."""

    def __init__(self, ledgers: Sequence[Ledger[Any]], outbox: Outbox, metrics: Metrics, every: int) -> None:
        self._ledgers = ledgers
        self._outbox = outbox
        self._metrics = metrics
        self._every = every
        self._taken: list[Taken] = []
        self._lock = asyncio.Lock()
        self.due = asyncio.Event()

    def took(self, message: Taken) -> None:
        self._taken.append(message)
        if len(self._taken) >= self._every:
            self.due.set()

    async def cut(self) -> int:
        """Returns how many messages were acknowledged."""
        async with self._lock:
            self.due.clear()
            started = time.monotonic()
            taken, self._taken = self._taken, []
            states = [
                Record(ledger.changelog, key, value, partition)
                for ledger in self._ledgers
                for partition, key, value in ledger.cut()
            ]
            if not taken and not states:
                return 0
            await self._outbox.settled()
            for record in states:
                self._outbox.send(record)
            await self._outbox.settled()
            for message in taken:
                message.ack()
            self._metrics.checkpoint(time.monotonic() - started)
            return len(taken)

    async def keep(self, interval_s: float, stopping: Callable[[], bool]) -> None:
        """Cuts every ``interval_s`` seconds, or as soon as one is due."""
        while not stopping():
            await _first(self.due.wait(), interval_s)
            await self.cut()


async def _first(waiting: Awaitable[Any], within_s: float) -> None:
    try:
        await asyncio.wait_for(waiting, within_s)
    except TimeoutError:
        return
