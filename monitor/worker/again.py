"""What a predecessor took in after its last checkpoint, beside events: taken in again at the same places.

Events that a crashed worker had judged after its last checkpoint are judged again. Acknowledgements, decisions and
timers lie on other topics, or nowhere, and would come at other places among those events than they did: one alert would
get two contents. The journal says where they came.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable

import msgspec
import structlog
from aiokafka import TopicPartition

from monitor.client.reader import consumer, partitions_of, read_to_end, since
from monitor.engine.state import RunState
from monitor.messages import JournalEntry
from monitor.settings import Settings
from monitor.topics import Names

log = structlog.get_logger("killcord.again")

WITHIN_S = 60.0  # checkpoints are a fraction of a second apart; longer while Kafka takes none
PATIENCE_S = 5.0


class Again:
    """Entries of the journal by run, until the run's state has reached their place.

    governed: why the governor held a kill back, by alert and the offset of its event.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = Names.of(settings.topic_prefix).journal
        self._entries: dict[tuple[int, str], deque[JournalEntry]] = {}
        self.governed: dict[tuple[str, int], str] = {}

    async def read(self, partitions: Iterable[int]) -> None:
        """The end of the journals of these partitions; what was left of others is dropped.

        Where Kafka does not answer in time it is done without: alerts may then be said in other words than before.
        """
        self._entries.clear()
        self.governed.clear()
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        if not places or self._settings.ephemeral:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._read(places)
        except Exception as error:  # whatever it is, the worker can do without
            log.warning("went on without the journal's end", partitions=sorted(partitions), why=repr(error))

    async def _read(self, places: list[TopicPartition]) -> None:
        decoder = msgspec.json.Decoder(JournalEntry)
        async with consumer(self._settings) as reader:
            await partitions_of(reader, [self._topic])
            begin = await since(reader, places, time.time() - WITHIN_S)
            async for record in read_to_end(reader, begin):
                try:
                    entry = decoder.decode(record.value or b"")
                except msgspec.DecodeError as error:
                    log.warning("no journal entry", partition=record.partition, offset=record.offset, why=str(error))
                    continue
                self._keep(entry)

    def _keep(self, entry: JournalEntry) -> None:
        if entry.topic != "events" or entry.run_id is None:
            return
        if entry.governed is not None:
            self.governed[entry.governed, entry.offset + 1] = entry.why or "the governor held it back"
        elif entry.kind != "governor":
            self._entries.setdefault((entry.partition, entry.run_id), deque()).append(entry)

    def runs(self) -> list[tuple[int, str]]:
        return list(self._entries)

    def due(self, partition: int, state: RunState) -> list[JournalEntry]:
        """Those that took effect after the event that the state stands at. Earlier ones are part of it."""
        place = partition, state.run.run_id
        entries, found = self._entries.get(place), []
        while entries and entries[0].offset <= state.offset:
            entry = entries.popleft()
            if entry.offset == state.offset and not _done(state, entry):
                found.append(entry)
        if not entries:
            self._entries.pop(place, None)
        return found

    def __bool__(self) -> bool:
        return bool(self._entries)


def _done(state: RunState, entry: JournalEntry) -> bool:
    """Whether a timer's step is part of the state; of the others, doing them again changes nothing."""
    if entry.timer is None:
        return False
    step, _, command_id = entry.timer.partition(":")
    for tracked in state.tracked:
        if tracked.command.id == command_id and tracked.status in ("issued", "received"):
            return (step == "retry") != (tracked.attempts < 2)
    return True
