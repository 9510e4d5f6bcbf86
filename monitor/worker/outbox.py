"""What the worker publishes: to which topic, under which key, to which partition; and each until Kafka has it.

Acknowledged by all in-sync replicas. What Kafka does not take is tried again until it does: an alert or a kill is never
given up, and the checkpoint waits for it, so its event is not committed either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from detectors.rollup import Rollup
from monitor import messages
from monitor.engine.outcome import Outcome
from monitor.messages import Alert, Command, JournalEntry
from monitor.metrics import Metrics
from monitor.topics import Names
from monitor.worker.attempts import Attempts
from monitor.worker.producer import Sent
from monitor.worker.record import Record, encode_rollup

log = structlog.get_logger("killcord.outbox")

MOST_UNDER_WAY = 20_000  # records; beyond, no more events are taken in
GATHER_S, MOST_GATHERED = 0.05, 500  # of rollups, which nobody waits for: how long, and how many

Send = Callable[[Record, bool], Awaitable[Awaitable[Any]]]
"""Hands a record to a producer, the second argument says that it is a command; the inner awaitable is done when all
in-sync replicas have it."""
SendTogether = Callable[[Sequence[Record]], Awaitable[list[Sent]]]
"""The same for records of one topic, in few batches."""


class Outbox:
    """Sends, keeps count of what is under way, and lets the checkpoint wait for it.

    refused: why Kafka did not take the latest record; None while it does. urgent: a command was handed in since
    `take_urgent`, and waits for the event loop.
    """

    def __init__(self, names: Names, send: Send, send_together: SendTogether, metrics: Metrics) -> None:
        self.names = names
        self._send = send
        self._send_together = send_together
        self._metrics = metrics
        self._under_way: set[asyncio.Task[None]] = set()
        self._rollups: list[Record] = []
        self._together = 0  # records under way that others go with
        self._in_order = asyncio.Lock()  # whoever reads rollups takes an earlier one after a later for a repeat
        self.refused: str | None = None
        self.urgent = False

    def publish(self, out: Outcome, stamp: float | None = None) -> None:
        """Sends an outcome: commands first and at once. ``stamp``: the broker's, of the event that led to it."""
        for command in out.commands:
            value = messages.encode(command)
            key = command.key.encode()
            # Standing first: a switch that starts between the two still learns of it.
            # What an operator ordered stands already, and may have been lifted since.
            if command.action in ("kill", "pause") and command.issued_by == "killcord":
                self._send_command(Record(self.names.standing, command.standing_key.encode(), value))
            self._send_command(Record(self.names.control, key, value), partial(self._sent, command, stamp))
        for key in out.lifted:
            self.send(Record(self.names.standing, key.encode(), None))
        for alert in out.alerts:
            self._metrics.alert(alert)
            self.send(Record(self.names.alerts, alert.key.encode(), messages.encode(alert)))
        for rollup in out.rollups:
            self.rollup(rollup)
        for entry in out.journal:
            self.journal(entry)

    def alert(self, alert: Alert) -> None:
        self.publish(Outcome(alerts=[alert]))

    def rollup(self, rollup: Rollup) -> None:
        self._rollups.append(Record(self.names.rollups, rollup.key.encode(), encode_rollup(rollup)))
        if len(self._rollups) == 1:
            asyncio.get_running_loop().call_later(GATHER_S, self._send_rollups)
        elif len(self._rollups) >= MOST_GATHERED:
            self._send_rollups()

    def journal(self, entry: JournalEntry) -> None:
        """To the partition of the run's events, so that a replay of some partitions needs only theirs."""
        key = (entry.run_id or f"policy:{entry.digest}").encode()
        self.send(Record(self.names.journal, key, messages.encode(entry), partition=entry.partition))

    def send(self, record: Record) -> None:
        self._start(self._deliver(record))

    def _send_command(self, record: Record, then: Callable[[], None] | None = None) -> None:
        self.urgent = True
        self._start(self._deliver(record, then, command=True))

    def _send_rollups(self) -> None:
        records, self._rollups = self._rollups, []
        if records:
            self._start(self._deliver_together(records))

    def _start(self, delivery: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(delivery)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def take_urgent(self) -> bool:
        was, self.urgent = self.urgent, False
        return was

    @property
    def full(self) -> bool:
        """Kafka takes so little that more events would only fill the memory: they wait on their topic."""
        return len(self._under_way) + self._together > MOST_UNDER_WAY

    def under_way(self) -> set[asyncio.Task[None]]:
        """What was sent and is not acknowledged yet. Rollups that wait for others leave now."""
        self._send_rollups()
        return set(self._under_way)

    async def settled(self, deliveries: set[asyncio.Task[None]]) -> None:
        """Returns when these are acknowledged. To be cancelled harms none of them."""
        if deliveries:
            await asyncio.wait(deliveries)

    async def _deliver(self, record: Record, then: Callable[[], None] | None = None, *, command: bool = False) -> None:
        attempts = Attempts("output", topic=record.topic)
        while True:
            try:
                await (await self._send(record, command))
            except Exception as error:  # whatever it is: its event must not be committed without it
                if isinstance(error, MessageSizeTooLargeError):
                    # No further attempt could end otherwise, and the checkpoint would wait for ever.
                    log.critical("too large for Kafka, given up", topic=record.topic, error=repr(error))
                    return
                self.refused = repr(error)
                await asyncio.sleep(attempts.failed(error))
                continue
            self.refused = None
            if then is not None:
                then()
            return

    async def _deliver_together(self, records: list[Record]) -> None:
        """Those before are in Kafka before these are handed over, however often it refuses them."""
        attempts, left = Attempts("output", topic=records[0].topic), records
        self._together += len(records)
        async with self._in_order:
            while left:
                left, failed = await self._attempt(left)
                self.refused = None if failed is None else repr(failed)
                if failed is not None:
                    await asyncio.sleep(attempts.failed(failed))
        self._together -= len(records)

    async def _attempt(self, records: list[Record]) -> tuple[list[Record], Exception | None]:
        """Returns those that Kafka did not take, and why."""
        try:
            batches = await self._send_together(records)
        except Exception as error:  # whatever it is: their events must not be committed without them
            return records, error
        left: list[Record] = []
        failed: Exception | None = None
        for sent in batches:
            try:
                await sent.done
            except MessageSizeTooLargeError:
                for record in sent.records:  # one by one, so that none is given up with another
                    await self._deliver(record)
            except Exception as error:
                failed = error
                left += sent.records
        return left, failed

    def _sent(self, command: Command, stamp: float | None) -> None:
        self._metrics.command(command, None if stamp is None else time.time() - stamp)
