"""The watchdog: listens to the workers' heartbeats, asks Kafka who has what, sends canaries, and raises the alarm."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from aiokafka import ConsumerRecord
from msgspec import Struct

from monitor.client.connection import UNREACHABLE, Link, link, partition_for
from monitor.client.reader import Follower, consumer, partitions_of, read_to_end
from monitor.engine.canary import PREFIX
from monitor.messages import Alert, Command, WorkerHeartbeat, encode
from monitor.settings import Settings
from monitor.topics import Names
from monitor.watchdog import hook
from monitor.watchdog.alarms import Alarms
from monitor.watchdog.beats import MISSED, Beats
from monitor.watchdog.canary import Canaries, Canary
from monitor.watchdog.conditions import Condition, conditions
from monitor.watchdog.coverage import Coverage
from monitor.watchdog.metrics import WatchdogMetrics
from monitor.watchdog.probe import Probe

log = structlog.get_logger("killcord.watchdog")

TAIL = 5_000  # alerts that are looked through for those that an earlier watchdog left open
FIRST_S = 10.0  # how long one look waits for Kafka at most
LEAD_S = 1.0  # of a canary's announcement, where no round lies between


class Seen(Struct, frozen=True, kw_only=True):
    """What one look found. refused: why Kafka did not answer, where it was not reached."""

    conditions: list[Condition]
    workers: list[WorkerHeartbeat]
    canary_s: float | None
    reached: bool
    refused: str | None


class Watchdog:
    """Runs in one event loop. ``told`` hears of every alert that opens, changes or is resolved."""

    def __init__(
        self,
        settings: Settings,
        metrics: WatchdogMetrics,
        on_alarm: str | None = None,
        told: Callable[[Alert], None] = lambda alert: None,
    ) -> None:
        now = time.monotonic()
        self.settings, self.metrics = settings, metrics
        self._names = Names.of(settings.topic_prefix)
        self._interval_s = settings.worker_heartbeat_s
        self._on_alarm, self._told = on_alarm, told
        self._by = f"watchdog@{socket.gethostname()}"
        self.beats = Beats(self._interval_s, now)
        self.coverage = Coverage(settings.coverage_timeout_s)
        self.canaries = Canaries(settings.canary_timeout_s)
        self.alarms = Alarms(f"{','.join(settings.brokers)}/{settings.topic_prefix}")
        self._probe = Probe(settings, max(2.0, 2 * self._interval_s))
        self._asked = self._answered = now
        self._refused: str | None = "not asked yet"
        self._follower = Follower(
            settings, [], [self._names.health, self._names.control, self._names.alerts], self._record,
            lambda: None, "watchdog",
        )  # fmt: skip
        self._publishing: asyncio.Queue[Alert] = asyncio.Queue()
        self._hooks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._with(self._looks(), self._canary_rounds(), self._publish())

    async def once(self) -> Seen:
        """One round of everything, without an alert to anybody; returns as soon as all is seen to be well."""
        self.coverage = Coverage(2 * self._interval_s)
        seen: Seen = await self._with(self._one_round())
        return seen

    async def _with(self, *work: Any) -> Any:
        """``work`` beside what reads and asks; ends with whichever ends first."""
        tasks = [asyncio.ensure_future(each) for each in (*work, self._follower.run(), self._ask())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in (*tasks, *self._hooks):
                task.cancel()
            await asyncio.gather(*tasks, *self._hooks, return_exceptions=True)
            await self._probe.close()

    # What is seen.

    def _record(self, record: ConsumerRecord) -> None:
        value, now = record.value or b"", time.monotonic()
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # others may write there
            if record.topic == self._names.health:
                self.beats.take(msgspec.json.decode(value, type=WorkerHeartbeat), now)
            elif record.key is None or not bytes(record.key).startswith(PREFIX.encode()):
                return
            elif record.topic == self._names.alerts:
                alert = msgspec.json.decode(value, type=Alert)
                self.canaries.alerted(alert.run_id or "", alert.event_id, alert.mode)
            else:
                command = msgspec.json.decode(value, type=Command)
                if command.action == "kill":
                    took = self.canaries.killed(command.target, command.event_id, now)
                    if took is not None:
                        self.metrics.canary.observe(took)
                        self.metrics.killed.inc()

    async def _ask(self) -> None:
        """Kafka is asked once a heartbeat; whether it answers is seen here alone."""
        while True:
            began = time.monotonic()
            try:
                look = await self._probe.look()
            except UNREACHABLE as error:
                why = str(error) or type(error).__name__
                if self._refused is None:
                    log.warning("Kafka does not answer", error=why)
                self._refused = why
            else:
                if self._away() is not None:
                    self._came_back(began)
                self._refused, self._answered = None, began
                self.coverage.take(look, time.monotonic())
            self._asked = time.monotonic()
            await asyncio.sleep(max(0.1, began + self._interval_s - time.monotonic()))

    def _came_back(self, now: float) -> None:
        log.warning("Kafka answers again", after_s=round(now - self._answered, 1))
        self.beats.reset(now)
        self.coverage.reset()
        self.canaries.reset(now)

    def _away(self) -> float | None:
        """For how long Kafka has not answered, once that is three heartbeats."""
        away = time.monotonic() - self._answered
        return away if self._refused is not None and away >= MISSED * self._interval_s else None

    def reached(self) -> str | None:
        """For /readyz: None, or why it sees nothing."""
        return None if self._refused is None else f"Kafka does not answer: {self._refused}"

    # What follows.

    async def _looks(self) -> None:
        await self._adopt()
        while True:
            self._look()
            await asyncio.sleep(self._interval_s / 10)

    def _look(self) -> None:
        now = time.monotonic()
        missed = self.canaries.newly_missed(now)
        self.metrics.missed.inc(missed)
        if not self._doubtful(now):
            for alert in self.alarms.take(self._conditions(now), time.time()):
                self._raise(alert)
        living = self.beats.living(now)
        self.metrics.alarms({alert.rule for alert in self.alarms.open})
        self.metrics.workers.set(len(living))
        self.metrics.silence.set(self.beats.age(now))
        self.metrics.uncovered.set(len(self.coverage.uncovered(now)))
        self.metrics.behind.set(max((one.behind_s for beat in living for one in beat.partitions), default=0.0))

    def _doubtful(self, now: float) -> bool:
        """Kafka has just missed an answer: whoever is silent may be silent for that."""
        late = self._refused is not None or now - self._answered > 2 * self._interval_s
        return late and self._away() is None

    def _conditions(self, now: float) -> list[Condition]:
        kafka = f"{','.join(self.settings.brokers)} ({self._refused})"
        return conditions(self._away(), kafka, self.beats, self.coverage, self.canaries, now)

    def _raise(self, alert: Alert) -> None:
        say = log.error if alert.status == "open" else log.warning
        say("alarm" if alert.status == "open" else "alarm is over", rule=alert.rule, summary=alert.summary)
        self._publishing.put_nowait(alert)
        self._told(alert)
        if self._on_alarm is not None:
            task = asyncio.ensure_future(hook.run(self._on_alarm, alert))
            self._hooks.add(task)
            task.add_done_callback(self._hooks.discard)

    async def _publish(self) -> None:
        """Alerts in order, each until Kafka has it."""
        way = link(self.settings)
        try:
            with suppress(*UNREACHABLE):
                await way.partitions(self._names.alerts)  # connected before there is anything to tell
            while True:
                alert = await self._publishing.get()
                while not await self._sent(way, self._names.alerts, alert.key, encode(alert)):  # noqa: ASYNC110
                    await asyncio.sleep(self._interval_s)
        finally:
            await way.release()

    async def _sent(self, way: Link, topic: str, key: str, value: bytes, partition: int | None = None) -> bool:
        try:
            await way.send(topic, key, value, partition)
        except UNREACHABLE as error:
            log.debug("not sent", topic=topic, error=repr(error))
            return False
        return True

    async def _adopt(self) -> None:
        """What a watchdog before this one left open is gone on with, or resolved."""
        while self._refused is not None:  # asked by the other task
            if self._away() is not None:
                return  # to be told now, not when Kafka is back
            await asyncio.sleep(0.05)
        with suppress(*UNREACHABLE):
            async with consumer(self.settings) as reader:
                places = await partitions_of(reader, [self._names.alerts])
                place = places[partition_for("all", len(places))]
                begin = (await reader.beginning_offsets([place]))[place]
                end = (await reader.end_offsets([place]))[place]
                async for record in read_to_end(reader, {place: max(begin, end - TAIL)}, {place: end}):
                    with suppress(msgspec.DecodeError, UnicodeDecodeError):
                        self.alarms.adopt(msgspec.json.decode(record.value or b"", type=Alert))

    # Canaries.

    async def _canary_rounds(self) -> None:
        if not self.settings.canary_interval_s:
            await asyncio.Event().wait()
        way = link(self.settings)
        announced: Canary | None = None
        try:
            while True:
                look = self.coverage.look
                if look is not None and self._refused is None:
                    if announced is not None and announced.partition in look.ends:
                        await self._send(way, announced)
                    announced = await self._announce(way, len(look.ends))
                await asyncio.sleep(self.settings.canary_interval_s)
        finally:
            await way.release()

    async def _announce(self, way: Link, partitions: int) -> Canary | None:
        canary = self.canaries.prepare(partitions)
        value = encode(canary.announcement(time.time(), self._by))
        known = await self._sent(way, self._names.operator, canary.run_id, value, canary.partition)
        return canary if known else None

    async def _send(self, way: Link, canary: Canary) -> None:
        self.canaries.sent(canary, time.monotonic())
        await self._sent(way, self._names.events, canary.run_id, canary.event(time.time()), canary.partition)

    async def _one_round(self) -> Seen:
        began = time.monotonic()
        patience = MISSED * self._interval_s + 1.0
        wants_canary = self.settings.canary_interval_s > 0
        way = link(self.settings)
        try:
            end = began + max(patience, FIRST_S)
            while self.coverage.look is None and time.monotonic() < end:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            look = self.coverage.look
            if look is None:
                return self._seen(reached=False)
            began = time.monotonic()
            self.beats.reset(began)
            if wants_canary and (canary := await self._announce(way, len(look.ends))) is not None:
                await asyncio.sleep(LEAD_S)
                await self._send(way, canary)
                patience = max(patience, self.settings.canary_timeout_s + LEAD_S + 1.0)
            while time.monotonic() - began < patience:
                now = time.monotonic()
                heard = set(look.ends) <= self.beats.judged(now)
                if heard and not self.canaries.under_way and not self._conditions(now):
                    break
                if self.beats.silent(now):
                    break  # whatever else there is follows from it
                await asyncio.sleep(0.05)
            self.canaries.newly_missed(time.monotonic())
            return self._seen(reached=self._refused is None)
        finally:
            await way.release()

    def _seen(self, *, reached: bool) -> Seen:
        now = time.monotonic()
        return Seen(
            conditions=self._conditions(now), workers=self.beats.living(now), canary_s=self.canaries.last_s,
            reached=reached,
            refused=self._refused,
        )  # fmt: skip
