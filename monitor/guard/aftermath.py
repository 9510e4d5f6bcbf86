"""What a run still did after the event that got it killed: read from its own events, within bounds."""

from __future__ import annotations

import asyncio

from aiokafka import ConsumerRecord, TopicPartition

from detectors.event import Event, ToolCall
from monitor.client.connection import partition_for
from monitor.client.reader import consumer, partitions_of, read_to_end, since
from monitor.client.watch import Proof
from monitor.counted import counted
from monitor.decode import Decoded, decode
from monitor.messages import Command
from monitor.settings import Settings
from monitor.topics import Names

BEFORE_S = 30.0  # how long before the command its event may lie
WITHIN_S = 5.0
BYTES = 64 * 2**20


async def actions_after(settings: Settings, command: Command, run_id: str) -> Proof:
    """Tool calls of the run after the command's event, and the last seq of the command's agent.

    Both null, with the reason in ``detail``, where the event is not found within 5 s and 64 MiB.
    """
    count = _Count(command, run_id)
    try:
        async with asyncio.timeout(WITHIN_S):
            await _read(settings, command, run_id, count)
    except TimeoutError:
        return Proof(detail=f"actions not counted: not read within {WITHIN_S:g} s")
    return count.proof()


async def _read(settings: Settings, command: Command, run_id: str, count: _Count) -> None:
    topic = Names.of(settings.topic_prefix).events
    async with consumer(settings) as reader:
        partitions = await partitions_of(reader, [topic])
        # The command's own, where it names one: the run's producer may place keys differently.
        number = command.partition if command.partition is not None else partition_for(run_id, len(partitions))
        place = TopicPartition(topic, number)
        if settings.ephemeral:  # the embedded broker finds no offsets by time, and keeps little
            start = await reader.beginning_offsets([place])
        else:
            start = await since(reader, [place], command.issued_at - BEFORE_S)
        async for record in read_to_end(reader, start):
            if not count.take(record):
                return


class _Count:
    def __init__(self, command: Command, run_id: str) -> None:
        self.command, self.run_id = command, run_id
        self.bytes = 0
        self.after: int | None = None
        self.last_seq: int | None = None

    def take(self, record: ConsumerRecord) -> bool:
        """False: enough."""
        self.bytes += len(record.value or b"")
        key = bytes(record.key).decode("utf-8", "replace") if record.key else None
        if key in (None, self.run_id):
            read = decode(record.value)
            if isinstance(read, Decoded) and read.run_id == self.run_id:
                for event in read.events:
                    self._event(event)
        return self.bytes < BYTES

    def _event(self, event: Event) -> None:
        if event.id == self.command.event_id:
            self.after = 0
        elif self.after is not None and isinstance(event, ToolCall):
            self.after += 1
        if self.after is not None and event.agent_id == (self.command.agent_id or "") and event.seq is not None:
            self.last_seq = max(event.seq, self.last_seq or 0)

    def proof(self) -> Proof:
        if self.after is None:
            return Proof(detail=f"actions not counted: event {self.command.event_id} not found")
        return Proof(
            detail=f"{counted(self.after, 'action')} after the event", last_seq=self.last_seq, actions_after=self.after
        )
