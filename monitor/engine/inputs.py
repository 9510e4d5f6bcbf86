"""What changes a run's state beside its events: acknowledgements, an operator's decisions, timers.

Each returns what to publish, with a journal entry that lets a replay do the same after the same event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from detectors.detector import Stopped
from monitor.counted import counted
from monitor.engine.answer import alert_of, track
from monitor.engine.canary import PREFIX
from monitor.engine.lifecycle import PROOF, Status, Tracked, due, on_ack, on_step
from monitor.engine.outcome import Outcome, Position
from monitor.engine.rules import UNCONFIRMED
from monitor.engine.state import MOST_DECISIONS, MOST_EARLY, RunState
from monitor.messages import Ack, Alert, Command, JournalEntry, OperatorDecision, identify

MOST_WATCHERS = 16
MOST_REISSUES = 5
OUTCOMES = frozenset({"stopped", "paused", "failed", "refused"})


def acknowledge(state: RunState, ack: Ack, digest: str) -> Outcome:
    """Takes in one acknowledgement; one that changes nothing leaves no trace."""
    out = Outcome()
    changed = False
    if ack.status == "watching" and (ack.consumer not in state.watchers or state.ended):
        others = [watcher for watcher in state.watchers if watcher != ack.consumer]
        state.watchers = [*others[-(MOST_WATCHERS - 1) :], ack.consumer]
        state.ended = False
        changed = True
    left = ack.status == "ended" or (ack.status == "stopped" and ack.command_id is None)  # the latter by its lease
    if left and not state.ended:
        state.ended = changed = True
    known = any(tracked.command.id == ack.command_id for tracked in state.tracked)
    if ack.status in OUTCOMES and ack.command_id is not None and not known and ack not in state.early:
        state.early = [*state.early[-(MOST_EARLY - 1) :], ack]
        changed = True
    # Whoever was the only one to watch has left with the run: commands under way to it will not be answered.
    over = left and ack.command_id is None and all(one == ack.consumer for one in state.watchers)
    for tracked in state.tracked:
        if tracked.command.id != ack.command_id and not over:
            continue
        if (status := on_ack(tracked, ack)) is not None:
            changed = True
            _on_status(state, tracked, status, ack, out)
        elif ack.status == "stopped" and _counted(state, tracked, ack, out):
            changed = True
    if changed:
        out.journal.append(_entry(state, digest, kind="ack", ack=ack))
    return out


def catch_up(state: RunState, commands: Sequence[Command], digest: str) -> Outcome:
    """Takes in the acknowledgements that came before their commands were known here.

    Topics are read side by side: after a crash the proof of a stop may come before the event that is judged again, and
    a kill-switch may be quicker than the operator's decision. Its process has ended by then, so it says it only once.
    """
    out = Outcome()
    ids = {command.id for command in commands}
    known = [ack for ack in state.early if ack.command_id in ids]
    if known:
        state.early = [ack for ack in state.early if ack.command_id not in ids]
        for ack in known:
            out.extend(acknowledge(state, ack, digest))
        out.journal.clear()  # it has them from when they came
    return out


def _counted(state: RunState, tracked: Tracked, ack: Ack, out: Outcome) -> bool:
    """A proof may come first and what got through before it a moment later: a guard has to look that up."""
    stopped = state.run.stopped
    if stopped is None or stopped.command_id != ack.command_id or tracked.counted:
        return False
    if ack.actions_after is None and ack.last_seq is None:
        return False
    tracked.counted = True
    stopped.last_seq = ack.last_seq
    if ack.actions_after is not None:
        _revise(state, tracked, out, f"{counted(ack.actions_after, 'action')} got through in between.", resolved=True)
    tracked.alert = None
    return True


def _reissue(state: RunState, tracked: Tracked, out: Outcome) -> None:
    """A kill that a switch refused as stale, since an operator's commands were not known here: with a higher epoch."""
    state.epoch += 1
    tracked.reissued += 1
    tracked.command = msgspec.structs.replace(
        tracked.command, id=identify("again", tracked.command.id), epoch=state.epoch
    )
    tracked.status, tracked.attempts, tracked.acks = "issued", 1, []
    state.killed_by = tracked.command.id
    out.commands.append(tracked.command)


def _on_status(state: RunState, tracked: Tracked, status: Status, ack: Ack, out: Outcome) -> None:
    action = tracked.command.action
    if status == "refused" and action == "kill" and tracked.reissued < MOST_REISSUES:
        _reissue(state, tracked, out)
        return
    if status == "confirmed" and action == "kill":
        tracked.counted = ack.actions_after is not None or ack.last_seq is not None
        state.run.stopped = Stopped(
            command_id=tracked.command.id,
            time=ack.time,
            agent_id=tracked.command.agent_id or "",
            last_seq=ack.last_seq,
        )
    through = "" if ack.actions_after is None else f" {counted(ack.actions_after, 'action')} got through in between."
    detail = f" ({ack.detail})" if ack.detail else ""
    match status:
        case "confirmed" if action == "kill":
            _revise(state, tracked, out, f"Stopped by {ack.consumer}{detail}.{through}", resolved=True)
        case "confirmed":
            _revise(state, tracked, out, f"{action.capitalize()}d by {ack.consumer}{detail}.{through}", resolved=False)
        case "ended":
            _revise(state, tracked, out, f"The run had ended before, says {ack.consumer}.", resolved=True)
        case "failed" | "refused":
            _revise(
                state,
                tracked,
                out,
                f"The kill-switch {ack.consumer} says {status}{detail}: the run may go on, stop it by hand.",
                resolved=False,
                critical=True,
            )
        case _:
            return
    # A pause's alert is resolved by its resume; a kill's may still be told what got through.
    if tracked.done and action != "pause" and (tracked.counted or status != "confirmed"):
        tracked.alert = None


def _revise(
    state: RunState, tracked: Tracked, out: Outcome, sentence: str, *, resolved: bool, critical: bool = False
) -> None:
    alert = tracked.alert
    if alert is None:
        return
    _count(state, alert)
    alert.summary = f"{alert.summary} {sentence}"
    if resolved:
        alert.status = "resolved"
    if critical:
        alert.severity = "critical"
    out.alerts.append(_copy(alert))


def _count(state: RunState, alert: Alert) -> None:
    """The next revision of an alert, wherever it is revised: a finding that comes again counts on from here."""
    for known in state.alerts.values():
        if known.id == alert.id:
            known.revision = alert.revision = known.revision + 1
            return
    alert.revision += 1


def _copy(alert: Alert) -> Alert:
    """What is published: the tracked alert itself goes on changing."""
    return msgspec.structs.replace(alert)


def decide(state: RunState, decision: OperatorDecision, digest: str) -> Outcome:
    """Takes in what a person or a trusted service decided about this run; the same decision twice counts once."""
    out = Outcome()
    if decision.id in state.decisions or (decision.scope != "run" and not _concerned(state, decision)):
        return out
    state.decisions = [*state.decisions[-(MOST_DECISIONS - 1) :], decision.id]
    grants = state.run.grants
    if decision.scope != "run":
        _wide(state, decision)
        out.journal.append(_entry(state, digest, kind="operator", operator=decision))
        return out
    match decision.decision:
        case "approve" if decision.rule is not None and decision.rule not in grants.approved:
            grants.approved = [*grants.approved[-31:], decision.rule]
        case "raise_budget":
            for name, limit in decision.limits.items():
                grants.limits[name] = max(limit, grants.limits.get(name, 0.0))
        case "kill" | "pause" if decision.command is not None:
            _ordered(state, decision)
            out.extend(catch_up(state, [decision.command], digest))
        case "canary" if decision.target.startswith(PREFIX):
            state.canary = decision.event_id or ""
        case "resume" if state.killed_by is None:
            _resumed(state, decision, out)
        case _:
            pass
    out.journal.append(_entry(state, digest, kind="operator", operator=decision))
    return out


def _ordered(state: RunState, decision: OperatorDecision) -> None:
    command = decision.command
    assert command is not None
    state.epoch = max(state.epoch, command.epoch)
    if command.action == "kill":
        state.killed_by = state.killed_by or command.id
    else:
        state.paused_by = state.paused_by or command.id
    if all(tracked.command.id != command.id for tracked in state.tracked):
        # A switch that has proven its stop has left with the agent: nobody is missed when it says nothing more.
        over = state.ended or state.run.stopped is not None
        status: Status = "ended" if over else "issued" if state.watchers else "unguarded"
        track(state, Tracked(command=command, status=status, issued_at=decision.time))


def _concerned(state: RunState, decision: OperatorDecision) -> bool:
    """Whether a command that is wider than a run must be proven by this one: it is in its scope, and watched."""
    if decision.command is None or not state.watchers or state.ended or state.run.stopped is not None:
        return False
    return decision.scope == "all" or getattr(state.run, decision.scope) == decision.target


def _wide(state: RunState, decision: OperatorDecision) -> None:
    """Follows a wide kill or pause to its proof by this run; its resume ends the waiting."""
    command = decision.command
    assert command is not None
    if command.action in ("kill", "pause"):
        track(state, Tracked(command=command, issued_at=decision.time))
        return
    for tracked in state.tracked:
        if tracked.command.standing_key == command.standing_key:
            tracked.status = "ended"


def _resumed(state: RunState, decision: OperatorDecision, out: Outcome) -> None:
    """The pause ends, and what led to it is let through from now on: the operator has seen it."""
    command = decision.command
    if command is not None:
        state.epoch = max(state.epoch, command.epoch)
    for reference, known in state.alerts.items():
        if known.mode == "pause":
            allowed = reference.replace("|", ":", 1)
            if allowed not in state.run.grants.approved:
                state.run.grants.approved = [*state.run.grants.approved[-31:], allowed]
    for tracked in state.tracked:
        if tracked.command.action == "pause" and tracked.alert is not None:
            why = f": {decision.reason}" if decision.reason else ""
            _revise(state, tracked, out, f"Resumed by {decision.by}{why}.", resolved=True)
            tracked.alert = None
            tracked.status = "ended"
    state.paused_by = None


def on_time(state: RunState, now: float, timeout: float, digest: str) -> Outcome:
    """Second attempts and escalations that are due. ``now``: seconds by the clock that stamps events."""
    out = Outcome()
    for tracked in state.tracked:
        step = due(tracked, now, timeout)
        if step is None:
            continue
        take_step(state, tracked, step, digest, out)
        out.journal.append(_entry(state, digest, kind="timer", timer=f"{step}:{tracked.command.id}", time=now))
    return out


def recorded_step(state: RunState, entry: JournalEntry, digest: str) -> Outcome:
    """What a timer did in the live run, done again in a replay."""
    out = Outcome()
    step, _, command_id = (entry.timer or "").partition(":")
    for tracked in state.tracked:
        if tracked.command.id == command_id:
            take_step(state, tracked, step, digest, out)
    return out


def take_step(state: RunState, tracked: Tracked, step: Any, digest: str, out: Outcome) -> None:
    on_step(tracked, step)
    command = tracked.command
    if step == "retry":
        out.commands.append(command)
        return
    proof = " or ".join(sorted(PROOF[command.action]))
    sentence = (
        f"The {command.action} was not confirmed: a kill-switch watches the run ({', '.join(state.watchers)}) but did "
        f"not acknowledge '{proof}' after {tracked.attempts} attempts. Assume that the agent goes on: stop it by hand."
    )
    if tracked.alert is None:
        alert = alert_of(state, None, Position(None, None, state.offset), digest, UNCONFIRMED)
        alert.id = identify("unconfirmed", command.id)
        alert.event_id = command.event_id or command.id
        alert.command_id, alert.agent_id = command.id, command.agent_id
        alert.summary = f"{command.reason or f'{command.issued_by} ordered a {command.action}.'} {sentence}"
        alert.operational = True
        alert.time = alert.time or command.issued_at  # of a run that has said nothing yet
        alert.revision = 0
        tracked.alert = alert
    else:
        tracked.alert.operational = True
        tracked.alert.summary = f"{tracked.alert.summary} {sentence}"
    alert = tracked.alert
    if not alert.title.startswith(UNCONFIRMED.title):
        alert.title = f"{UNCONFIRMED.title}: {alert.title}"
    alert.severity = "critical"
    _count(state, alert)
    out.alerts.append(_copy(alert))


def _entry(state: RunState, digest: str, **more: Any) -> JournalEntry:
    return JournalEntry(partition=state.partition, offset=state.offset, run_id=state.run.run_id, digest=digest, **more)
