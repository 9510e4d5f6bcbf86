"""What the batch lane relies on in Faust and aiokafka beyond what they document: each named, and each can be looked at.

A worker looks at all of them before it starts, so an upgrade that breaks one is refused with its name, and no worker
runs half deaf. The tests look at the same list.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import aiokafka
import faust
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.producer import AIOKafkaProducer
from aiokafka.producer.sender import Sender
from faust import stores, transport
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver
from mode.services import Service
from mode.threads import ServiceThread


class Assumption(NamedTuple):
    """name: what breaks without it. holds: looks at the installed version."""

    name: str
    holds: Callable[[], bool]


def _source(of: Any) -> str:
    return inspect.getsource(of)


def _takes(function: Any, *names: str) -> bool:
    return set(names) <= set(inspect.signature(function).parameters)


ASSUMPTIONS = (
    Assumption(
        "Faust finds transports and stores of others by their URL's scheme",
        lambda: (
            transport.by_url("killcord://").__module__ == "monitor.worker.transport"
            and stores.by_url("killcord://").__module__ == "monitor.worker.store"
        ),
    ),
    Assumption(
        "Faust's fetcher runs nothing but Consumer._drain_messages",
        lambda: "consumer._drain_messages(self)" in _source(faust_consumer.Fetcher._fetcher.fun),
    ),
    Assumption(
        "Faust's consumer thread is made by Consumer._new_consumer_thread",
        lambda: "self._new_consumer_thread()" in _source(faust_consumer.ThreadDelegateConsumer.__init__),
    ),
    Assumption(
        "Faust's consumer thread is a service that starts and stops by mode's defaults, in the loop that it is given",
        lambda: (
            _takes(ServiceThread.__init__, "loop", "thread_loop")
            and _takes(driver.AIOKafkaConsumerThread._fetch_records, "timeout", "max_records")
            and "await self._default_start()" in _source(ServiceThread._serve)
            and "await self.on_thread_started()" in _source(ServiceThread._serve)
            and "await self.on_thread_stop()" in _source(ServiceThread._shutdown_thread)
            and "await self._default_stop_children()" in _source(ServiceThread._shutdown_thread)
            and "await self._default_stop_futures()" in _source(ServiceThread._shutdown_thread)
            and "if self.wait_for_shutdown:" in _source(Service.stop)
        ),
    ),
    Assumption(
        "Faust fetches by Consumer._getmany(active_partitions, timeout), at most _max_poll_records at once",
        lambda: (
            _takes(driver.Consumer._getmany, "active_partitions", "timeout")
            and "max_records=_consumer._max_poll_records" in _source(driver.AIOKafkaConsumerThread.getmany)
        ),
    ),
    Assumption(
        "Faust holds the flow back by flow_active, and says when it goes on by can_resume_flow and suspend_flow",
        lambda: (
            "flow_active = False" in _source(faust_consumer.Consumer.stop_flow)
            and "can_resume_flow.set()" in _source(faust_consumer.Consumer.resume_flow)
            and "suspend_flow.set()" in _source(faust_consumer.Consumer.stop_flow)
        ),
    ),
    Assumption(
        "Faust commits what _new_offset says, for the partitions that _filter_tps_with_pending_acks gives",
        lambda: (
            "self._filter_tps_with_pending_acks(topics)" in _source(faust_consumer.Consumer.force_commit)
            and "self._new_offset(tp)" in _source(faust_consumer.Consumer._filter_committable_offsets)
        ),
    ),
    Assumption(
        "Faust commits only what is newer than what it committed, and only what is assigned",
        lambda: (
            "offset > committed" in _source(faust_consumer.Consumer._should_commit)
            and "tp in assignment" in _source(faust_consumer.Consumer._commit_offsets)
        ),
    ),
    Assumption(
        "Faust sets consumer_generation_id before it tells the consumer of its partitions",
        lambda: (
            _source(driver.ConsumerRebalanceListener.on_partitions_assigned).index("consumer_generation_id")
            < _source(driver.ConsumerRebalanceListener.on_partitions_assigned).index("on_partitions_assigned(ensure")
        ),
    ),
    Assumption(
        "Faust seeks to what is committed before a rebalance's flow goes on",
        lambda: (
            _before(Recovery.on_recovery_completed, "perform_seek()", "resume_flow()")
            and _before(Recovery._resume_streams, "perform_seek()", "resume_flow()")
        ),
    ),
    Assumption(
        "Faust's recovery waits for signal_recovery_end, and is over by need_recovery and active_offsets",
        lambda: (
            "self.signal_recovery_end.wait()" in _source(Recovery._restart_recovery.fun)
            and "self.active_remaining()" in _source(Recovery.need_recovery)
            and "self.active_offsets" in _source(Recovery.active_remaining)
        ),
    ),
    Assumption(
        "Faust's recovery starts reading a changelog where its store says that it has read to",
        lambda: (
            "table.persisted_offset(tp)" in _source(Recovery._add)
            and "self.data.persisted_offset" in _source(faust.Table.persisted_offset)
        ),
    ),
    Assumption(
        "Faust's recovery asks Consumer.highwaters for the ends of changelogs",
        lambda: "consumer.highwaters(*tps)" in _source(Recovery._build_highwaters),
    ),
    Assumption(
        "Faust's table manager names changelogs and says when standbys are ready",
        lambda: isinstance(TableManager.changelog_topics, property) and callable(TableManager.on_standbys_ready),
    ),
    Assumption(
        "Faust's transport is made from the URL's scheme and the app",
        lambda: "transport.by_url(self.conf.broker_consumer[0])" in _source(App._new_transport),
    ),
    Assumption(
        "aiokafka's consumer keeps the fetch wait where its fetcher reads it",
        lambda: (
            "self._fetch_max_wait_ms = fetch_max_wait_ms" in _source(aiokafka.AIOKafkaConsumer.__init__)
            and "fetch_max_wait_ms=self._fetch_max_wait_ms" in _source(aiokafka.AIOKafkaConsumer.start)
        ),
    ),
    Assumption(
        "aiokafka's positions pass the markers of transactions, which no fetch returns",
        lambda: (
            "is_control_batch" in inspect.getsource(inspect.getmodule(Fetcher))  # type: ignore[arg-type]
            and isinstance(TopicPartitionState.position, property)
            and isinstance(TopicPartitionState.has_valid_position, property)
        ),
    ),
    Assumption(
        "aiokafka notes for each partition when a fetch of it was last answered, in ms",
        lambda: (
            "tp_state.timestamp = now_ms" in _source(Fetcher._proc_fetch_request)
            and "now_ms = int(1000 * time.time())" in _source(Fetcher._proc_fetch_request)
        ),
    ),
    Assumption(
        "aiokafka's heartbeat says whether this member is still in its group, and forgets the generation if not",
        lambda: (
            "IllegalGenerationError" in _source(GroupCoordinator._do_heartbeat)
            and "self.reset_generation()" in _source(GroupCoordinator._do_heartbeat)
        ),
    ),
    Assumption(
        "aiokafka's producer shows whether its sender still runs",
        lambda: (
            isinstance(Sender.sender_task, property) and "self._sender = Sender(" in _source(AIOKafkaProducer.__init__)
        ),
    ),
    Assumption(
        "aiokafka's producer takes whole batches, in a transaction too",
        lambda: (
            _takes(AIOKafkaProducer.send_batch, "batch", "topic", "partition")
            and _takes(BatchBuilder.append, "timestamp", "key", "value")
            and "is_in_transaction()" in _source(AIOKafkaProducer.send_batch)
        ),
    ),
)


def _before(function: Any, first: str, then: str) -> bool:
    source = _source(function)
    return first in source and then in source and source.index(first) < source.index(then)


def broken(assumptions: Iterable[Assumption] = ASSUMPTIONS) -> list[str]:
    """The names of those that do not hold, with what kept them from being looked at."""
    names = []
    for assumption in assumptions:
        try:
            held = assumption.holds()
        except Exception as error:  # a name that is gone is an assumption that broke
            names.append(f"{assumption.name} ({type(error).__name__}: {error})")
            continue
        if not held:
            names.append(assumption.name)
    return names
