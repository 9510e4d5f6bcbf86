"""A lease on life: a run that must not go on without a monitor lives on the heartbeats of whoever judges it. Pure.

A heartbeat renews the lease if its worker judges the partition of this run's events, and is not further behind than
the lease is long. Time is monotonic, of this machine: neither a wall clock that is set nor Kafka's matter.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from monitor.client.connection import partition_for
from monitor.client.obedience import LEASE
from monitor.messages import Command, WorkerHeartbeat

WithoutMonitor: TypeAlias = Literal["go-on", "pause", "stop"]
ISSUED_BY = "its lease"
BACKWARDS_S = 1.0  # a broker's clock was set back, rather than that two brokers' differ


class Terms(Struct, frozen=True):
    """without: what to do when none has been heard for ``lease_s`` seconds."""

    without: WithoutMonitor
    lease_s: float


class Lease:
    """One run's. ``now`` is monotonic seconds; it runs from when this is made."""

    def __init__(self, run_id: str, lease_s: float, now: float) -> None:
        self.run_id, self.lease_s = run_id, lease_s
        self._heard = now
        self._lapsed = False
        self._ahead: float | None = None
        self._stamp = 0.0

    def covers(self, beat: WorkerHeartbeat) -> bool:
        """Whether this worker judges the run, and in time."""
        if beat.leaving or beat.ready is not None or beat.of < 1:
            return False
        mine = partition_for(self.run_id, beat.of)
        return any(one.partition == mine and one.behind_s < self.lease_s for one in beat.partitions)

    def heartbeat(self, beat: WorkerHeartbeat, stamp: float, now: float) -> None:
        """Read at ``now``; the broker stamped it. One that lay there while Kafka was away counts from when it came."""
        ahead = stamp - now
        # The quickest record tells best how the broker's clock stands to ours.
        if self._ahead is None or ahead > self._ahead or stamp < self._stamp - BACKWARDS_S:
            self._ahead = ahead
        self._stamp = stamp
        if self.covers(beat):
            self._heard = max(self._heard, now - (self._ahead - ahead))

    def look(self, now: float) -> Literal["lapsed", "renewed"] | None:
        """What has changed since this was last asked."""
        over = now - self._heard > self.lease_s
        if over == self._lapsed:
            return None
        self._lapsed = over
        return "lapsed" if over else "renewed"

    def silence(self, now: float) -> float:
        """Seconds since a heartbeat of whoever judges this run."""
        return now - self._heard


def order(terms: Terms, run_id: str, silence: float, now: float) -> Command:
    """The order that a run gives itself. It is on no topic; ``now`` in Unix seconds."""
    return Command(
        id=LEASE, action="kill" if terms.without == "stop" else "pause", scope="run", target=run_id, run_id=run_id,
        event_id=None, agent_id=None, seq=None, partition=None,
        reason=f"no heartbeat of a monitor that judges it for {silence:.0f} s", alert_id=None, issued_by=ISSUED_BY,
        issued_at=now, expires_at=None, epoch=0,
    )  # fmt: skip
