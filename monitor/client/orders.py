"""The operator's side: commands straight to Kafka, so that they work with every worker dead.

A command goes to control (at once), standing (for switches that start later) and operator (so that the worker learns
of it), all with acks=all. A resume lifts the standing order with a tombstone. The kill of a run is never overwritten.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from monitor.client.connection import Link, link, partition_for
from monitor.client.reader import consumer, partitions_of, read_to_end
from monitor.messages import Ack, AckStatus, Action, Command, OperatorDecision, Scope, encode
from monitor.settings import Settings
from monitor.topics import Names

TAIL = 5_000
"""Records of a partition's end that are looked through for a target's last epoch, or a run's kill-switch."""
QUIET_S = 1.0
DONE: dict[Action, frozenset[str]] = {
    "kill": frozenset({"stopped", "ended"}),
    "pause": frozenset({"paused", "ended"}),
    "resume": frozenset({"resumed", "ended"}),
    "notice": frozenset({"received", "ended"}),
}
FINAL = frozenset({"stopped", "ended", "paused", "resumed", "refused", "failed"})


class FinalError(Exception):
    """The run was killed, and that is final. ``command`` did it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        super().__init__(
            f"run {command.target} was killed by {command.issued_by} (command {command.id}): a kill is final. "
            "Start the task again under another run id."
        )


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A command that Kafka has. ``watched``: a kill-switch of the run registered and has not left; None for what is
    wider than a run. ended, stopped: what the last one said when it left."""

    command: Command
    watched: bool | None
    ended: bool = False
    stopped: bool = False


def operator_name() -> str:
    """Who gives an order, unless said: user@host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}@{socket.gethostname()}"


class Operator:
    """One connection of an operator. Raises what `UNREACHABLE` lists when Kafka does not answer.

    Used so::

        async with Operator(settings) as operator:
            issued = await operator.issue("kill", "run", "run-1", reason="it drops tables")
            async for ack in operator.acks(issued, timeout=5.0):
                print(ack.status, ack.detail)
    """

    def __init__(self, settings: Settings, by: str | None = None) -> None:
        self.settings, self.by = settings, by or operator_name()
        self.names = Names.of(settings.topic_prefix)

    async def __aenter__(self) -> Operator:
        self._context = consumer(self.settings)
        self._reader: AIOKafkaConsumer = await self._context.__aenter__()
        self._link: Link = link(self.settings)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._link.release()
        await self._context.__aexit__(None, None, None)

    async def standing(self, scope: Scope, target: str) -> Command | None:
        """What stands against this target."""
        key = _command("kill", scope, target).standing_key
        return (await self._last(self.names.standing, key, whole=True))[0]

    async def issue(
        self,
        action: Literal["kill", "pause", "resume"],
        scope: Scope,
        target: str,
        *,
        reason: str = "",
        expires_in_s: float | None = None,
    ) -> Issued:
        """Returns when Kafka has it everywhere. Raises FinalError for a run that was killed (another kill may)."""
        wanted = _command(action, scope, target)
        # One topic after the other: aiokafka makes whoever asks for several at once wait for its retry.
        for topic in (self.names.control, self.names.standing, self.names.acks, self.names.events, self.names.operator):
            await self._link.partitions(topic)
        (standing, _), (_, highest), (watched, left) = await asyncio.gather(
            self._last(self.names.standing, wanted.standing_key, whole=True),
            self._last(self.names.control, wanted.key, whole=False),
            self._register(wanted),
        )
        final = standing is not None and standing.action == "kill" and scope == "run"
        if final and action != "kill" and standing is not None:
            raise FinalError(standing)
        now = time.time()
        run = target if scope == "run" else None
        partition = None
        if run is not None:
            partition = partition_for(run, await self._link.partitions(self.names.events))
        command = msgspec.structs.replace(
            wanted,
            run_id=run,
            partition=partition,
            reason=reason,
            issued_by=self.by,
            issued_at=now,
            expires_at=None if expires_in_s is None or (action == "kill" and run is not None) else now + expires_in_s,
            epoch=max(highest, standing.epoch if standing is not None else 0) + 1,
        )
        await self._acks_from_now(command)
        await self._write(command)
        return Issued(command=command, watched=watched, ended=left == "ended", stopped=left == "stopped")

    async def _write(self, command: Command) -> None:
        value = encode(command)
        action: Literal["kill", "pause", "resume"] = command.action  # type: ignore[assignment]
        decision = OperatorDecision(
            id=command.id, decision=action, scope=command.scope, target=command.target, time=command.issued_at,
            by=self.by, reason=command.reason, command=command,
        )  # fmt: skip
        control = self._link.send(self.names.control, command.key, value)
        if command.action == "resume":
            await control  # a switch that saw the tombstone first would have nothing left to acknowledge
            lifted = self._link.send(self.names.standing, command.standing_key, None)
            await asyncio.gather(lifted, self.decide(decision))
            return
        standing = self._link.send(self.names.standing, command.standing_key, value)
        await asyncio.gather(control, standing, self.decide(decision))

    async def decide(self, decision: OperatorDecision) -> None:
        """An approval, a raise and the like, to the partition of the run's events; a command that is wider than a run
        to every partition, since its runs are everywhere."""
        partitions: list[int | None] = [None]
        if decision.scope == "run":
            partitions = [partition_for(decision.target, await self._link.partitions(self.names.events))]
        elif decision.command is not None:
            partitions = list(range(await self._link.partitions(self.names.operator)))
        value = encode(decision)
        await asyncio.gather(
            *(self._link.send(self.names.operator, decision.key, value, partition) for partition in partitions)
        )

    async def acks(self, issued: Issued, timeout: float) -> AsyncIterator[Ack]:  # noqa: ASYNC109
        """Acknowledgements of the command as they come, for ``timeout`` seconds at most: for a run until it is done,
        else until all that answered are done and none came for a second."""
        command = issued.command
        end = time.monotonic() + timeout
        open_runs: set[str] = set()
        last: float | None = None
        while (left := end - time.monotonic()) > 0:
            if last is not None and not open_runs and time.monotonic() - last > QUIET_S:
                return
            found = await self._reader.getmany(timeout_ms=max(1, round(min(left, 0.5) * 1000)))
            for record in (record for records in found.values() for record in records):
                ack = _decoded(record.value, Ack)
                if ack is None or ack.command_id != command.id:
                    continue
                yield ack
                last = time.monotonic()
                if ack.status not in FINAL:
                    open_runs.add(ack.run_id)
                    continue
                open_runs.discard(ack.run_id)
                if command.scope == "run":
                    return

    async def _acks_from_now(self, command: Command) -> None:
        partitions = await self._partitions(self.names.acks)
        if command.partition is not None:
            partitions = [partition for partition in partitions if partition.partition == command.partition]
        ends = await self._reader.end_offsets(partitions)
        self._reader.assign(partitions)
        for partition, offset in ends.items():
            self._reader.seek(partition, offset)

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, n) for n in range(await self._link.partitions(topic))]

    async def _register(self, command: Command) -> tuple[bool | None, AckStatus | None]:
        """(a kill-switch watches the run, what it last said), as far as the end of the acknowledgements tells."""
        if command.scope != "run":
            return None, None
        last: AckStatus | None = None
        run_id = command.target
        for value in await self._tail(self.names.acks, run_id):
            ack = _decoded(value, Ack)
            if ack is None or ack.run_id != run_id:
                continue
            last = ack.status
        return last not in (None, "ended", "stopped"), last

    async def _last(self, topic: str, key: str, *, whole: bool) -> tuple[Command | None, int]:
        """(the last command under a key, unless a tombstone followed; the highest epoch)."""
        last: Command | None = None
        highest = 0
        for value in await self._tail(topic, key, None if whole else TAIL):
            command = None if value is None else _decoded(value, Command)
            if value is not None and command is None:
                continue
            last = command
            highest = max(highest, command.epoch if command is not None else 0)
        return last, highest

    async def _tail(self, topic: str, key: str, most: int | None = TAIL) -> Sequence[bytes | None]:
        """The values under a key at the end of its partition; ``most``: records looked through. Each reader is its
        own: two of these may run at once."""
        partitions = await self._partitions(topic)
        one = partitions[partition_for(key, len(partitions))]
        wanted = key.encode("utf-8", "surrogatepass")
        async with consumer(self.settings) as reader:
            await partitions_of(reader, [topic])
            begin, end = (await reader.beginning_offsets([one]))[one], (await reader.end_offsets([one]))[one]
            start = begin if most is None else max(begin, end - most)
            return [
                record.value async for record in read_to_end(reader, {one: start}, {one: end}) if record.key == wanted
            ]


def _command(action: Action, scope: Scope, target: str) -> Command:
    return Command(
        id=uuid.uuid4().hex, action=action, scope=scope, target="all" if scope == "all" else target, run_id=None,
        event_id=None, agent_id=None, seq=None, partition=None, reason="", alert_id=None, issued_by="",
        issued_at=0.0, expires_at=None, epoch=0,
    )  # fmt: skip


def _decoded(value: bytes | None, kind: type[Any]) -> Any:
    """None for what is no such message: others may write to these topics."""
    try:
        return msgspec.json.decode(value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
