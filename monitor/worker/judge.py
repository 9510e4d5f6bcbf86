"""The worker's synchronous core: one message in, its run's state changed, and what to publish out.

Nothing here waits: what it sends is on its way when the call returns, and the checkpoint waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Protocol, TypeVar

import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from detectors.event import Heartbeat
from monitor.decode import Undecodable, decode
from monitor.engine import inputs
from monitor.engine.canary import is_canary
from monitor.engine.engine import Engine
from monitor.engine.governor import Governor
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, expired, head, new, waiting
from monitor.messages import Ack, Command, JournalEntry, OperatorDecision
from monitor.metrics import Metrics
from monitor.policy import Policy
from monitor.settings import Settings
from monitor.worker.again import Again
from monitor.worker.lag import Lag
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox
from monitor.worker.record import dead_letter
from monitor.worker.silence import Silence

log = structlog.get_logger("killcord.worker")

_acks = msgspec.json.Decoder(Ack)
_decisions = msgspec.json.Decoder(OperatorDecision)
T = TypeVar("T", Ack, OperatorDecision)

LOOK_S = 0.002  # at runs to forget, before events have their turn
HEADERS_BYTES = 8192  # of a dead letter, and of the batch around it


class Fetched(Protocol):
    """What is read of a Kafka record, aiokafka's and Faust's alike."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Incoming(Fetched, Protocol):
    """Faust's message. timestamp: Unix seconds, the broker's."""

    timestamp: float


class Judge:
    """Engine, states and outbox of one worker. ``partitions``: of the event topic."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        runs: Ledger[RunState],
        outbox: Outbox,
        metrics: Metrics,
        partitions: int,
    ) -> None:
        self.again = Again(settings)
        self.engine = Engine(
            policy, Governor(self.again.governed), on_error=self._detector_failed, partitions=partitions
        )
        self.runs = runs
        self.lag = Lag()
        self.silence = Silence(settings.agent_heartbeat_s, runs.find, self._publish)
        self._settings = settings
        self._outbox = outbox
        self._metrics = metrics
        self._partitions: set[int] = set()
        self._waiting: set[tuple[int, str]] = set()
        self._kinds: Counter[str] = Counter()
        self._latest = 0.0
        self._busy = 0.0
        self._journaled: dict[int, str] = {}  # partition: digest of the policy that its journal knows

    def batch(self, records: Sequence[ConsumerRecord], begin: int, until: float) -> int:
        """Records of one partition of the event topic from index ``begin`` on, until the monotonic clock passes
        ``until`` or a command is to leave. Returns the index of the first that was not taken in."""
        clock, outbox, judge, started = time.monotonic, self._outbox, self._event, time.perf_counter()
        self._journal_policy(records[begin].partition, records[begin].offset - 1)
        end = begin
        for record in islice(records, begin, None):
            end += 1
            try:
                judge(record, record.timestamp / 1000)
            except Exception as error:
                self.failed(record, error)
            if outbox.urgent or clock() > until:
                break
        last = records[end - 1]
        self._latest = last.timestamp / 1000
        self.lag.judged(last.partition, last.offset, self._latest)
        self._busy += time.perf_counter() - started
        return end

    def event(self, message: Fetched, stamp: float) -> None:
        """One message of the event topic. ``stamp``: the broker's, Unix seconds."""
        self._journal_policy(message.partition, message.offset - 1)
        try:
            self._event(message, stamp)
        except Exception as error:
            self.failed(message, error)
        self._latest = stamp
        self.lag.judged(message.partition, message.offset, stamp)

    def failed(self, message: Fetched, error: Exception) -> None:
        """What no code foresaw goes to the dead-letter topic: one message must not stop its partition."""
        log.exception("message failed", topic=message.topic, offset=message.offset)
        self.bury(message, f"the worker failed on it: {type(error).__name__}: {error}")

    def _event(self, message: Fetched, stamp: float) -> None:
        decoded = decode(message.value, self._settings.max_event_bytes)
        if isinstance(decoded, Undecodable):
            self.bury(message, decoded.reason)
            return
        if decoded.unknown:
            self._metrics.unknown_kinds(decoded.unknown)
        events = decoded.events
        if not events:
            return
        partition, run_id = message.partition, decoded.run_id
        state = self.runs.get(partition, run_id)
        if message.offset <= state.offset:
            self._metrics.duplicates(len(events))
            return
        if stamp - state.stamp > self._settings.run_ttl_s and expired(state, stamp, self._settings.run_ttl_s):
            state = new(run_id)
        out = self.engine.take(state, events, Position(message.topic, partition, message.offset, stamp))
        if state.signs is not None or len(events) > 1 or type(events[0]) is Heartbeat:
            self.silence.saw(partition, state, events, stamp, self.engine.policy)
        if not (state.canary and is_canary(state, events[0])):  # which counts nowhere
            for event in events:
                self._kinds[event.kind] += 1
            for finding in out.findings:
                self._metrics.finding(finding.rule)
        if out or state.tracked:
            self._publish(partition, run_id, state, out, stamp)
        else:
            self.runs.put(partition, run_id, state)
        if self.again:
            self._do_again(partition, state)

    def _do_again(self, partition: int, state: RunState) -> None:
        """What a predecessor took in after the event that this run stands at."""
        for entry in self.again.due(partition, state):
            out = self.engine.apply(state, entry)
            out.journal.clear()  # it has them from then
            self._publish(partition, state.run.run_id, state, out)

    def ack(self, message: Incoming) -> None:
        """One acknowledgement, in the partition of its run's events."""
        ack = self._input(message, _acks)
        if ack is None:
            return
        state = self.runs.get(message.partition, ack.run_id)
        state.partition = message.partition
        state.stamp = max(state.stamp, message.timestamp)
        issued = next((t.command.issued_at for t in state.tracked if t.command.id == ack.command_id), None)
        out = inputs.acknowledge(state, ack, self.engine.policy.digest)
        if out:
            self._metrics.ack(ack, None if issued is None else time.time() - issued)
        self._publish(message.partition, ack.run_id, state, out)

    def decision(self, message: Incoming) -> OperatorDecision | None:
        """One operator's decision. What is wider than a run concerns this partition's runs, and is returned for the
        second stage."""
        decision = self._input(message, _decisions)
        if decision is None:
            return None
        if decision.scope != "run":
            self._wide(message.partition, decision)
            return decision
        state = self.runs.get(message.partition, decision.target)
        state.partition = message.partition
        state.stamp = max(state.stamp, message.timestamp)
        out = inputs.decide(state, decision, self.engine.policy.digest)
        self._publish(message.partition, decision.target, state, out)
        return None

    def _wide(self, partition: int, decision: OperatorDecision) -> None:
        if decision.command is None:
            return
        for run_id, state in list(self.runs.each(partition)):
            out = inputs.decide(state, decision, self.engine.policy.digest)
            if out:
                self._publish(partition, run_id, state, out)

    def tick(self, now: float) -> None:
        """Second attempts and escalations. ``now``: Unix seconds."""
        wide: set[str] = set()
        for partition, run_id in list(self._waiting):
            state = self.runs.find(partition, run_id)
            if state is None or not waiting(state):
                self._waiting.discard((partition, run_id))
                continue
            out = inputs.on_time(state, now, self._settings.ack_timeout_s, self.engine.policy.digest)
            # One second attempt of a wide command reaches all of its runs.
            out.commands = [command for command in out.commands if command.scope == "run" or command.id not in wide]
            wide.update(command.id for command in out.commands)
            if out:
                for alert in out.alerts:
                    self._metrics.escalated()
                    log.warning("escalated", run_id=run_id, alert_id=alert.id, command_id=alert.command_id)
                self._publish(partition, run_id, state, out)
        self._metrics.pending(len(self._waiting))

    def use(self, policy: Policy) -> None:
        self.engine.use(policy)

    async def assigned(self, partitions: set[int]) -> None:
        """These and no others are judged here; their states are not recovered yet."""
        self._partitions = partitions
        await self.again.read(partitions)

    def took_over(self) -> None:
        """Their states are recovered: goes on waiting for the commands under way."""
        for partition, run_id, data in self.runs.stored(self._partitions):
            try:
                kept = head(data)
            except ValueError:
                continue  # said when the run is next looked at
            if kept.waiting:
                self._waiting.add((partition, run_id))
            if kept.beats:
                self.silence.recovered(partition, run_id, float(kept.stamp))
        for partition, run_id in self.again.runs():
            state = self.runs.find(partition, run_id)
            if state is not None:
                self._do_again(partition, state)

    def gave_up(self, partitions: set[int], void: bool = False) -> None:
        """These partitions went elsewhere. ``void``: long ago, so that what is stored of them here does not count."""
        self._partitions = self._partitions - partitions
        self.runs.forget(partitions, void)
        self._waiting = {place for place in self._waiting if place[0] not in partitions}
        self.silence.gave_up(partitions)
        for partition in partitions:
            self._journaled.pop(partition, None)

    async def evict(self, now: float) -> None:
        """Forgets runs that were silent for too long. Looks at them a few at a time: events are judged meanwhile."""
        until = time.monotonic() + LOOK_S
        for partition in sorted(self._partitions):
            for _, run_id, data in list(self.runs.stored([partition])):
                if partition not in self._partitions:
                    break  # given back meanwhile
                try:
                    evictable = head(data).evictable(now, self._settings.run_ttl_s)
                except ValueError:
                    continue
                if evictable and self.runs.unchanged(partition, run_id, data):
                    self.runs.drop(partition, run_id)
                if time.monotonic() > until:
                    await asyncio.sleep(0)
                    until = time.monotonic() + LOOK_S

    def _publish(self, partition: int, run_id: str, state: RunState, out: Outcome, stamp: float | None = None) -> None:
        if out.commands:
            now = time.time()
            for tracked in state.tracked:
                if tracked.attempts == 1 and any(command is tracked.command for command in out.commands):
                    date(tracked.command, now)
                    tracked.issued_at = now
            for command in out.commands:
                log.info("command", action=command.action, run_id=run_id, command_id=command.id, reason=command.reason)
        if out.journal:
            for entry in out.journal:
                if entry.kind == "governor":
                    self._metrics.governed()
        if out:
            self._outbox.publish(out, stamp)
        self.runs.put(partition, run_id, state)
        if waiting(state):
            self._waiting.add((partition, run_id))

    def counted(self) -> None:
        """Hands the metrics what was judged since the last call: per event they would cost as much as decoding."""
        if not self._kinds:
            return
        self._metrics.events(self._kinds)
        self._metrics.event_age(time.time() - self._latest)
        self._metrics.batch(self._busy)
        self._kinds.clear()
        self._busy = 0.0

    def _input(self, message: Incoming, decoder: msgspec.json.Decoder[T]) -> T | None:
        try:
            return decoder.decode(message.value or b"")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self.bury(message, str(error) or type(error).__name__)
            return None

    def bury(self, message: Fetched, reason: str) -> None:
        """To the dead-letter topic, with where it lay and why."""
        self._metrics.undecodable()
        log.warning(
            "undecodable", topic=message.topic, partition=message.partition, offset=message.offset, reason=reason
        )
        value = message.value
        room = self._settings.max_message_bytes - HEADERS_BYTES - len(message.key or b"")
        if value is not None and len(value) > room:
            # A compressed batch may hold more than Kafka takes from us.
            reason = f"{reason}; here are the first {room} bytes, all of it lies where it came from"
            value = value[:room]
        self._outbox.send(
            dead_letter(
                self._outbox.names.deadletter,
                message.topic,
                message.partition,
                message.offset,
                message.key,
                value,
                reason,
            )
        )

    def _journal_policy(self, partition: int, offset: int) -> None:
        """Which policy judges this partition from the event after ``offset`` on."""
        policy = self.engine.policy
        if self._journaled.get(partition) == policy.digest:
            return
        self._journaled[partition] = policy.digest
        self._outbox.journal(
            JournalEntry(
                kind="policy",
                partition=partition,
                offset=offset,
                run_id=None,
                digest=policy.digest,
                policy=policy.effective(),
            )
        )

    def _detector_failed(self, name: str, error: Exception) -> None:
        log.error("detector failed", detector=name, exc_info=error)


def date(command: Command, now: float) -> None:
    """``issued_at`` and ``expires_at`` by this clock. Done once: a second attempt keeps the first's."""
    if command.expires_at is not None:
        command.expires_at += now - command.issued_at
    command.issued_at = now
