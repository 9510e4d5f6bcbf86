"""What Killcord publishes and what operators and kill-switches answer: the names others write consumers against.

Golden messages in ``tests/golden`` hold these fields; they stay. Keys are never null: the run id, or
``scope:target`` for what is wider than a run.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from detectors.detector import Mode, Severity

Action: TypeAlias = Literal["notice", "pause", "resume", "kill"]
Scope: TypeAlias = Literal["run", "agent_name", "team", "environment", "all"]
AckStatus: TypeAlias = Literal[
    "watching", "received", "stopped", "ended", "paused", "resumed", "refused", "failed"
]  # fmt: skip


class Evidence(Struct, kw_only=True, frozen=True):
    """One event that shows what an alert says, and where to look it up. A file's lines are its offsets."""

    event_id: str
    topic: Annotated[str | None, Meta(description="Null: a file, whose lines are the offsets.")]
    partition: int | None
    offset: int | None
    excerpt: Annotated[str, Meta(description="The part of the event that shows it, cut.")]


class Alert(Struct, kw_only=True):
    """On ``killcord.alerts``. One ``id`` and ``revision`` is one message; a consumer keeps the highest revision."""

    id: Annotated[str, Meta(description="The same for every revision, and for the same events in a replay.")]
    revision: Annotated[int, Meta(description="Counts up from 1 when the alert changes, is resolved or escalated.")]
    status: Literal["open", "resolved"]
    event_id: Annotated[str, Meta(description="Of the event that triggered it.")]
    time: Annotated[float, Meta(description="Of that event, in Unix seconds.")]
    run_id: Annotated[str | None, Meta(description="Null: it is about what is wider than a run.")]
    agent_id: str | None
    agent_name: Annotated[str | None, Meta(description="The deployment.")]
    team: str | None
    environment: str | None
    rule: Annotated[str, Meta(description="family.name")]
    family: str
    severity: Severity
    mode: Annotated[Mode, Meta(description="The answer that was in force, after the governor.")]
    title: str
    summary: Annotated[str, Meta(description="What happened, and what was done about it, in sentences.")]
    score: Annotated[float, Meta(description="How sure, 0 to 1; for a limit, how much of it was used (1: all).")]
    evidence: list[Evidence]
    command_id: Annotated[str | None, Meta(description="The command that it led to, or that was in force already.")]
    policy: Annotated[str, Meta(description="Digest of the policy that judged.")]
    operational: Annotated[bool, Meta(description="Raised or revised by a timer: a replay does not give it again.")] = (
        False
    )

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

    Event, agent and seq are null where no event led to it. Its times are part of no id.
    """

    id: Annotated[str, Meta(description="A repeat has the same: it is acknowledged again, not obeyed again.")]
    action: Action
    scope: Scope
    target: Annotated[str, Meta(description="The run id, the name within the scope, or `all`.")]
    run_id: str | None
    event_id: Annotated[str | None, Meta(description="Of the event that triggered it.")]
    agent_id: Annotated[str | None, Meta(description="Of that event.")]
    seq: Annotated[int | None, Meta(description="Of that event.")]
    partition: Annotated[int | None, Meta(description="Of the run's events: acknowledge to this partition.")]
    reason: Annotated[str, Meta(description="For the agent's log and for people.")]
    alert_id: str | None
    issued_by: Annotated[str, Meta(description="`killcord`, or who gave the order.")]
    issued_at: Annotated[float, Meta(description="Unix seconds, by the issuer's clock.")]
    expires_at: Annotated[float | None, Meta(description="Unix seconds; null: never, as a run's kill.")]
    epoch: Annotated[int, Meta(description="Counts the commands of one target; refuse one lower than was seen.")]

    @property
    def key(self) -> str:
        """Of the control topic: the run id, or ``scope:target``."""
        return self.target if self.scope == "run" else self.standing_key

    @property
    def standing_key(self) -> str:
        return "all" if self.scope == "all" else f"{self.scope}:{self.target}"


class Ack(Struct, kw_only=True):
    """On ``killcord.acks``, in the partition that the command names. ``watching`` has no command."""

    command_id: Annotated[str | None, Meta(description="Null: `watching`, `ended`, or what the switch did by itself.")]
    run_id: str
    status: AckStatus
    time: Annotated[float, Meta(description="Unix seconds.")]
    last_seq: Annotated[
        int | None,
        Meta(description="The highest seq that the command's agent published before it stopped; null: not known."),
    ]
    actions_after: Annotated[
        int | None, Meta(description="Tool calls of the run after the triggering event; null: not known.")
    ]
    detail: Annotated[str, Meta(description="For people: by which method, how many processes, none left; or why not.")]
    consumer: Annotated[str, Meta(description="Which kill-switch says so.")]


class Judged(Struct, kw_only=True, frozen=True):
    """One partition of the event topic that a worker judges, and how far behind it is."""

    partition: int
    waiting: Annotated[int | None, Meta(description="Messages not yet read; null: not known yet.")]
    behind_s: Annotated[float, Meta(description="Age of the event being judged, by the broker's stamp; 0: none waits.")]


class WorkerHeartbeat(Struct, kw_only=True, frozen=True):
    """On ``killcord.health``: a worker's event loop came round. Kill-switches with a lease live on it.

    Only workers may write there: whoever else can keeps leases alive that should run out.
    """

    worker: Annotated[str, Meta(description="host:pid:start, or the instance id.")]
    number: Annotated[int, Meta(description="Counts up by one.")]
    time: Annotated[float, Meta(description="Unix seconds.")]
    interval_s: Annotated[float, Meta(description="When the next one is due.")]
    ready: Annotated[str | None, Meta(description="Null: it judges events; else why not.")]
    partitions: Annotated[list[Judged], Meta(description="That it judges now.")]
    of: Annotated[int, Meta(description="How many the event topic has.")]
    leaving: Annotated[bool, Meta(description="The last one: it was told to stop.")] = False

    @property
    def key(self) -> str:
        return self.worker


class OperatorDecision(Struct, kw_only=True, omit_defaults=True):
    """On ``killcord.operator``: what lowers a verdict, or what a person did. Only people and trusted services write it.

    approve: let findings of ``rule`` (optionally ``rule:key``) through for this run.
    raise_budget: ``limits`` in place of lower ones, for this run. pin, unpin: a deployment's baseline stays as it is.
    kill, pause, resume: a person's command, ``command`` as it stands on control. outcome: how the run really ended.
    canary: ``event_id`` is the watchdog's own test, judged and killed as any other; it pages nobody and counts nowhere.
    """

    id: str
    decision: Literal["approve", "raise_budget", "kill", "pause", "resume", "pin", "unpin", "outcome", "canary"]
    scope: Scope
    target: Annotated[str, Meta(description="The run id, the name within the scope, or `all`.")]
    time: Annotated[float, Meta(description="Unix seconds.")]
    by: Annotated[str, Meta(description="Who decided.")]
    reason: str = ""
    rule: Annotated[str | None, Meta(description="For approve: family.name, or family.name:key.")] = None
    limits: Annotated[
        dict[str, float], Meta(description="For raise_budget: usd, tokens, tool_calls, writes, wall_time_s.")
    ] = {}
    command: Annotated[Command | None, Meta(description="For kill, pause, resume: as it stands on control.")] = None
    outcome: Annotated[str | None, Meta(description="How the run really ended.")] = None
    event_id: Annotated[str | None, Meta(description="For canary: the one event that it is about.")] = None

    @property
    def key(self) -> str:
        if self.scope == "run":
            return self.target
        return "all" if self.scope == "all" else f"{self.scope}:{self.target}"


class JournalEntry(Struct, kw_only=True, omit_defaults=True):
    """On ``killcord.journal``: an input other than an event that changed verdicts, and after which event it did.

    Events and journal together give the same verdicts again.
    """

    kind: Literal["ack", "operator", "policy", "governor", "timer"]
    partition: Annotated[int, Meta(description="Of the event topic, or of what `topic` says.")]
    offset: Annotated[int, Meta(description="It took effect after this one; -1: before the first.")]
    run_id: Annotated[str | None, Meta(description="Null: a policy, which is for all runs.")]
    digest: Annotated[str, Meta(description="Of the policy in force.")]
    ack: Ack | None = None
    operator: OperatorDecision | None = None
    policy: Annotated[
        dict[str, Any] | None, Meta(description="The whole effective policy, so that a replay needs nothing else.")
    ] = None
    governed: Annotated[str | None, Meta(description="The alert whose kill the governor turned into a pause.")] = None
    why: Annotated[str | None, Meta(description="Which limit the governor gave as its reason.")] = None
    timer: Annotated[str | None, Meta(description="What a timer did: `retry:COMMAND` or `escalate:COMMAND`.")] = None
    time: Annotated[float, Meta(description="Unix seconds.")] = 0.0
    topic: Annotated[
        Literal["events", "rollups"], Meta(description="Of which topic partition and offset are: which stage it is.")
    ] = "events"


def identify(*parts: object) -> str:
    """A stable id from what makes a thing itself: 128 bits of SHA-256, as hexadecimal."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


Published: TypeAlias = Alert | Command | Ack | OperatorDecision | JournalEntry | WorkerHeartbeat


def encode(message: Published) -> bytes:
    return msgspec.json.encode(message)
