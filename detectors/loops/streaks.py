"""Steps that are the same as those one period before: repeats (a period of one) and cycles."""

from __future__ import annotations

from detectors.detector import Finding, Rule, RuleSet, Run
from detectors.event import Event, ToolResult
from detectors.loops.fingerprint import UNKNOWN, hashed, is_failure
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import CYCLE, REPEAT, Repeats
from detectors.loops.state import LONGEST_CYCLE, Agent, Pending, Step, Streak

STEPS_ON = 60.0  # a step that moves on counts as if it had waited so many seconds


def add_step(agent: Agent, step: Step, call: Pending, took: float) -> None:
    """Continue, begin and end streaks with one more step."""
    if call.bare and step.exact == UNKNOWN:
        return  # nothing is known of it that could be the same
    streaks: list[Streak] = []
    before = {streak.period: streak for streak in agent.streaks}
    for period in range(1, min(LONGEST_CYCLE, len(agent.recent)) + 1):
        earlier = agent.recent[-period]
        if not step.same(earlier):
            continue
        streak = before.get(period)
        if streak is None:
            # AAAA is one call repeated, not also a cycle of AA.
            if any(period % shorter.period == 0 and shorter.length >= period for shorter in streaks):
                continue
            streak = Streak(period, 0, earlier.at)
        streak.length += 1
        streak.waited = min(streak.waited + took + (STEPS_ON if call.steps_on else 0.0), 1e12)
        streak.unknown = streak.unknown or step.exact == UNKNOWN
        streaks.append(streak)
    agent.streaks = streaks
    agent.steps += 1
    agent.recent.append(step)
    del agent.recent[:-LONGEST_CYCLE]


def streak_findings(agent: Agent, call: Pending, event: Event, run: Run, rules: RuleSet) -> list[Finding]:
    findings = []
    failing = isinstance(event, ToolResult) and is_failure(event)
    for streak in agent.streaks:
        rule = REPEAT if streak.period == 1 else CYCLE
        thresholds: Repeats | None = rules.get(rule.id)
        if thresholds is None or streak.length % streak.period:
            continue
        rounds, seconds = streak.rounds, max(0.0, event.time - streak.first.time)
        waits = streak.waited / streak.length >= thresholds.wait_s
        waits = waits or (not failing and seconds / streak.length >= thresholds.apart_s)
        enough = thresholds.waiting_repeats if waits else thresholds.repeats
        notice = None if waits else thresholds.notice_repeats
        if streak.unknown:
            enough, notice = 2 * enough, None
        certain = rounds >= enough
        if certain:
            if rounds < max(enough, 2 * streak.told) and streak.told >= enough:
                continue
        elif notice is None or rounds < notice or streak.told:
            continue
        streak.told = rounds
        findings.append(_finding(rule, streak, agent, call, event, run, waits, certain))
    return findings


def _finding(
    rule: Rule, streak: Streak, agent: Agent, call: Pending, event: Event, run: Run, waits: bool, certain: bool
) -> Finding:
    period, failing = streak.period, isinstance(event, ToolResult) and is_failure(event) and not streak.unknown
    calls = sorted(step.call for step in agent.recent[-period:])
    what = f"`{call.label}`" if period == 1 else f"a circle of {period} calls (the last: `{call.label}`)"
    result = "its results were not published" if streak.unknown else "the same result each time"
    spent = Spent.since(streak.first, event, agent)
    previous = agent.recent[-1 - period].at if len(agent.recent) > period and streak.rounds > 2 else None
    return Finding(
        rule=rule.id,
        key=f"{hashed(f'{call.agent} {calls}'):08x}",
        title=rule.title,
        summary=f"{who(event)} does {what} {streak.rounds} times in {spent}: {result}"
        + (", a failure" if failing else "")
        + (", waiting in between" if waits else "")
        + ".",
        score=1.0 if certain else 0.5,
        severity=None if certain else "info",
        cap=("alert" if streak.unknown else None) if certain else "notice",
        evidence=occurrences(run, event, call.label, streak.first, previous, call.at),
        facts={"rounds": streak.rounds, "period": period, "waiting": waits, "failing": failing, **spent.facts()},
    )
