"""What a worker tells of itself: heartbeats to `killcord.health`, and alerts on partitions that are judged late.

Both come from the event loop that judges, so a loop that is stuck is silent.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Sequence

from detectors.detector import Mode, Severity
from monitor.engine.rules import LAG, Behind
from monitor.engine.silence import answered
from monitor.messages import Alert, Judged, WorkerHeartbeat, identify
from monitor.policy import Policy
from monitor.settings import Settings

HANDED_ON = "The partition was handed on."


class Pulse:
    """Numbers the heartbeats of one worker, and knows the broker's clock by what it answers to them."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        name = settings.worker_instance_id or f"{socket.gethostname()}:{os.getpid()}"
        self.worker = f"{name}:{secrets.token_hex(4)}"[:256]
        self._interval_s = settings.worker_heartbeat_s
        self._partitions = partitions
        self._number = 0
        self._skew = 0.0

    def now(self) -> float:
        """Unix seconds by the broker's clock, as far as it is known."""
        return time.time() + self._skew

    def stamped(self, stamp: float, sent: float) -> None:
        """The broker stamped a heartbeat that was sent at ``sent`` by this machine's clock, and answered now."""
        self._skew = stamp - (sent + time.time()) / 2

    def beat(self, ready: str | None, partitions: Sequence[Judged], *, leaving: bool = False) -> WorkerHeartbeat:
        self._number += 1
        return WorkerHeartbeat(
            worker=self.worker,
            number=self._number,
            time=time.time(),
            interval_s=self._interval_s,
            ready=ready,
            partitions=list(partitions),
            of=self._partitions,
            leaving=leaving,
        )


class Late:
    """Alerts on partitions whose events are judged late: one for each time, revised by nothing, resolved at half."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._open: dict[int, Alert] = {}

    def look(self, judged: Sequence[Judged], now: float, policy: Policy) -> list[Alert]:
        resolved = policy.resolve()
        limit: Behind | None = resolved.rules.get(LAG.id)
        mode, severity = answered(resolved, LAG.id, LAG.severity)
        mine = {one.partition for one in judged}
        told = [_back(self._open.pop(n), now, HANDED_ON) for n in list(self._open) if n not in mine]
        for one in judged:
            known = self._open.get(one.partition)
            if known is None and limit is not None and one.behind_s > limit.behind_s:
                known = self._open[one.partition] = self._alert(one, now, limit, mode, severity, policy.digest)
                told.append(known)
            elif known is not None and (limit is None or one.behind_s < limit.behind_s / 2):
                del self._open[one.partition]
                told.append(_back(known, now))
        return told

    def gave_up(self, now: float) -> list[Alert]:
        """The partitions are taken away: whoever has them next looks for himself."""
        told = [_back(alert, now, HANDED_ON) for alert in self._open.values()]
        self._open.clear()
        return told

    def _alert(self, one: Judged, now: float, limit: Behind, mode: Mode, severity: Severity, digest: str) -> Alert:
        found = identify(LAG.id, self._topic, one.partition, now)
        return Alert(
            id=found, revision=1, status="open", event_id=found, time=now, run_id=None, agent_id=None, agent_name=None,
            team=None, environment=None, rule=LAG.id, family=LAG.family, severity=severity, mode=mode, title=LAG.title,
            summary=f"Partition {one.partition} of {self._topic} is judged {one.behind_s:.1f} s late (more than "
            f"{limit.behind_s:g} s), {one.waiting if one.waiting is not None else 'some'} messages wait. Kills of its "
            "runs come late by as much. Start more workers, up to the number of partitions; if one partition alone "
            "lags, see which run floods it (`killcord runs`).",
            score=1.0, evidence=[], command_id=None, policy=digest, operational=True,
        )  # fmt: skip


def _back(alert: Alert, now: float, why: str = "It is judged in time again.") -> Alert:
    alert.status, alert.revision, alert.time = "resolved", alert.revision + 1, now
    alert.summary = f"{alert.summary} {why}"
    return alert
