"""The workers as their heartbeats show them. Pure: ``now`` is monotonic seconds of whoever asks."""

from __future__ import annotations

from msgspec import Struct

from monitor.messages import WorkerHeartbeat

MISSED = 3  # heartbeats, within which there is an alarm
PATIENCE = MISSED - 0.25  # of them
FORGET_S = 600.0


class Heard(Struct):
    """The latest heartbeat of one worker, and when it was read."""

    beat: WorkerHeartbeat
    at: float

    def lost(self, now: float) -> bool:
        return now - self.at > PATIENCE * self.beat.interval_s


class Beats:
    """``interval_s``: when heartbeats are due as long as none told its own rhythm."""

    def __init__(self, interval_s: float, now: float) -> None:
        self._interval_s = interval_s
        self._since = now
        self._heard: dict[str, Heard] = {}

    def take(self, beat: WorkerHeartbeat, now: float) -> None:
        if beat.leaving:
            if self._heard.pop(beat.worker, None) is not None:
                self._since = now
            return
        self._heard[beat.worker] = Heard(beat, now)

    def reset(self, now: float) -> None:
        """Kafka was away: nobody could be heard until now."""
        self._since = now
        for heard in self._heard.values():
            heard.at = max(heard.at, now)

    def living(self, now: float) -> list[WorkerHeartbeat]:
        return [heard.beat for heard in self._heard.values() if not heard.lost(now)]

    def judged(self, now: float) -> set[int]:
        """Partitions that a living worker says that it judges."""
        return {
            one.partition for beat in self.living(now) if beat.ready is None for one in beat.partitions
        }  # fmt: skip

    def silent(self, now: float) -> float | None:
        """For how long no worker has been heard, once the third heartbeat is about to be missed; None: one is."""
        if self.living(now):
            return None
        latest = max((heard for heard in self._heard.values()), key=lambda heard: heard.at, default=None)
        at, interval = (self._since, self._interval_s) if latest is None else (latest.at, latest.beat.interval_s)
        at = max(at, self._since)
        return now - at if now - at > PATIENCE * interval else None

    def lost(self, now: float) -> list[WorkerHeartbeat]:
        """Workers that were heard, did not say that they leave, and whose partitions no other has taken over."""
        taken = self.judged(now)
        for worker, heard in list(self._heard.items()):
            if heard.lost(now):
                mine = {one.partition for one in heard.beat.partitions}
                if now - heard.at > FORGET_S or (taken and mine <= taken):
                    del self._heard[worker]
        if not self.living(now):
            return []  # the whole monitor is silent, which is another alarm
        return [heard.beat for heard in self._heard.values() if heard.lost(now)]

    def age(self, now: float) -> float:
        """Seconds since the latest heartbeat of any worker."""
        return now - max((heard.at for heard in self._heard.values()), default=self._since)
