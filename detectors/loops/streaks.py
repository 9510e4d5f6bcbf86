"""Steps that are the same as those one period before: repeats (a period of one) and cycles."""

from __future__ import annotations

from math import inf

from detectors.detector import Finding, RuleSet, Run
from detectors.event import Event, ToolResult
from detectors.loops.fingerprint import UNKNOWN, hashed
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import CYCLE, REPEAT, TITLES, Repeats
from detectors.loops.signature import failure_signature
from detectors.loops.state import LONGEST_CYCLE, Agent, Pending, Step, Streak, Told
from detectors.loops.told import ALERT, CAPS, CERTAIN, NOTICE, tell

STEPS_ON = 60.0  # a step that moves on counts as if it had waited so many seconds
SLOWER = 1.25  # times the round before, and at least a second: so rounds of a backoff grow
AS_SLOW = 0.8  # times the round before: a backoff that has reached its longest wait, with jitter


def add_step(agent: Agent, step: Step, call: Pending, took: float, ended: float) -> None:
    """Continue, begin and end streaks with one more step, that took so many seconds inside the tool until then."""
    if call.bare and step.exact == UNKNOWN:
        return  # nothing is known of it that could be the same
    streaks: list[Streak] = []
    recent, call_alone = agent.recent, step.call
    before = {streak.period: streak for streak in agent.streaks} if agent.streaks else {}
    for period, earlier in enumerate(reversed(recent), start=1):
        if earlier.call != call_alone or not step.same(earlier):
            continue
        # AAAA is one call repeated, not also a cycle of AA: what has a shorter period is not followed by a longer one.
        if any(period % shorter.period == 0 and shorter.length >= period - shorter.period for shorter in streaks):
            continue
        streak = before.get(period)
        if streak is None:
            streak = Streak(period, 0, earlier.at, ended=agent.ended)
        streak.length += 1
        streak.waited = min(streak.waited + took + (STEPS_ON if call.steps_on else 0.0), 1e12)
        streak.unknown = streak.unknown or step.exact == UNKNOWN
        if streak.length % period == 0:
            _time_round(streak, ended)
        streaks.append(streak)
    agent.streaks = streaks
    agent.steps += 1
    agent.ended = ended
    recent.append(step)
    if len(recent) > LONGEST_CYCLE:
        del recent[:-LONGEST_CYCLE]


def _time_round(streak: Streak, ended: float) -> None:
    gap = ended - streak.ended
    if gap < AS_SLOW * streak.gap:
        streak.slower = 0
    elif streak.gap and gap >= max(1.0, SLOWER * streak.gap):
        streak.slower += 1
    streak.ended, streak.gap = ended, max(0.0, gap)


def streak_findings(
    agent: Agent, call: Pending, event: Event, run: Run, rules: RuleSet, failing: bool
) -> list[Finding]:
    """What the strongest of the streaks that have just gone round once more shows, if that is to be told."""
    best, best_level, best_waits = None, 0, False
    for streak in agent.streaks:
        if streak.rounds < 2 or streak.length % streak.period:
            continue
        thresholds: Repeats | None = rules.get(_rule(streak))
        if thresholds is None:
            continue
        waits = _waits(streak, event.time, failing, thresholds)
        level = _level(streak, waits, thresholds)
        if level > best_level:
            best, best_level, best_waits = streak, level, waits
    if best is None:
        return []
    calls = sorted({step.call for step in agent.recent[-best.period :]})
    key = f"{hashed(f'{call.agent} {calls}'):08x}"
    told = tell(agent, _rule(best), key, calls, 0, best_level, best.rounds)
    if told is None:
        return []
    signature = failure_signature(event, call.numbers) if isinstance(event, ToolResult) and failing else None
    told.failure = hashed(signature[0]) if signature is not None else told.failure
    return [_finding(told, best, agent, call, event, run, best_waits, failing)]


def says_it_better(agent: Agent, rules: RuleSet, since: float = -inf) -> bool:
    """A repeat or a cycle goes on that is plain by now, or that is all there was since that time."""
    return any(
        (streak.rounds > 2 or (streak.rounds == 2 and streak.first.time <= since)) and _rule(streak) in rules
        for streak in agent.streaks
    )


def _rule(streak: Streak) -> str:
    return REPEAT.id if streak.period == 1 else CYCLE.id


def _waits(streak: Streak, now: float, failing: bool, thresholds: Repeats) -> bool:
    if streak.waited / streak.length >= thresholds.wait_s or (streak.rounds > 2 and streak.backs_off):
        return True
    return not failing and max(0.0, now - streak.first.time) / streak.length >= thresholds.apart_s


def _level(streak: Streak, waits: bool, thresholds: Repeats) -> int:
    """How strong an answer the streak justifies; 0: none."""
    enough = thresholds.waiting_repeats if waits else thresholds.repeats
    if streak.unknown:
        return ALERT if streak.rounds >= 2 * enough else 0
    if streak.rounds >= enough:
        return CERTAIN
    notice = thresholds.notice_repeats
    return NOTICE if not waits and notice is not None and streak.rounds >= notice else 0


def _finding(
    told: Told, streak: Streak, agent: Agent, call: Pending, event: Event, run: Run, waits: bool, failing: bool
) -> Finding:
    period, failing, certain = streak.period, failing and not streak.unknown, told.level > NOTICE
    what = f"`{call.label}`" if period == 1 else f"a circle of {period} calls (the last: `{call.label}`)"
    result = "its results were not published" if streak.unknown else "the same result each time"
    spent = Spent.since(streak.first, event, agent)
    previous = agent.recent[-1 - period].at if len(agent.recent) > period and streak.rounds > 2 else None
    return Finding(
        rule=told.rule,
        key=told.key,
        title=TITLES[told.rule],
        summary=f"{who(event)} does {what} {streak.rounds} times in {spent}: {result}"
        + (", a failure" if failing else "")
        + (", waiting in between" if waits else "")
        + ".",
        score=1.0 if certain else 0.5,
        severity=None if certain else "info",
        cap=CAPS[told.level],
        evidence=occurrences(run, event, call.label, streak.first, previous, call.at),
        facts={"rounds": streak.rounds, "period": period, "waiting": waits, "failing": failing, **spent.facts()},
    )
