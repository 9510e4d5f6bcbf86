"""The Faust app: which topic goes to which call, and what runs beside it.

The event topic goes through the batch lane of `monitor.worker.transport`, or through a plain Faust agent. Every input
is held until the checkpoint that covers it. Faust has the rest: assignment, flow control, rebalance, tables and their
recovery.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import faust
import structlog
from aiokafka.structs import ConsumerRecord
from faust.types import TP, EventT, StreamT

from detectors.fleet import FleetState
from monitor.engine import fleet
from monitor.engine import state as run_state
from monitor.metrics import Metrics
from monitor.policy import Policy, PolicyError
from monitor.policy.watch import PolicyFile
from monitor.settings import Settings
from monitor.topics import TABLES, Names
from monitor.worker.blindness import Blindness
from monitor.worker.checkpoint import Checkpoint
from monitor.worker.disk import folder
from monitor.worker.faust_settings import faust_options
from monitor.worker.fence import FencedChangelogs
from monitor.worker.fleet import FleetJudge
from monitor.worker.judge import Incoming, Judge
from monitor.worker.ledger import Ledger
from monitor.worker.outbox import Outbox
from monitor.worker.producer import Producer
from monitor.worker.rebuild import Live, Rebuilder
from monitor.worker.record import Record, dead_letter
from monitor.worker.transport import Lane

log = structlog.get_logger("killcord.worker")

TICK_S = 0.1
SWEEP_S = 60.0
LINGER_MS = 5  # of all that is no command
CONTACT_S = 1.0  # without an answer; well below any session, so that nobody else can have the partitions before
STANDS_STILL_S = 60.0  # a rebalance without a step; longer than any request to Kafka may take
LAST_CHECKPOINT_S = 15.0  # for a stop while Kafka does not answer

Judging = Callable[[Sequence[ConsumerRecord], int, float], int]
"""As `Judge.batch`."""


class App(faust.App):
    """A Faust app that checkpoints before it lets go of anything, and the `transport.LaneApp` of its transport."""

    killcord: Monitor
    lanes: dict[str, Lane]
    fetch_wait_ms: int

    def urgent(self) -> bool:
        return self.killcord.outbox.take_urgent()

    def full(self) -> bool:
        return self.killcord.outbox.full

    async def before_assignment(self, assigned: set[TP], generation: int) -> None:
        await self.killcord.before_assignment(assigned, generation)

    async def on_stop(self) -> None:
        await self.killcord.before_stop()
        await super().on_stop()
        await self.killcord.close()


class Monitor:
    """One worker. ``partitions``: of the event topic, as the cluster has it; ``cluster``: Kafka's name for itself."""

    def __init__(
        self, settings: Settings, policy: Policy, metrics: Metrics, partitions: int, cluster: str = ""
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.names = Names.of(settings.topic_prefix)
        self.stopping = False
        self.app = App(**{**faust_options(settings), "topic_partitions": partitions})
        self.app.killcord = self
        self.app.fetch_wait_ms = round(settings.fetch_wait_s * 1000)
        self.app.lanes = (
            {self.names.events: self._events_lane, self.names.rollups: self._rollups_lane}
            if settings.lane == "batch"
            else {}
        )
        self._policy_file = PolicyFile(settings.policy) if settings.policy else None
        disk = str(folder(settings, cluster)) if settings.data_dir and not settings.ephemeral else None
        runs_table, fleet_table = (
            self.app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions, options={"disk": disk})
            for name in TABLES
        )
        self.runs: Ledger[run_state.RunState] = Ledger(
            runs_table, run_state.new, run_state.encode, run_state.decode, self._corrupt_run
        )
        self.fleet: Ledger[FleetState] = Ledger(
            fleet_table, lambda key: FleetState(), fleet.encode, fleet.decode, self._corrupt_fleet
        )
        self._commands, self.outputs = Producer(settings, "commands"), Producer(settings, "outputs", LINGER_MS)
        self._changelogs = FencedChangelogs(settings, self._generation)
        self.outbox = Outbox(self.names, self._send, self.outputs.send_together, metrics)
        self.judge = Judge(settings, policy, self.runs, self.outbox, metrics, partitions)
        self.fleet_judge = FleetJudge(policy, self.fleet, self.outbox, self.names, self.judge.bury, self.judge.failed)
        self._rebuilder = Rebuilder(
            settings, lambda: self.judge.engine.policy, partitions, Live(self.runs.find, self.runs.put)
        )
        self.checkpoint = Checkpoint(
            (self.runs, self.fleet),
            self.outbox,
            self._changelogs,
            self._release,
            self._fenced,
            metrics,
            settings.checkpoint_events,
        )
        self._assigned: set[TP] = set()
        self._assigned_at = 0.0
        self._ready: str | None = "starting: no partitions assigned yet"
        self.blindness = Blindness(self, partitions)
        self._agents()
        self._beside()
        self.blindness.attach()
        self._took_in_policy(policy)

    def ready(self) -> str | None:
        """None when events are judged, else why not."""
        if self.app.rebalancing:
            return "rebalancing"
        refused = self.outbox.refused or self._changelogs.refused
        if self._ready is None and refused is not None:
            return f"Kafka does not take what is sent: {refused}"
        return self._ready

    def in_contact(self) -> bool:
        """Whether Kafka answers. Where it does not, another worker may have the partitions by now, and the answers that
        this one waits for: what its timers said would come to light when it is back, after what the other said."""
        return self.app.consumer.heard_ago() < CONTACT_S + self.settings.fetch_wait_s

    def _agents(self) -> None:
        names, app = self.names, self.app

        for topic in app.lanes:
            app.topics.add(self._topic(topic))  # subscribed, and read by its lane

        if not app.lanes:

            @app.agent(self._topic(names.events), name="events")
            async def events(stream: StreamT[bytes]) -> None:
                async for event in stream.noack().events():
                    self._take(lambda message: self.judge.event(message, message.timestamp), event)

            @app.agent(self._topic(names.rollups), name="rollups")
            async def rollups(stream: StreamT[bytes]) -> None:
                async for event in stream.noack().events():
                    self._take(self.fleet_judge.rollup, event)

        @app.agent(self._topic(names.acks), name="acks")
        async def acks(stream: StreamT[bytes]) -> None:
            async for event in stream.noack().events():
                self._take(self.judge.ack, event)

        @app.agent(self._topic(names.operator), name="operator")
        async def operator(stream: StreamT[bytes]) -> None:
            async for event in stream.noack().events():
                self._take(self._decision, event)

    def _events_lane(self, tp: TP, records: Sequence[ConsumerRecord], begin: int, until: float) -> int:
        return self._slice(self.judge.batch, tp, records, begin, until)

    def _rollups_lane(self, tp: TP, records: Sequence[ConsumerRecord], begin: int, until: float) -> int:
        return self._slice(self.fleet_judge.batch, tp, records, begin, until)

    def _slice(self, judge: Judging, tp: TP, records: Sequence[ConsumerRecord], begin: int, until: float) -> int:
        """As `_take`, for a slice of a batch. What is passed over is read again elsewhere, or here after the rebalance
        that is on its way."""
        if self.stopping or tp not in self._assigned:
            return len(records)
        end = judge(records, begin, until)
        self.checkpoint.took(tp, records[end - 1].offset, end - begin)
        return end

    def _take(self, handle: Callable[[Incoming], None], event: EventT) -> None:
        """Takes one message in. What no code foresaw goes to the dead-letter topic: Faust would skip it in silence.

        After the last checkpoint, or of a partition given back, nothing is taken: whoever is next gets it again.
        """
        message = event.message
        if self.stopping or message.tp not in self._assigned:
            return
        try:
            handle(message)
        except Exception as error:
            self.judge.failed(message, error)
        self.checkpoint.took(message.tp, message.offset)

    def _decision(self, message: Incoming) -> None:
        wide = self.judge.decision(message)
        if wide is not None:
            self.fleet_judge.decision(message.partition, wide)

    def _events_of(self, assigned: set[TP]) -> set[int]:
        """Partitions of the event topic: what is assigned beside them may be another's, to stand by for."""
        return {tp.partition for tp in assigned if tp.topic == self.names.events}

    def _topic(self, name: str) -> Any:
        return self.app.topic(
            name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", allow_empty=True
        )

    def _beside(self) -> None:
        app = self.app

        @app.on_partitions_revoked.connect
        async def revoked(sender: Any, partitions: set[TP], **_: Any) -> None:
            self._assigned = set()
            covered = await self._last_cut(self.settings.rebalance_timeout_s / 3)
            self._let_go(self._events_of(partitions), void=not covered)

        @app.task
        async def checkpoints() -> None:
            await self.checkpoint.keep(self.settings.checkpoint_interval_s, lambda: app.should_stop)

        @app.task
        async def rebuild() -> None:
            await self._rebuilder.run()

        @app.timer(self.settings.checkpoint_interval_s)
        async def count() -> None:
            self.judge.counted()

        @app.timer(TICK_S)
        async def tick() -> None:
            if not app.rebalancing and self.in_contact():
                self.judge.tick(time.time())

        @app.timer(self.settings.policy_poll_s)
        async def policy() -> None:
            self._reload()

        @app.timer(SWEEP_S)
        async def sweep() -> None:
            if not app.rebalancing:
                await self.judge.evict(time.time())

        @app.timer(1.0)
        async def measure() -> None:
            self.metrics.runs(self.runs.store.count(self._events_of(self._assigned)))
            await self._still_moves()

        @self.runs.table.on_recover
        async def recovered() -> None:
            try:
                self._recovered()
            except Exception as error:  # Faust would drop it, and timers would stay off
                log.exception("not taken over")
                await app.crash(error)

    def _recovered(self) -> None:
        events = self._events_of(self._assigned)
        if not events:
            return  # none, or given back while they were recovered: what is here of them is not this worker's
        for ledger in (self.runs, self.fleet):
            ledger.recovered(events)
        self.judge.took_over()
        seconds = time.monotonic() - self._assigned_at
        self.metrics.recovered(seconds)
        log.info("recovered", runs=self.runs.store.count(events), seconds=round(seconds, 3))

    async def _still_moves(self) -> None:
        """A worker that has partitions and cannot begin with them must not hold them: another could."""
        stood, most = self.app.consumer.stands_still(), max(STANDS_STILL_S, 3 * self.settings.request_timeout_s)
        if self._assigned and stood > most and not self.stopping:
            log.critical("a rebalance does not end, leaving", stood_s=round(stood))
            await self.app.crash(RuntimeError(f"a rebalance made no step for {stood:.0f} s"))

    async def before_assignment(self, assigned: set[TP], generation: int) -> None:
        """From here on no other worker can write these partitions' states; then they are recovered.

        Faust's signal of an assignment comes too late: its recovery may have let events through by then.
        """
        self._assigned_at = time.monotonic()
        events = self._events_of(assigned)
        await asyncio.gather(
            self._commands.start(),
            self.outputs.start(),
            self._changelogs.assigned(events, generation),
            self.judge.assigned(events),
        )
        self._take_over(set(assigned))

    async def before_stop(self) -> None:
        """Everything taken in is in Kafka before partitions are given back."""
        self.stopping = True  # no further message: it would be judged, published, and judged again elsewhere
        await self.blindness.leave()
        if self._assigned:
            await self._last_cut(LAST_CHECKPOINT_S)

    async def close(self) -> None:
        """Ends the producers of the worker's own."""
        try:
            async with asyncio.timeout(LAST_CHECKPOINT_S):
                await asyncio.gather(self._changelogs.close(), self._commands.stop(), self.outputs.stop())
        except TimeoutError:
            log.warning("producers did not end in time, Kafka does not answer")

    async def _last_cut(self, within_s: float) -> bool:
        """A checkpoint before partitions are given back. Whoever is next does not wait for what Kafka refuses: without
        one, what was judged since the last is judged again there."""
        try:
            async with asyncio.timeout(within_s):
                await self.checkpoint.cut()
            return True
        except TimeoutError:
            self.checkpoint.give_up()
            log.error("gave partitions back without a checkpoint", waited_s=within_s, refused=self.outbox.refused)
            return False

    async def _generation(self) -> int | None:
        return await self.app.consumer.generation()

    async def _release(self, offsets: Mapping[TP, int]) -> None:
        consumer = self.app.consumer
        consumer.release(offsets)
        await consumer.commit()

    def _fenced(self, partition: int) -> None:
        """Another worker has this partition: nothing that is known of it here counts, and nothing more is taken in."""
        self._assigned = {tp for tp in self._assigned if tp.partition != partition}
        self.checkpoint.gave_up({partition})
        self._let_go({partition}, void=True)

    def _take_over(self, assigned: set[TP]) -> None:
        self._assigned = assigned
        self.checkpoint.assigned()
        by_topic = {
            topic: {tp.partition for tp in assigned if tp.topic == topic}
            for topic in (self.names.events, self.names.acks, self.names.operator, self.names.rollups)
        }
        events = by_topic[self.names.events]
        self.metrics.assigned(events)
        lacking = [f"{topic} {sorted(events - has)}" for topic, has in by_topic.items() if events - has]
        if lacking:
            self._ready = (
                f"not assigned beside the partitions of {self.names.events}: {', '.join(lacking)}. "
                "Check that the topics have as many partitions: killcord topics check"
            )
            log.error("topics not assigned", lacking=lacking, remedy="killcord topics check")
        else:
            self._ready = None  # no partitions of its own is well too: a worker more than there are partitions
        log.info("assigned", partitions=sorted(events))

    def _let_go(self, partitions: set[int], void: bool = False) -> None:
        self.judge.gave_up(partitions, void)
        self.fleet_judge.gave_up(partitions, void)

    def _reload(self) -> None:
        if self._policy_file is None:
            return
        found = self._policy_file.poll()
        if isinstance(found, PolicyError):
            log.error("policy refused, the last good one stays", policy=self.settings.policy, problems=str(found))
            self.metrics.policy_reload("refused")  # whoever is woken by it finds the reason in the log
        elif found is not None:
            self.metrics.policy_reload("taken")
            if found.digest != self.judge.engine.policy.digest:
                self.judge.use(found)
                self.fleet_judge.use(found)
                self._took_in_policy(found)

    def _took_in_policy(self, policy: Policy) -> None:
        self.metrics.in_force(policy)
        log.info("policy in force", digest=policy.digest, file=self.settings.policy or "shipped default")

    async def _send(self, record: Record, command: bool) -> Awaitable[Any]:
        return await (self._commands if command else self.outputs).send(record)

    def _corrupt_run(self, partition: int, key: str, data: bytes, error: Exception) -> None:
        self._corrupt(partition, key, data, error, self.runs.changelog)
        self._rebuilder.add(partition, key)

    def _corrupt_fleet(self, partition: int, key: str, data: bytes, error: Exception) -> None:
        self._corrupt(partition, key, data, error, self.fleet.changelog)

    def _corrupt(self, partition: int, key: str, data: bytes, error: Exception, changelog: str) -> None:
        """What cannot be read, or written, is kept for whoever looks into it, and what it was of starts anew."""
        log.error("state set aside, not readable: starts anew", partition=partition, key=key, error=str(error))
        self.metrics.corrupt_state()
        if data:
            reason = f"state of {key} is not readable: {error}"
            where = self.names.deadletter
            self.outbox.send(dead_letter(where, changelog, partition, -1, key.encode(), data, reason))
