"""What runs beside a worker's judging so that blindness is an alarm: heartbeats, lag by the clock, silent runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from monitor import messages
from monitor.messages import Judged
from monitor.worker.pulse import Late, Pulse
from monitor.worker.record import Record

if TYPE_CHECKING:
    from monitor.worker.app import Monitor

log = structlog.get_logger("killcord.worker")

MEASURE_S = 0.5
LEAVE_S = 1.0
UNSENT = (TimeoutError, KafkaError, OSError)


class Blindness:
    """Attached to one worker: `attach` adds its timers, `leave` says goodbye."""

    def __init__(self, monitor: Monitor, partitions: int) -> None:
        self._monitor = monitor
        self.pulse = Pulse(monitor.settings, partitions)
        self._late = Late(monitor.names.events)
        self._judged: Sequence[Judged] = ()
        self._sending: asyncio.Task[None] | None = None

    def attach(self) -> None:
        app = self._monitor.app

        @app.timer(self._monitor.settings.worker_heartbeat_s)  # type: ignore[untyped-decorator]
        async def pulse() -> None:
            # One at a time: while Kafka is away nothing piles up, and silence is what there is to say.
            if self._sending is None or self._sending.done():
                self._sending = asyncio.ensure_future(self._beat(leaving=False))

        @app.timer(MEASURE_S)  # type: ignore[untyped-decorator]
        async def blindness() -> None:
            self._measure()

    async def leave(self) -> None:
        """The last heartbeat: so that nobody takes a stop in good order for a loss."""
        for alert in self._late.gave_up(self.pulse.now()):
            self._monitor.outbox.alert(alert)
        try:
            await asyncio.wait_for(self._beat(leaving=True), LEAVE_S)
        except TimeoutError:
            return

    async def _beat(self, *, leaving: bool) -> None:
        monitor = self._monitor
        beat = self.pulse.beat(monitor.ready(), () if leaving else self._judged, leaving=leaving)
        sent = time.time()
        try:
            done = await (
                await monitor.outputs.send(Record(monitor.names.health, beat.key.encode(), messages.encode(beat)))
            )
        except UNSENT as error:
            log.debug("heartbeat not sent", error=repr(error))
            return
        stamp = getattr(done, "timestamp", None)
        if stamp and not monitor.settings.ephemeral:  # whose stamps are made up
            self.pulse.stamped(stamp / 1000, sent)

    def _measure(self) -> None:
        monitor, now = self._monitor, self.pulse.now()
        judge = monitor.judge
        if monitor.app.rebalancing or monitor.stopping or not monitor.in_contact():
            self._judged = ()
            return
        mine = [tp for tp in monitor._assigned if tp.topic == monitor.names.events]
        judge.lag.assigned(tp.partition for tp in mine)
        ends = {tp.partition: monitor.app.consumer.highwater(tp) for tp in mine}
        done = {tp.partition: monitor.checkpoint.position(tp) for tp in mine}
        self._judged = judge.lag.measure(ends, done, now)
        for one in self._judged:
            monitor.metrics.behind(one.partition, one.behind_s)
            if one.waiting is not None:
                monitor.metrics.lag(one.partition, one.waiting)
        for alert in self._late.look(self._judged, now, judge.engine.policy):
            log.warning("judged late" if alert.status == "open" else "judged in time again", why=alert.summary)
            monitor.outbox.alert(alert)
        judge.silence.tick(now, judge.lag.caught_up, judge.engine.policy)
