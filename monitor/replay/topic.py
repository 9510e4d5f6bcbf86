"""A topic judged again: the events, with what the journal says changed verdicts, and the rollups for the second stage.

Reads without a consumer group and commits nothing. Every partition is replayed in its own order; before each event,
what the journal says took effect before it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, TypeAlias

import msgspec
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from detectors.fleet import FleetState
from detectors.rollup import Rollup
from monitor.client.reader import consumer, partitions_of, read_to_end, since
from monitor.decode import Undecodable, decode
from monitor.engine.engine import Engine
from monitor.engine.fleet import FleetEngine
from monitor.engine.governor import RecordedGovernor
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, expired, new
from monitor.messages import JournalEntry
from monitor.policy import Policy
from monitor.replay.judge import Judged
from monitor.settings import Settings
from monitor.topics import Names

Journal: TypeAlias = dict[tuple[str, int], list[JournalEntry]]
"""Entries by the topic and partition that they are about."""


class Range(NamedTuple):
    """Of broker stamps, Unix seconds; None: open."""

    since: float | None = None
    until: float | None = None


class TopicJudge:
    """``policy``: in place of the ones that the journal says were in force (None: those)."""

    def __init__(
        self, settings: Settings, shipped: Policy, policy: Policy | None, on_error: Callable[[str, Exception], None]
    ) -> None:
        self._settings = settings
        self._names = Names.of(settings.topic_prefix)
        self._shipped = shipped
        self._policy = policy
        self._on_error = on_error
        self.read = 0
        self.undecodable: list[tuple[int, int, str]] = []

    async def judge(self, within: Range) -> AsyncIterator[tuple[float, Judged]]:
        """(stamp, what it led to), partition by partition."""
        journal = await self._journal()
        partitions = await self._partitions(self._names.events)
        for partition in partitions:
            replayed = Partition(partition, len(partitions), journal.get(("events", partition), []), self)
            async for record in self._records(self._names.events, partition, within):
                self.read += 1
                for judged in replayed.event(record):
                    yield record.timestamp / 1000, judged
            for judged in replayed.rest():
                yield replayed.stamp, judged
        async for found in self._second_stage(within, journal):
            yield found

    async def _second_stage(self, within: Range, journal: Journal) -> AsyncIterator[tuple[float, Judged]]:
        decoder = msgspec.json.Decoder(Rollup)
        for partition in await self._partitions(self._names.rollups):
            replayed = FleetPartition(journal.get(("rollups", partition), []), self)
            async for record in self._records(self._names.rollups, partition, within):
                try:
                    rollup = decoder.decode(record.value or b"")
                except msgspec.DecodeError as error:
                    self.undecodable.append((partition, record.offset, str(error)))
                    continue
                out = replayed.rollup(record.offset, rollup)
                if out:
                    yield record.timestamp / 1000, Judged(rollup.time, rollup.key, out.alerts, out.commands)

    async def _journal(self) -> Journal:
        decoder = msgspec.json.Decoder(JournalEntry)
        found: Journal = {}
        for partition in await self._partitions(self._names.journal):
            async for record in self._records(self._names.journal, partition, Range()):
                entry = decoder.decode(record.value or b"")
                found.setdefault((entry.topic, entry.partition), []).append(entry)
        return found

    async def _partitions(self, topic: str) -> list[int]:
        async with consumer(self._settings) as reader:
            return [place.partition for place in await partitions_of(reader, [topic])]

    async def _records(self, topic: str, partition: int, within: Range) -> AsyncIterator[ConsumerRecord]:
        place = TopicPartition(topic, partition)
        async with consumer(self._settings) as reader:
            await partitions_of(reader, [topic])
            reader.assign([place])
            first = await reader.beginning_offsets([place])
            if within.since is not None:
                first = await since(reader, [place], within.since)
            async for record in read_to_end(reader, first):
                if within.until is not None and record.timestamp / 1000 > within.until:
                    return
                yield record


class Partition:
    """One partition's runs, replayed with its journal."""

    def __init__(self, partition: int, partitions: int, journal: list[JournalEntry], judge: TopicJudge) -> None:
        self._journal = _once(journal)
        self._judge = judge
        self._next = 0
        self._runs: dict[str, RunState] = {}
        governed = {
            (entry.governed, entry.offset + 1): entry.why or "the governor held it back"
            for entry in journal
            if entry.governed is not None
        }
        self._engine = Engine(
            judge._policy or judge._shipped, RecordedGovernor(governed), on_error=judge._on_error, partitions=partitions
        )
        self.stamp = 0.0

    def event(self, record: ConsumerRecord) -> list[Judged]:
        self.stamp = record.timestamp / 1000
        found = self._until(record.offset)
        decoded = decode(record.value, self._judge._settings.max_event_bytes)
        if isinstance(decoded, Undecodable):
            self._judge.undecodable.append((record.partition, record.offset, decoded.reason))
            return found
        if not decoded.events:
            return found
        state = self._runs.get(decoded.run_id)
        if state is None or expired(state, self.stamp, self._judge._settings.run_ttl_s):
            state = self._runs[decoded.run_id] = new(decoded.run_id)
        at = Position(record.topic, record.partition, record.offset, self.stamp)
        out = self._engine.take(state, decoded.events, at)
        if out:
            found.append(Judged(state.run.now, decoded.run_id, out.alerts, out.commands))
        return found

    def rest(self) -> list[Judged]:
        return self._until(None)

    def state(self, run_id: str) -> RunState | None:
        """What is known of a run by now; None where none of its events came."""
        return self._runs.get(run_id)

    def _until(self, offset: int | None) -> list[Judged]:
        """Does what the journal says took effect before the event at ``offset`` (None: all that is left)."""
        found = []
        while self._next < len(self._journal):
            entry = self._journal[self._next]
            if offset is not None and entry.offset >= offset:
                break
            self._next += 1
            if entry.kind == "policy":
                if self._judge._policy is None and entry.policy is not None:
                    self._engine.use(Policy.from_effective(entry.policy))
                continue
            if entry.run_id is None:
                continue
            state = self._runs.get(entry.run_id)
            if state is None:
                state = self._runs[entry.run_id] = new(entry.run_id)
                state.partition = entry.partition
            out: Outcome = self._engine.apply(state, entry)
            if out.alerts or out.commands:
                found.append(Judged(state.run.now, entry.run_id, out.alerts, out.commands))
        return found


class FleetPartition:
    """One partition of the rollups, replayed with its journal."""

    def __init__(self, journal: list[JournalEntry], judge: TopicJudge) -> None:
        self._journal = _once(journal)
        self._judge = judge
        self._next = 0
        self._states: dict[str, FleetState] = {}
        self._use(judge._policy or judge._shipped)

    def _use(self, policy: Policy) -> None:
        names = self._judge._names
        self._engine = FleetEngine(policy, events_topic=names.events, on_error=self._judge._on_error)

    def rollup(self, offset: int, rollup: Rollup) -> Outcome:
        while self._next < len(self._journal) and self._journal[self._next].offset < offset:
            entry = self._journal[self._next]
            self._next += 1
            if entry.policy is not None and self._judge._policy is None:
                self._use(Policy.from_effective(entry.policy))
            elif entry.operator is not None:
                self._engine.decide(self._states.setdefault(entry.operator.key, FleetState()), entry.operator)
        return self._engine.process(self._states.setdefault(rollup.key, FleetState()), rollup)


def _once(journal: list[JournalEntry]) -> list[JournalEntry]:
    """By offset, in the journal's order among equals; what a restarted worker wrote again counts once."""
    seen: set[bytes] = set()
    entries = []
    for entry in journal:
        what = msgspec.structs.replace(entry, offset=0, digest="", time=0.0) if entry.kind != "policy" else entry
        mark = msgspec.json.encode(what)
        if mark not in seen:
            seen.add(mark)
            entries.append(entry)
    return sorted(entries, key=lambda entry: entry.offset)
