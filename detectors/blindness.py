"""What Killcord can't see, and what it should no longer see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from zlib import crc32

from msgspec import Struct, field

from detectors.detector import Detector, Example, Finding, Rule, RuleSet, Run, Stopped
from detectors.event import KINDS, Event, ToolCall

GAP = Rule(
    id="blindness.gap",
    title="Events are missing",
    severity="warning",
    mode="alert",
    description="An agent's publisher numbers its events, and numbers are missing: what happened there was not judged.",
)
AFTER_KILL = Rule(
    id="blindness.after_kill",
    title="Acts after its kill",
    severity="critical",
    mode="kill",
    description="A tool call of a run whose stop was acknowledged: something of it is still alive.",
)

STREAMS = 16


class Gap(Struct, array_like=True):
    """missing: events of one agent and publisher. told: how many were, when this was last said."""

    missing: int
    told: int = 0


class BlindnessState(Struct, omit_defaults=True):
    gaps: dict[int, Gap] = field(default_factory=dict)
    actions: int = 0
    told: int = 0


class Blindness(Detector[BlindnessState]):
    """Gaps in what agents publish, and actions after a proven stop.

    The engine numbers the gaps (`Run.missing`) and knows the stop (`Run.stopped`). A gap is said when it is seen, and
    again when twice as many are missing; an event that comes late is not taken off again. An action is after the kill
    if its seq is above the acknowledged one of the same agent, else if its time is later. Lost heartbeats are not
    here: silence is no event.

    Memory: at most 16 publishers, about 200 bytes. Cost: about 0.2 µs an event.
    """

    name = "blindness"
    kinds = KINDS
    rules = (GAP, AFTER_KILL)
    State = BlindnessState
    state_bytes: ClassVar[int] = 512

    def observe(self, event: Event, state: BlindnessState, run: Run, rules: RuleSet) -> Iterable[Finding]:
        findings: list[Finding] = []
        if run.missing > 0 and rules.get(GAP.id) is not None:
            findings += _gap(event, state, run)
        if run.stopped is not None and isinstance(event, ToolCall) and rules.get(AFTER_KILL.id) is not None:
            findings += _after_kill(event, state, run, run.stopped)
        return findings

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        def call(seq: int | None, **given: Any) -> ToolCall:
            return ToolCall(time=100.0 + (seq or 0), run_id="example", id=f"e{seq}", tool="bash", seq=seq, **given)

        killed = Run(run_id="example", stopped=Stopped(command_id="k1", time=105.5, agent_id="", last_seq=5))
        return (
            Example(name="two events are lost", events=(call(1), call(4)), fires=GAP.id),
            Example(name="every number is there", events=(call(1), call(2), call(3))),
            Example(name="a late event fills no new gap", events=(call(1), call(2), call(2), call(3))),
            Example(name="acts after its kill", events=(call(5), call(6)), run=killed, fires=AFTER_KILL.id),
            Example(name="was on its way when killed", events=(call(4), call(5)), run=killed),
        )


def _gap(event: Event, state: BlindnessState, run: Run) -> Iterable[Finding]:
    stream = f"{event.agent_id or 'agent'}/{event.publisher or 'publisher'}"
    key = crc32(stream.encode("utf-8", "surrogatepass"))
    gap = state.gaps.pop(key, None) or Gap(0)
    if len(state.gaps) >= STREAMS:
        del state.gaps[next(iter(state.gaps))]
    state.gaps[key] = gap
    gap.missing = min(gap.missing + run.missing, 2**62)
    if gap.missing < 2 * gap.told:
        return
    gap.told = gap.missing
    yield Finding(
        rule=GAP.id,
        key=stream,
        title=GAP.title,
        summary=f"{gap.missing:,} event(s) of {stream} never arrived, the last of them right before seq {event.seq}. "
        "What happened there was not judged. Look at the publisher's drop counter and its connection to Kafka.",
        evidence=(run.evidence(event, f"{event.kind} seq {event.seq}, {run.missing:,} missing before it"),),
        facts={"missing": gap.missing, "missing_before": run.missing, "seq": event.seq, "publisher": event.publisher},
    )


def _after_kill(event: ToolCall, state: BlindnessState, run: Run, stopped: Stopped) -> Iterable[Finding]:
    if event.seq is not None and stopped.last_seq is not None and event.agent_id == stopped.agent_id:
        if event.seq <= stopped.last_seq:
            return
        proof = f"seq {event.seq} is after {stopped.last_seq}, the last one that the kill-switch acknowledged"
    else:
        if event.time <= stopped.time:
            return
        proof = f"{event.time - stopped.time:.1f} s after the kill-switch said that it had stopped"
    state.actions = min(state.actions + 1, 2**62)
    if state.actions < 2 * state.told:
        return
    state.told = state.actions
    yield Finding(
        rule=AFTER_KILL.id,
        key=stopped.command_id,
        title=AFTER_KILL.title,
        summary=f"Run {run.run_id} calls {event.tool} although it was stopped: {proof}. "
        f"{state.actions} action(s) since. Something of it is still alive: look for its processes on the host.",
        evidence=(run.evidence(event, f"{event.tool} {event.arguments or ''}"),),
        facts={"actions": state.actions, "command_id": stopped.command_id, "last_seq": stopped.last_seq},
    )
