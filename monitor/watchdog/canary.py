"""Canary runs: one for each partition in turn, known destructive, expected back killed. Pure.

A run is announced on the operators' topic one round before it is sent, so that workers know it when it comes.
"""

from __future__ import annotations

import secrets
from itertools import count

from msgspec import Struct

from detectors.event import ToolCall, encode
from monitor.client.connection import partition_for
from monitor.engine.canary import AGENT_NAME, PREFIX
from monitor.messages import OperatorDecision

COMMAND = "rm -rf --no-preserve-root /"
REMEMBERED_S = 600.0


class Canary(Struct, frozen=True):
    """One run of one event."""

    run_id: str
    event_id: str
    partition: int

    def event(self, time: float) -> bytes:
        call = ToolCall(
            id=self.event_id, time=time, run_id=self.run_id, agent_id="canary", agent_name=AGENT_NAME,
            publisher="watchdog", tool="bash", call_id="canary", arguments={"command": COMMAND},
        )  # fmt: skip
        return encode(call)

    def announcement(self, time: float, by: str) -> OperatorDecision:
        return OperatorDecision(
            id=f"canary-{self.event_id}", decision="canary", scope="run", target=self.run_id, time=time, by=by,
            reason="the watchdog's own test", event_id=self.event_id,
        )  # fmt: skip


def make(partition: int, partitions: int) -> Canary:
    """A new one whose run id lies in ``partition`` of so many by murmur2, and can't be guessed."""
    nonce = secrets.token_hex(8)
    for n in count():
        run_id = f"{PREFIX}{partition}-{nonce}-{n}"
        if partition_for(run_id, partitions) == partition:
            return Canary(run_id, f"canary-{secrets.token_hex(12)}", partition)
    raise AssertionError  # there is always one


class Sent(Struct):
    """One that is under way. alerted: the mode of the alert that it led to. missed: was told as missing."""

    canary: Canary
    at: float
    alerted: str | None = None
    missed: bool = False


class Canaries:
    """Those under way. ``now``: monotonic seconds."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._sent: dict[str, Sent] = {}
        self._missing: dict[int, Sent] = {}
        self._turn = 0
        self.last_s: float | None = None

    def prepare(self, partitions: int) -> Canary:
        """The next one, for the partition whose turn it is."""
        self._turn += 1
        return make((self._turn - 1) % partitions, partitions)

    def sent(self, canary: Canary, now: float) -> None:
        self._sent[canary.run_id] = Sent(canary, now)

    def alerted(self, run_id: str, event_id: str, mode: str) -> None:
        one = self._sent.get(run_id)
        if one is not None and one.canary.event_id == event_id:
            one.alerted = mode

    def killed(self, run_id: str, event_id: str | None, now: float) -> float | None:
        """It came back: how long it took. None for a run that is none of ours."""
        one = self._sent.get(run_id)
        if one is None or one.canary.event_id != event_id:
            return None
        del self._sent[run_id]
        self._missing.pop(one.canary.partition, None)
        self.last_s = now - one.at
        return self.last_s

    def newly_missed(self, now: float) -> int:
        """How many have become overdue since this was last asked."""
        found = 0
        for one in list(self._sent.values()):
            if now - one.at > self._timeout_s and not one.missed:
                one.missed = True
                self._missing[one.canary.partition] = one
                found += 1
            if now - one.at > REMEMBERED_S:
                del self._sent[one.canary.run_id]
        return found

    def missing(self) -> dict[int, str]:
        """partition: what came of its canary, for those whose last one did not come back killed."""
        return {
            partition: "did not come back"
            if one.alerted is None
            else f"was alerted in mode {one.alerted}, and not killed"
            for partition, one in sorted(self._missing.items())
        }

    def reset(self, now: float) -> None:
        """Kafka was away: those under way are given their time anew."""
        for one in self._sent.values():
            if not one.missed:
                one.at = now

    @property
    def under_way(self) -> int:
        return len(self._sent)
