"""Silence of one run, judged by a timer: lost heartbeats, and an agent that runs but publishes nothing. Pure.

An alert is opened once and resolved when there is life again, or the run is over. Operational: no replay gives it.
"""

from __future__ import annotations

from msgspec import Struct

from detectors.detector import Mode, Rule, Severity
from monitor.engine.answer import alert_of
from monitor.engine.outcome import Outcome, Position
from monitor.engine.rules import HEARTBEAT, SILENT, Missed, Published
from monitor.engine.signs import Beat, Signs
from monitor.engine.state import RunState
from monitor.messages import identify
from monitor.policy import Resolved


class Now(Struct, frozen=True):
    """When it is looked, by the broker's clock. since: from when on the run's partition was read to its end; what had
    not been read before that is no silence. heartbeat_s: the quickest rhythm that is held against anybody."""

    time: float
    since: float
    heartbeat_s: float
    digest: str


def over(state: RunState) -> bool:
    """Nothing is expected of this run: it ended, was killed, or stands still by order."""
    if state.run.finished or state.ended or state.killed_by is not None or state.paused_by is not None:
        return True
    return any(
        tracked.command.scope != "run" and tracked.command.action == "pause" and tracked.status == "confirmed"
        for tracked in state.tracked
    )


def look(state: RunState, now: Now, resolved: Resolved) -> Outcome:
    """What there is to tell of this run's silence, once."""
    out = Outcome()
    signs = state.signs
    if signs is None:
        return out
    ended = over(state)
    missed, published = resolved.rules.get(HEARTBEAT.id), resolved.rules.get(SILENT.id)
    for who, beat in (("agent", signs.own), ("guard", signs.guard)):
        if beat is not None:
            _heartbeats(state, who, beat, signs, now, None if ended else missed, out)
    _silent(state, signs, now, None if ended else published, out)
    for alert in out.alerts:
        alert.mode, alert.severity = answered(resolved, alert.rule, alert.severity)
    return out


def answered(resolved: Resolved, rule: str, severity: Severity) -> tuple[Mode, Severity]:
    """Mode and severity of a timer's alert: the policy's, and never a command, which a replay would not give again."""
    answer = resolved.answer(rule)
    return answer.mode if answer.mode in ("shadow", "notice") else "alert", answer.severity or severity


def next_look(signs: Signs, published: Published | None) -> bool:
    """Whether the guard's latest heartbeat shows that the agent has been silent for too long, or is no longer."""
    if signs.guard is None or published is None:
        return False
    return signs.guard.last - max(signs.agent, signs.since) > published.silent_s


def _heartbeats(
    state: RunState, who: str, beat: Beat, signs: Signs, now: Now, missed: Missed | None, out: Outcome
) -> None:
    last = max(beat.last, signs.agent) if who == "agent" else beat.last
    name = f"{who}'s heartbeats"
    if beat.told:
        if last > beat.told:
            _tell(state, HEARTBEAT, who, beat.told, now, f"The {name} are back.", out, back=True)
            beat.told = 0.0
        elif missed is None:
            _tell(state, HEARTBEAT, who, beat.told, now, "The run is over, or stands still.", out, back=True)
            beat.told = 0.0
        return
    if missed is None or not beat.every:
        return
    rhythm = max(beat.every, now.heartbeat_s)
    if now.time - max(last, now.since) <= missed.missed * rhythm:
        return
    if who == "guard" and signs.own is not None and signs.own.told:
        return  # one alert for what has one cause
    beat.told = last
    what = (
        "Nothing of the run's machine says that it lives: it is down, has lost Kafka, or the guard was killed."
        if who == "guard" or signs.guard is None or signs.guard.last <= last
        else "Its guard still sees its processes: the agent hangs, or has lost its way to Kafka."
    )
    text = f"The {name} of run {state.run.run_id} stopped {now.time - last:.0f} s ago, one came every {rhythm:.0f} s. "
    _tell(state, HEARTBEAT, who, last, now, text + what + " Look at the machine; `killcord kill` it if in doubt.", out)


def _silent(state: RunState, signs: Signs, now: Now, published: Published | None, out: Outcome) -> None:
    last = max(signs.agent, signs.since)
    if signs.silent:
        if signs.agent > signs.silent or published is None:
            why = "The agent publishes again." if signs.agent > signs.silent else "The run is over, or stands still."
            _tell(state, SILENT, "agent", signs.silent, now, why, out, back=True)
            signs.silent = 0.0
        return
    if not next_look(signs, published) or (signs.own is not None and signs.own.told):
        return
    if now.time - max(last, now.since) <= (published.silent_s if published else 0.0):
        return
    signs.silent = last
    text = (
        f"The guard of run {state.run.run_id} sees it running, but its agent has published nothing "
        f"{'since it started' if not signs.agent else 'any more'}, for {now.time - last:.0f} s: what it does is not "
        "judged. Look at its publisher and its way to Kafka; `killcord pause` holds it meanwhile."
    )
    _tell(state, SILENT, "agent", last, now, text, out)


def _tell(
    state: RunState, rule: Rule, who: str, last: float, now: Now, text: str, out: Outcome, *, back: bool = False
) -> None:
    alert = alert_of(state, None, Position(None, None, state.offset), now.digest, rule)
    alert.id = alert.event_id = identify(rule.id, state.run.run_id, who, last)
    alert.summary, alert.time, alert.operational = text, now.time, True
    if back:
        alert.status, alert.revision = "resolved", 2
    out.alerts.append(alert)
