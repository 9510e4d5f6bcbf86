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

from typing import Literal, TypeAlias

from msgspec import Struct

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
