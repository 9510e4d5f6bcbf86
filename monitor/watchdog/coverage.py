"""Which partitions of the event topic nobody judges, as Kafka's group and offsets show it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set

from msgspec import Struct


class Look(Struct, frozen=True):
    """What Kafka says at one time. held: partitions that a member of the workers' group has; committed and ends:
    offsets by partition, committed 0 where nothing was. state: the group's, in Kafka's words."""

    held: Set[int]
    committed: Mapping[int, int]
    ends: Mapping[int, int]
    state: str


class Coverage:
    """Remembers since when something is wrong with a partition. ``timeout_s``: a rebalance takes less."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._unheld: dict[int, float] = {}
        self._stalled: dict[int, tuple[int, float]] = {}
        self.look: Look | None = None

    def take(self, look: Look, now: float) -> None:
        self.look = look
        self._unheld = {
            partition: self._unheld.get(partition, now) for partition in look.ends if partition not in look.held
        }
        stalled = {}
        for partition, end in look.ends.items():
            committed = look.committed.get(partition, 0)
            if committed < end:
                before = self._stalled.get(partition)
                stalled[partition] = before if before is not None and before[0] == committed else (committed, now)
        self._stalled = stalled

    def reset(self) -> None:
        """Kafka was away: what is known is of before."""
        self._unheld, self._stalled = {}, {}

    def uncovered(self, now: float) -> dict[int, str]:
        """partition: why nobody judges it, for those where that has lasted too long."""
        found = {
            partition: f"no worker has it for {now - since:.0f} s"
            for partition, since in self._unheld.items()
            if now - since > self._timeout_s
        }
        for partition, (committed, since) in self._stalled.items():
            if partition not in found and now - since > self._timeout_s:
                found[partition] = f"committed stands at {committed} for {now - since:.0f} s while events wait"
        return dict(sorted(found.items()))
