"""Rebuilds the states of runs whose bytes could not be read, from the events and the journal that Kafka still has.

A run whose state is set aside starts anew at once, so that it goes on being watched. Beside that, what is left of its
events is judged again, without publishing, up to the event that its new state stands at; then the rebuilt state takes
its place. Events that Kafka has forgotten stay forgotten, and it is said from when on the state is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from monitor.client.connection import TopicMissing
from monitor.client.reader import consumer, partitions_of, read_to_end
from monitor.decode import Undecodable, decode
from monitor.engine.state import RunState
from monitor.messages import JournalEntry
from monitor.policy import Policy
from monitor.replay.topic import Partition, TopicJudge
from monitor.settings import Settings
from monitor.topics import Names

log = structlog.get_logger("killcord.rebuild")

GATHER_S = 0.5  # so that one reading of a partition serves all of its runs
YIELD_EVERY = 50  # events between turns of the event loop
ROUNDS = 10  # of reading on, while the run goes on


class Live(NamedTuple):
    """How the worker's states are reached. find: None where the partition is no longer here."""

    find: Callable[[int, str], RunState | None]
    replace: Callable[[int, str, RunState], None]


class Rebuilder:
    """Takes broken runs in by `add`, and rebuilds them while `run` runs. ``policy`` gives the one in force."""

    def __init__(self, settings: Settings, policy: Callable[[], Policy], partitions: int, live: Live) -> None:
        self._settings = settings
        self._names = Names.of(settings.topic_prefix)
        self._policy = policy
        self._partitions = partitions
        self._live = live
        self._broken: dict[int, set[str]] = {}
        self._some = asyncio.Event()

    def add(self, partition: int, run_id: str) -> None:
        self._broken.setdefault(partition, set()).add(run_id)
        self._some.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER_S)
            self._some.clear()
            broken, self._broken = self._broken, {}
            for partition, runs in broken.items():
                try:
                    await self._rebuild(partition, runs)
                except (KafkaError, TopicMissing, OSError, ValueError) as error:
                    log.error(
                        "not rebuilt, the runs go on anew", partition=partition, runs=sorted(runs), why=repr(error)
                    )
                except Exception:  # an event that no code foresaw: it must not end the worker
                    log.exception("not rebuilt, the runs go on anew", partition=partition, runs=sorted(runs))

    async def _rebuild(self, partition: int, runs: set[str]) -> None:
        journal = await self._journal(partition, runs)
        judge = TopicJudge(self._settings, self._policy(), None, lambda name, error: None)
        replayed = Partition(partition, self._partitions, journal, judge)
        left, begin = runs, 0
        for _ in range(ROUNDS):
            records, begin = await self._events(partition, runs, begin)
            for n, record in enumerate(records):
                replayed.event(record)
                if n % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            left = {run_id for run_id in left if not self._replaced(partition, run_id, replayed)}
            if not left:
                return
        log.error("not rebuilt, the runs went on too fast", partition=partition, runs=sorted(left))

    def _replaced(self, partition: int, run_id: str, replayed: Partition) -> bool:
        """Puts the rebuilt state in place where both stand at the same event. True: nothing is left to do."""
        live = self._live.find(partition, run_id)
        if live is None:
            return True
        rebuilt = replayed.state(run_id)
        if rebuilt is None:
            log.error("not rebuilt, Kafka has none of its events", partition=partition, run_id=run_id)
            return True
        if rebuilt.offset != live.offset:
            return False
        rebuilt.watchers = rebuilt.watchers or live.watchers
        self._live.replace(partition, run_id, rebuilt)
        log.warning("state rebuilt", partition=partition, run_id=run_id, known_since=rebuilt.run.started_at)
        return True

    async def _events(self, partition: int, runs: set[str], begin: int) -> tuple[list[ConsumerRecord], int]:
        """Messages of these runs that the worker has judged, from an offset on, and where to go on."""
        place = TopicPartition(self._names.events, partition)
        judged = {run_id: live.offset for run_id in runs if (live := self._live.find(partition, run_id)) is not None}
        upto = max(judged.values(), default=-1) + 1
        async with consumer(self._settings) as reader:
            await partitions_of(reader, [place.topic])
            first = max(begin, (await reader.beginning_offsets([place]))[place])
            found = read_to_end(reader, {place: first}, {place: upto})
            return [record async for record in found if record.offset <= judged.get(run_of(record), -1)], upto

    async def _journal(self, partition: int, runs: Iterable[str]) -> list[JournalEntry]:
        place, wanted = TopicPartition(self._names.journal, partition), set(runs)
        decoder = msgspec.json.Decoder(JournalEntry)
        entries = []
        async with consumer(self._settings) as reader:
            await partitions_of(reader, [place.topic])
            first = await reader.beginning_offsets([place])
            async for record in read_to_end(reader, first):
                entry = decoder.decode(record.value or b"")
                if entry.topic == "events" and (entry.run_id is None or entry.run_id in wanted):
                    entries.append(entry)
        return entries


def run_of(record: ConsumerRecord) -> str:
    decoded = decode(record.value)
    return "" if isinstance(decoded, Undecodable) else decoded.run_id
