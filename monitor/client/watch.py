"""One run's watch over control and standing: between Kafka, the state machine and the agent's callbacks.

1. Register: `watching` to the acknowledgements; the broker's answer also tells its clock.
2. Read standing to its end: what stands against the run is obeyed before anything of the agent's runs.
3. Follow control and standing; acknowledge what comes at once, obey, acknowledge the outcome.
4. At the end of the run: `ended`, so that nobody waits for an answer.

Beside that, where the run must not go on without a monitor: read the workers' heartbeats, by a connection of its own,
and when they fail for as long as the lease, do what was told, with Kafka or without.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from aiokafka import ConsumerRecord
from msgspec import Struct

from monitor.client.connection import UNREACHABLE, Link, Outage, link, log, partition_for
from monitor.client.lease import Lease, Terms, order
from monitor.client.obedience import LEASE, Answer, Identity, Obedience, Source, Step
from monitor.client.reader import Follower
from monitor.messages import Ack, AckStatus, Action, Command, WorkerHeartbeat, encode
from monitor.settings import Settings
from monitor.topics import Names

ACKS_WAITING = 10_000
LOOK_S = 0.5  # at the lease, or a tenth of it
CLOCK_S = 2.0  # how long the start waits for the broker's clock


class Proof(Struct, frozen=True, kw_only=True):
    """What a callback may return: words for the acknowledgement, and counts where it knows them."""

    detail: str = ""
    last_seq: int | None = None
    actions_after: int | None = None


class Told(Protocol):
    """What a publisher knows of what the run told."""

    agent_id: str

    @property
    def last_seq(self) -> int | None: ...

    def tool_calls_since(self, seq: int) -> int: ...


Obey = Callable[[Action, Command | None], Awaitable[Proof]]


class Watch:
    """Runs in one event loop.

    obey: carries out an effect, raises if it could not; one after the other, but a kill at once. changed: called in
    the loop as soon as the run counts as killed, paused or resumed, before any ``obey``. terms: what to do without a
    monitor; None: to go on.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        obey: Obey,
        changed: Callable[[], None],
        told: Told | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.terms = terms
        self.identity, self.settings = identity, settings
        self.obedience = Obedience(identity)
        self.consumer = f"{socket.gethostname()}:{os.getpid()}"[:256]
        self._obey, self._changed, self._told = obey, changed, told
        names = Names.of(settings.topic_prefix)
        self._names = names
        self._follower = Follower(
            settings, [names.standing], [names.control], self._record, self._all_read,
            f"kill-switch of {identity.run_id}",
        )  # fmt: skip
        self._stands: dict[bytes, ConsumerRecord] | None = {}
        self._acks: asyncio.Queue[tuple[int | None, Ack]] = asyncio.Queue(ACKS_WAITING)
        self._skew = 0.0
        self._registered = asyncio.Event()
        self._serial = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._effects: set[asyncio.Task[None]] = set()

    async def start(self, within: float | None) -> bool:
        """True once everything that stands is known and was begun to obey; False if Kafka did not answer in time,
        and then goes on trying."""
        self._spawn(self._send_acks())
        self._ack(None, None, Answer("watching"), Proof())
        self._spawn(self._follow())
        self._spawn(self._expire())
        if self.terms is not None:
            self._spawn(self._live_on(self.terms))
        try:
            await asyncio.wait_for(self._follower.caught_up.wait(), within)
        except TimeoutError:
            return False
        return True

    @property
    def caught_up(self) -> bool:
        return self._follower.caught_up.is_set()

    async def _follow(self) -> None:
        with suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._registered.wait(), CLOCK_S)
        await self._follower.run()

    async def _live_on(self, terms: Terms) -> None:
        run_id = self.identity.run_id
        lease = Lease(run_id, terms.lease_s, time.monotonic())

        def heard(record: ConsumerRecord) -> None:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):  # no heartbeat renews nothing
                beat = msgspec.json.decode(record.value or b"", type=WorkerHeartbeat)
                lease.heartbeat(beat, record.timestamp / 1000, time.monotonic())

        beats = Follower(self.settings, [], [self._names.health], heard, lambda: None, f"lease of {run_id}")
        self._spawn(beats.run())
        while True:
            await asyncio.sleep(min(LOOK_S, terms.lease_s / 10))
            now = time.monotonic()
            match lease.look(now):
                case "lapsed":
                    own = order(terms, run_id, lease.silence(now), time.time())
                    does = {"go-on": "going on unwatched", "pause": "pausing", "stop": "stopping"}[terms.without]
                    log.warning("run %s: %s: %s", run_id, own.reason, does)
                    if terms.without != "go-on":
                        self._take(self.obedience.hold(own), own)
                case "renewed":
                    log.warning("run %s: a monitor judges it again", run_id)
                    step = self.obedience.release()
                    if step.effect is not None:
                        self._ack(None, None, Answer("resumed", "a monitor judges it again"), Proof())
                    self._take(step, None)

    async def close(self, within: float = 2.0) -> bool:
        """Says that the run ended (unless it was killed). True if every acknowledgement got through."""
        if self.obedience.killed is None:
            self._ack(None, None, Answer("ended", "the run has ended"), Proof())
        self.obedience.end()
        try:
            await asyncio.wait_for(self._acks.join(), within)
            done = True
        except TimeoutError:
            log.warning("run %s: acknowledgements were not sent within %g s", self.identity.run_id, within)
            done = False
        left = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return done

    def amend(self, command: Command, proof: Proof) -> None:
        """Acknowledges a command's outcome again, with what became known since."""
        answer = self.obedience.answer_to(command)
        if answer is not None:
            self._ack(command.id, command, Answer(answer.status, proof.detail or answer.detail), proof)

    async def settle(self, within: float) -> None:
        """Waits for what is being obeyed."""
        if self._effects:
            await asyncio.wait(self._effects, timeout=within)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def _now(self) -> float:
        """By the broker's clock, as far as it is known."""
        return time.time() + self._skew

    def _record(self, record: ConsumerRecord) -> None:
        source: Source = "standing" if record.topic == self._names.standing else "control"
        if self._stands is not None and source == "standing":
            self._stands[bytes(record.key or b"")] = record
        else:
            self._act(record, source)

    def _all_read(self) -> None:
        """Only what stands now is obeyed: the topic still holds orders that were lifted, until it is compacted."""
        stands, self._stands = self._stands or {}, None
        for record in stands.values():
            self._act(record, "standing")

    def _act(self, record: ConsumerRecord, source: Source) -> None:
        if not record.value:
            if source == "standing" and record.key:
                key = bytes(record.key).decode("utf-8", "replace")
                self._take(self.obedience.lifted(key), None)
            return
        try:
            command = msgspec.json.decode(record.value, type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("%s [%d] @%d is no command: %s", record.topic, record.partition, record.offset, error)
            return
        # How long it holds, by the issuer's clock, counted from when the broker got it, by the broker's.
        lasts = None if command.expires_at is None else command.expires_at - command.issued_at
        deadline = None if lasts is None else record.timestamp / 1000 + lasts
        self._take(self.obedience.receive(command, source, self._now, deadline), command)

    def _take(self, step: Step, command: Command | None) -> None:
        if step.answer is not None and command is not None:
            self._ack(command.id, command, step.answer, self._known(command, step.answer.status))
        if step.effect is not None:
            self._changed()
            task = self._spawn(self._carry_out(step.effect, command))
            self._effects.add(task)
            task.add_done_callback(self._effects.discard)

    async def _carry_out(self, effect: Action, command: Command | None) -> None:
        if effect == "kill":  # waits for nothing, not for a callback that hangs either
            await self._effect(effect, command)
            return
        async with self._serial:
            await self._effect(effect, command)

    async def _effect(self, effect: Action, command: Command | None) -> None:
        failed = False
        try:
            proof = await self._obey(effect, command)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a callback may raise anything, Killed too
            log.warning("run %s: %s failed: %r", self.identity.run_id, effect, error)
            failed, proof = True, Proof(detail=f"{type(error).__name__}: {error}")
        if command is None or effect == "notice":
            return
        answer = self.obedience.finished(command, proof.detail, failed)
        known = self._known(command, answer.status)
        if proof.last_seq is not None or proof.actions_after is not None:
            known = proof
        self._ack(command.id, command, answer, known)

    def _known(self, command: Command, status: AckStatus) -> Proof:
        """What the publisher can say: only of the agent that the command is about."""
        told = self._told
        if told is None or status == "received" or command.agent_id not in (None, told.agent_id):
            return Proof()
        after = None if command.seq is None else told.tool_calls_since(command.seq)
        return Proof(last_seq=told.last_seq, actions_after=after)

    def _ack(self, command_id: str | None, command: Command | None, answer: Answer, known: Proof) -> None:
        ack = Ack(
            command_id=None if command_id == LEASE else command_id,  # nobody ordered it
            run_id=self.identity.run_id,
            status=answer.status,
            time=time.time(),
            last_seq=known.last_seq,
            actions_after=known.actions_after,
            detail=answer.detail,
            consumer=self.consumer,
        )
        try:
            self._acks.put_nowait((command.partition if command is not None else None, ack))
        except asyncio.QueueFull:
            log.warning("run %s: %d acknowledgements wait: one is lost", self.identity.run_id, ACKS_WAITING)

    async def _send_acks(self) -> None:
        way = link(self.settings)
        outage = Outage(f"cannot acknowledge for {self.identity.run_id}")
        try:
            while True:
                partition, ack = await self._acks.get()
                while not await self._sent(way, partition, ack, outage):
                    pass
                self._acks.task_done()
        finally:
            await way.release()

    async def _sent(self, way: Link, partition: int | None, ack: Ack, outage: Outage) -> bool:
        topic = self._names.acks
        try:
            count = await way.partitions(topic)
            if partition is None or not 0 <= partition < count:
                partition = partition_for(ack.run_id, count)
            before = time.time()
            stamped = await way.send(topic, ack.run_id, encode(ack), partition)
        except UNREACHABLE as error:
            await asyncio.sleep(outage.failed(error))
            return False
        if stamped:
            self._skew = stamped - (before + time.time()) / 2
        self._registered.set()
        outage.worked()
        return True

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            while (over := self.obedience.expire(self._now)) is not None:
                command, step = over
                log.warning("run %s: pause %s has expired", self.identity.run_id, command.id)
                if step.effect is not None:
                    resumed = Answer("resumed", f"the pause expired ({command.reason})")
                    self._ack(command.id, command, resumed, Proof())
                self._take(step, None)
