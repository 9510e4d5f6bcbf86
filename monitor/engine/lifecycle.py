"""The state machine of one command, from its issue to its proof.

    issued ──► received ──► confirmed
       │           ├──────► failed, refused     said by the kill-switch
       │           └──────► escalated           silent for two time-outs, in spite of a second attempt
       ├─────────────────► unguarded            no kill-switch watches the run
       └─────────────────► ended                the run was over

Pure. Acknowledgements come from the acks topic, time from the caller's clock. A late proof still confirms: an
escalated or unguarded command that is confirmed after all is confirmed.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from detectors.detector import Run
from monitor.messages import Ack, Action, Alert, Command

Status: TypeAlias = Literal[
    "issued", "received", "confirmed", "failed", "refused", "escalated", "unguarded", "ended"
]  # fmt: skip
Step: TypeAlias = Literal["retry", "escalate"]

PROOF: dict[Action, frozenset[str]] = {
    "kill": frozenset({"stopped"}),
    "pause": frozenset({"paused"}),
    "resume": frozenset({"resumed"}),
    "notice": frozenset({"received"}),
}
FINAL: frozenset[Status] = frozenset({"confirmed", "ended"})
MOST_ACKS = 16


class Tracked(Struct, kw_only=True, omit_defaults=True):
    """A command and how far it is. ``issued_at``: seconds by the clock that `due` is asked with.

    reissued: how often a kill was refused as stale and issued anew. counted: the proof said what got through.
    alert: as last published, so that an acknowledgement can revise it; dropped when the command is done.
    """

    command: Command
    status: Status = "issued"
    issued_at: float = 0.0
    attempts: int = 1
    acks: list[str] = []
    reissued: int = 0
    counted: bool = False
    alert: Alert | None = None

    @property
    def done(self) -> bool:
        return self.status in FINAL


SAME = "\0"  # in a run's state, in place of a text that stands elsewhere in it; before one that begins so


def packed(tracked: Tracked, run: Run) -> Tracked:
    """As a run's state keeps it: without what the run or the command itself says already."""
    command, alert = tracked.command, tracked.alert
    if alert is not None:
        begins = alert.summary.startswith(command.reason)
        summary = f"{SAME}{alert.summary[len(command.reason) :]}" if begins else f" {alert.summary}"
        alert = replace(
            alert,
            run_id=_same(alert.run_id, run.run_id),
            agent_id=_same(alert.agent_id, command.agent_id),
            agent_name=_same(alert.agent_name, run.agent_name),
            team=_same(alert.team, run.team),
            environment=_same(alert.environment, run.environment),
            event_id=_same(alert.event_id, command.event_id),
            evidence=[replace(item, event_id=_same(item.event_id, command.event_id)) for item in alert.evidence],
            summary=summary,
        )
    command = replace(command, run_id=_same(command.run_id, run.run_id), target=_same(command.target, run.run_id))
    return replace(tracked, command=command, alert=alert)


def unpack(tracked: Tracked, run: Run) -> None:
    """Undoes `packed`, in place."""
    command, alert = tracked.command, tracked.alert
    command.run_id = _whole(command.run_id, run.run_id)
    command.target = _whole(command.target, run.run_id)
    if alert is None:
        return
    alert.run_id = _whole(alert.run_id, run.run_id)
    alert.agent_id = _whole(alert.agent_id, command.agent_id)
    alert.agent_name = _whole(alert.agent_name, run.agent_name)
    alert.team = _whole(alert.team, run.team)
    alert.environment = _whole(alert.environment, run.environment)
    alert.event_id = _whole(alert.event_id, command.event_id)
    alert.evidence = [replace(item, event_id=_whole(item.event_id, command.event_id)) for item in alert.evidence]
    alert.summary = f"{command.reason if alert.summary.startswith(SAME) else ''}{alert.summary[1:]}"


def _same(text: Any, other: str | None) -> Any:
    if text is None:
        return None
    return SAME if text == other else f"{SAME}{text}" if text.startswith(SAME) else text


def _whole(text: Any, other: str | None) -> Any:
    if text == SAME:
        return other
    return text[1:] if text and text.startswith(SAME) else text


def on_ack(tracked: Tracked, ack: Ack) -> Status | None:
    """The new status, or None where the acknowledgement changes nothing. What comes twice changes nothing."""
    mark = f"{ack.consumer}:{ack.status}"
    if mark in tracked.acks or tracked.status in FINAL:
        return None
    if len(tracked.acks) < MOST_ACKS:
        tracked.acks.append(mark)
    before = tracked.status
    if ack.status in PROOF[tracked.command.action]:
        tracked.status = "confirmed"
    elif ack.status == "ended":
        tracked.status = "ended"
    elif ack.status == "received":
        if before in ("issued", "unguarded"):
            tracked.status = "received"
    elif ack.status in ("failed", "refused"):
        tracked.status = ack.status
    return tracked.status if tracked.status != before else None


def due(tracked: Tracked, now: float, timeout: float) -> Step | None:
    """What silence calls for at ``now``: a second attempt after ``timeout`` seconds, an escalation after two."""
    if tracked.status not in ("issued", "received"):
        return None
    waited = now - tracked.issued_at
    if waited >= 2 * timeout and tracked.attempts >= 2:
        return "escalate"
    if waited >= timeout and tracked.attempts < 2:
        return "retry"
    return None


def on_step(tracked: Tracked, step: Step) -> None:
    if step == "retry":
        tracked.attempts += 1
    else:
        tracked.status = "escalated"
