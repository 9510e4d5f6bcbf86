"""What Killcord publishes and what operators and kill-switches answer: the names others write consumers against.

Golden messages in ``tests/golden`` hold these fields; they stay. Keys are never null: the run id, or
``scope:target`` for what is wider than a run.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from detectors.detector import Mode, Severity

Action: TypeAlias = Literal["notice", "pause", "resume", "kill"]
Scope: TypeAlias = Literal["run", "agent_name", "team", "environment", "all"]
AckStatus: TypeAlias = Literal[
    "watching", "received", "stopped", "ended", "paused", "resumed", "refused", "failed"
]  # fmt: skip


class Evidence(Struct, kw_only=True, frozen=True):
    """One event that shows what an alert says, and where to look it up. A file's lines are its offsets."""

    event_id: str
    topic: str | None
    partition: int | None
    offset: int | None
    excerpt: str


class Alert(Struct, kw_only=True):
    """On ``killcord.alerts``. One ``id`` and ``revision`` is one message; a consumer keeps the highest revision.

    operational: raised by a timer (silence, a missing acknowledgement, lag), so a replay does not give it again.
    mode: the answer that was in force, after the governor.
    """

    id: str
    revision: int
    status: Literal["open", "resolved"]
    event_id: str
    time: float
    run_id: str | None
    agent_id: str | None
    agent_name: str | None
    team: str | None
    environment: str | None
    rule: str
    family: str
    severity: Severity
    mode: Mode
    title: str
    summary: str
    score: float
    evidence: list[Evidence]
    command_id: str | None
    policy: str
    operational: bool = False

    @property
    def key(self) -> str:
        if self.run_id is not None:
            return self.run_id
        for scope in ("agent_name", "team", "environment"):
            if (target := getattr(self, scope)) is not None:
                return f"{scope}:{target}"
        return "all"


class Command(Struct, kw_only=True):
    """On ``killcord.control`` and, for a kill or pause in force, on ``killcord.standing``.

    event_id, agent_id, seq: of the event that triggered it. partition: of the run's events, and of its
    acknowledgements. epoch: counts the commands of one target; a kill-switch refuses one lower than it has seen.
    issued_at, expires_at: Unix seconds by the issuer's clock, in no id.
    """

    id: str
    action: Action
    scope: Scope
    target: str
    run_id: str | None
    event_id: str | None
    agent_id: str | None
    seq: int | None
    partition: int | None
    reason: str
    alert_id: str | None
    issued_by: str
    issued_at: float
    expires_at: float | None
    epoch: int

    @property
    def key(self) -> str:
        """Of the control topic: the run id, or ``scope:target``."""
        return self.target if self.scope == "run" else self.standing_key

    @property
    def standing_key(self) -> str:
        return "all" if self.scope == "all" else f"{self.scope}:{self.target}"


class Ack(Struct, kw_only=True):
    """On ``killcord.acks``, in the partition that the command names. ``watching`` has no command.

    last_seq: the highest seq of the command's agent that the run published before it stopped. actions_after: tool
    calls of the run after the triggering event. Both are null where the kill-switch cannot know.
    """

    command_id: str | None
    run_id: str
    status: AckStatus
    time: float
    last_seq: int | None
    actions_after: int | None
    detail: str
    consumer: str


class OperatorDecision(Struct, kw_only=True, omit_defaults=True):
    """On ``killcord.operator``: what lowers a verdict, or what a person did. Only people and trusted services write it.

    approve: let findings of ``rule`` (optionally ``rule:key``) through for this run.
    raise_budget: ``limits`` in place of lower ones, for this run. pin, unpin: a deployment's baseline stays as it is.
    kill, pause, resume: a person's command, ``command`` as it stands on control. outcome: how the run really ended.
    """

    id: str
    decision: Literal["approve", "raise_budget", "kill", "pause", "resume", "pin", "unpin", "outcome"]
    scope: Scope
    target: str
    time: float
    by: str
    reason: str = ""
    rule: str | None = None
    limits: dict[str, float] = {}
    command: Command | None = None
    outcome: str | None = None

    @property
    def key(self) -> str:
        if self.scope == "run":
            return self.target
        return "all" if self.scope == "all" else f"{self.scope}:{self.target}"


class JournalEntry(Struct, kw_only=True, omit_defaults=True):
    """On ``killcord.journal``: an input other than an event that changed verdicts, and after which event it did.

    It took effect in ``partition`` of the event topic after ``offset`` (-1: before the first). run_id: null for a
    policy. Events and journal together give the same verdicts again. policy: the whole effective policy, so that a
    replay needs nothing else. governed: the alert whose kill the governor turned into a pause. timer: what a timer
    did, ``retry:COMMAND`` or ``escalate:COMMAND``.
    """

    kind: Literal["ack", "operator", "policy", "governor", "timer"]
    partition: int
    offset: int
    run_id: str | None
    digest: str
    ack: Ack | None = None
    operator: OperatorDecision | None = None
    policy: dict[str, Any] | None = None
    governed: str | None = None
    timer: str | None = None
    time: float = 0.0


def identify(*parts: object) -> str:
    """A stable id from what makes a thing itself: 128 bits of SHA-256, as hexadecimal."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


Published: TypeAlias = Alert | Command | Ack | OperatorDecision | JournalEntry


def encode(message: Published) -> bytes:
    return msgspec.json.encode(message)
