"""Faust's Kafka transport with a batch lane, found by Faust as ``killcord://`` in the namespace ``faust.transports``.

Stock Faust pays for a task and a wait on every message. Here each fetched batch of a topic that has a lane goes to one
call, in slices that leave the event loop room to send what was found; a batch of a changelog goes to its table's store
in one call. Assignment, flow control, rebalance, tables, when recovery starts and ends, and every other topic are
Faust's.

What this relies on in Faust and aiokafka is listed, and checked, in `monitor.worker.assumptions`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import aiokafka
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import ConsumerT

from monitor.worker.fence import EXPELLED

SLICE_S = 0.004  # of events, before what they led to may leave
TURNS = 6  # of the event loop, from a command that was found to its way through aiokafka's producer to the socket
POLL_S = 0.25  # the seek that ends a rebalance waits for the fetch under way
RECOVERY_POLL_S = 0.05  # the end of a changelog may be a transaction's marker, which no fetch returns
FULL_S = 0.1  # between looks, while nothing more may be taken in
IDLE_S = 0.02  # while no partition may be read


Records: TypeAlias = Mapping[TP, Sequence[ConsumerRecord]]


class Lane(Protocol):
    """Takes in a topic's batches: records of ``tp`` from index ``begin`` on, until the monotonic clock passes ``until``
    or something is urgent. Returns the index of the first that it has not taken in. Must not raise."""

    def __call__(self, tp: TP, records: Sequence[ConsumerRecord], begin: int, until: float) -> int: ...


class LaneApp(Protocol):
    """What the transport asks of its app. lanes: by topic. fetch_wait_ms: how long a fetch may wait at the broker."""

    lanes: dict[str, Lane]
    fetch_wait_ms: int

    def urgent(self) -> bool:
        """Something was found since the last call that must leave at once."""

    def full(self) -> bool:
        """So much waits for Kafka to take it that no more may be taken in."""

    async def before_assignment(self, assigned: set[TP], generation: int) -> None:
        """These partitions are assigned, as of the group's ``generation``; their recovery has not begun."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """What fetches: Faust's consumer thread, in the worker's own event loop, with a fetch wait and a way back after a
    rebalance of our own.

    Two threads of Python take turns, and each turn waits for the other's to end: with one loop an event has neither to
    wait for. Slices keep the loop free for heartbeats; a worker whose loop stands still is no member of its group.

    Faust fixes ``fetch_max_wait_ms`` at 1500. On a Kafka, data in a partition that was left out of the fetch under way
    wait for that fetch to end. On the embedded broker, which may not answer a waiting fetch when data come, most do.
    """

    wait_for_shutdown = False

    def __init__(self, consumer: Any, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **options)
        self._stamp, self._heard_at = 0, 0.0  # the newest answer to a fetch, and when it was noticed

    async def start(self) -> None:
        self._thread_started.set()
        await self._default_start()
        await self.on_thread_started()

    async def on_stop(self) -> None:
        await self.on_thread_stop()

    def _stopped_set(self) -> None:
        self._stopped.set()

    async def _stop_children(self) -> None:
        await self._default_stop_children()

    async def _stop_futures(self) -> None:
        await self._default_stop_futures()

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Records:  # noqa: ASYNC109
        consumer = self._ensure_consumer()
        return await self._fetch_records(  # type: ignore[no-any-return]
            consumer, active_partitions or set(), timeout=timeout, max_records=consumer._max_poll_records
        )

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Read by its fetcher, which is made when the consumer starts.
        consumer._fetch_max_wait_ms = self.app.fetch_wait_ms
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """What a rebalance ends with: everything that was not committed is read again."""
        return await self.call_thread(rewind, self._ensure_consumer(), self.app.tables.changelog_topics)

    def read_up_to(self, tp: TP) -> int | None:
        """The offset that is fetched next, markers of transactions skipped; None where nothing was fetched yet."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        place = TopicPartition(tp.topic, tp.partition)
        state = assignment.state_value(place) if assignment is not None else None
        return state.position if state is not None and state.has_valid_position else None

    def heard_ago(self) -> float:
        """Seconds since Kafka last answered a fetch; infinite before the first answer in this assignment."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        stamps = [] if assignment is None else [assignment.state_value(tp).timestamp or 0 for tp in assignment.tps]
        last = max(stamps, default=0)
        if last != self._stamp:  # by a clock that may be set back
            self._stamp, self._heard_at = last, time.monotonic()
        return time.monotonic() - self._heard_at if last else math.inf

    async def generation(self) -> int | None:
        """The group's generation that Kafka counts this worker in, asked after this call; `EXPELLED`: in none. None:
        Kafka does not answer."""
        return await self.call_thread(self._standing, self._ensure_consumer()._coordinator)

    async def _standing(self, coordinator: GroupCoordinator) -> int | None:
        counted = coordinator.generation
        if counted == EXPELLED:  # expelled before, and not back yet
            return EXPELLED
        try:
            alive = await coordinator._do_heartbeat()
        except KafkaError as error:  # as from a coordinator that has just started and still loads its groups
            self.log.warning("Kafka does not say whether this worker is in its group: %r", error)
            return None
        if coordinator.generation != counted:
            return EXPELLED  # forgotten, as Kafka told it
        return counted if alive else None


async def rewind(consumer: aiokafka.AIOKafkaConsumer, but: Collection[str]) -> Mapping[TP, int]:
    """Seeks every assigned partition to its committed offset, and to its beginning where nothing is committed yet.

    aiokafka leaves the latter where they are. Records that were fetched in the middle of a rebalance are dropped by
    Faust, so the first events of a new partition would never be judged. ``but``: topics that are left alone.
    """
    committed = await consumer.seek_to_committed()
    fresh = [tp for tp, offset in committed.items() if not offset and tp.topic not in but]
    if fresh:
        await consumer.seek_to_beginning(*fresh)
    return committed


class Consumer(driver.Consumer):
    """The worker's consumer. Offsets are committed up to where a checkpoint released them, and never beyond.

    Faust's own bookkeeping, an acknowledgement a message, can commit past a gap (its issue 606) and is not used.
    """

    app: Any  # a LaneApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._released: dict[TP, int] = {}
        self._backlog = False
        # Whether the partitions were sought since they were assigned, and how often they were given, taken or sought.
        self._begun, self._epoch = False, 0
        self._moved_at = time.monotonic()
        self._positions_move = asyncio.Lock()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def stands_still(self) -> float:
        """Seconds since a rebalance that has not ended made its last step; 0 where events flow.

        Faust's recovery ends without a word where Kafka takes longer to answer than a request may.
        """
        return 0.0 if self._begun else time.monotonic() - self._moved_at

    def heard_ago(self) -> float:
        """Seconds since Kafka last answered a fetch. One that waits for data is answered after the fetch wait."""
        return self._thread.heard_ago()

    # Offsets

    def release(self, offsets: Mapping[TP, int]) -> None:
        """What is before these offsets is covered by a checkpoint: the next commit may say so."""
        self._released.update(offsets)

    async def generation(self) -> int | None:
        """The group's generation that this worker is in now; `EXPELLED`: in none. None: Kafka does not answer."""
        return await self._thread.generation()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._released) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._released.get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._begun, self._epoch = False, self._epoch + 1
        await super().on_partitions_revoked(revoked)
        self._released.clear()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._begun, self._epoch, self._moved_at = False, self._epoch + 1, time.monotonic()
        try:
            await self.app.before_assignment(assigned, generation_id)
        except Exception as error:  # aiokafka would log it, and the partitions be held and never read
            await self.app.crash(error)
            return
        await super().on_partitions_assigned(assigned, generation_id)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust watches its streams for stalls, and a lane is none: the worker's own lag says it."""
        if tp.topic not in self.app.lanes:
            super().verify_event_path(now, tp)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where changelogs end. A store that says it has read beyond holds another topic's states: it starts anew."""
        ends = await super().highwaters(*partitions)
        recovery = self.app.tables.recovery
        for tp, end in ends.items():
            table = recovery.tp_to_table.get(tp)
            if table is not None and (offset := table.data.persisted_offset(tp)) >= (end or 0):
                self.log.error("states of %r up to %r are not this changelog's, which ends at %r", tp, offset, end)
                table.data.forget(tp.partition)
                recovery.active_offsets[tp] = recovery.standby_offsets[tp] = -1
        return ends

    # Records

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._drain_once()
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
            self.log.info("Broker stopped consumer, shutting down...")
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise
            self.log.info("Consumer shutting down for user cancel.")
        except Exception:
            self.log.exception("Drain messages raised")
            raise

    async def perform_seek(self) -> None:
        """What a rebalance ends with, once the states are recovered. From then on messages are taken in.

        Faust lets them flow before: what is fetched then would be passed over, and what comes after it committed.
        """
        async with self._positions_move:
            epoch = self._epoch
            await super().perform_seek()
            self._moved_at = time.monotonic()
            if self._epoch == epoch:  # else another rebalance has begun, and will seek anew
                self._begun, self._epoch = True, epoch + 1

    async def _drain_once(self) -> None:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if self._begun and self.app.full():
            await self.sleep(FULL_S)
            return
        async with self._positions_move:
            epoch, active = self._epoch, self._get_active_partitions()
            if not self._begun:
                active = {tp for tp in active if tp.topic in self.app.tables.changelog_topics}
            records = await self._uncut(self._fetch(active)) if active else {}
        if not active:
            await self.sleep(IDLE_S)
            return
        await asyncio.sleep(0)
        if not self.flow_active:
            await self._seek_back()
            return
        changelogs, lanes = self.app.tables.changelog_topics, self.app.lanes
        batches = []
        for tp, batch in records.items():
            if tp not in active and tp not in self._buffered_partitions:
                continue  # paused since
            if tp.topic in changelogs:
                self._restore(TP(*tp), batch)
            elif tp.topic in lanes:
                batches.append((TP(*tp), batch))
            else:
                await self._hand_over(TP(*tp), batch, epoch)
        if self.app.tables.recovery.in_recovery:
            self._look_whether_recovered()
        if batches:
            await self._take(batches, epoch)

    async def _uncut(self, fetch: Coroutine[Any, Any, Records]) -> Records:
        """A fetch, to its end: the consumer's thread would go on with it, and what it brings be lost."""
        task = asyncio.ensure_future(fetch)
        try:
            return await asyncio.shield(task)
        finally:
            if not task.done():
                await asyncio.wait({task})

    async def _fetch(self, active: set[TP]) -> Records:
        """What has come in. Behind a backlog of events, the topics without a lane have their turn first: people's
        decisions, and the acknowledgements that timers wait for."""
        if self._backlog and (first := {tp for tp in active if tp.topic not in self.app.lanes}):
            records = await self._getmany(first, 0)
            if records:
                return records
        recovering = self.app.tables.recovery.in_recovery or not self._begun
        records = await self._getmany(active, RECOVERY_POLL_S if recovering else POLL_S)
        self._backlog = sum(map(len, records.values())) >= self.app.conf.broker_max_poll_records
        return records

    async def _seek_back(self) -> None:
        """A rebalance came while a fetch was under way: what it brought is read again by whoever is next."""
        try:
            async with self._positions_move:
                await super().perform_seek()
        except Exception as error:  # as Faust does: the rebalance seeks once more when it ends
            self.log.warning("exception performing seek when flow not active %r", error)

    def _may(self, epoch: int) -> bool:
        return bool(self.flow_active and self._epoch == epoch)

    async def _take(self, batches: list[tuple[TP, Sequence[ConsumerRecord]]], epoch: int) -> None:
        """Gives the batches to their lanes, a slice of each in turn."""
        lanes, clock, rest = self.app.lanes, time.monotonic, [(tp, batch, 0) for tp, batch in batches]
        until = clock() + SLICE_S
        while rest:
            left = []
            for tp, batch, begin in rest:
                if not self._may(epoch):
                    return
                end = lanes[tp.topic](tp, batch, begin, until)
                if end < len(batch):
                    left.append((tp, batch, end))
                urgent = self.app.urgent()
                if urgent or end < len(batch) or clock() > until:
                    for _ in range(TURNS if urgent else 1):
                        await asyncio.sleep(0)
                    until = clock() + SLICE_S
            rest = left

    async def _hand_over(self, tp: TP, batch: Sequence[ConsumerRecord], epoch: int) -> None:
        """To the agents of a topic without a lane, one message at a time, as Faust does; a rebalance ends it."""

        async def one_by_one() -> None:
            for record in batch:
                if not self._may(epoch):
                    return
                await self.callback(self._to_message(tp, record))

        await self.wait_first(one_by_one(), self.suspend_flow.wait())

    # Recovery

    def _restore(self, tp: TP, batch: Sequence[ConsumerRecord]) -> None:
        """A batch of a changelog: to its table's store, and counted as recovered."""
        recovery = self.app.tables.recovery
        table = recovery.tp_to_table.get(tp)
        if table is None:
            return  # assigned elsewhere since
        table.data.restore(tp.partition, batch)
        self._moved_at = time.monotonic()
        offsets = recovery.active_offsets if tp in recovery.active_tps else recovery.standby_offsets
        offsets[tp] = max(offsets.get(tp) or -1, batch[-1].offset)
        if recovery.standbys_pending and not recovery.in_recovery and not recovery.standby_remaining_total():
            recovery.standbys_pending = False
            self.app.tables.on_standbys_ready()

    def _look_whether_recovered(self) -> None:
        """Tells Faust once every changelog was read to its end. Said again until Faust has noticed."""
        recovery = self.app.tables.recovery
        for tp, left in recovery.active_remaining().items():
            if left > 0 and (position := self._thread.read_up_to(tp)) is not None:
                recovery.active_offsets[tp] = max(recovery.active_offsets[tp], position - 1)
        if not recovery.need_recovery():
            recovery.signal_recovery_end.set()


class Transport(driver.Transport):
    """Faust makes it from the broker's URL."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer
