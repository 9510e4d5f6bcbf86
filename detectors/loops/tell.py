"""From a step's evidence to what is said: one loop is told once an answer, and again when it has doubled."""

from __future__ import annotations

from detectors.detector import Finding, Run
from detectors.event import Event
from detectors.loops.evidence import Kind, Verdict
from detectors.loops.label import label
from detectors.loops.levels import ALERT, CAPS, NOTICE, RULE_OF, SURE, Limits, Scale, level_of
from detectors.loops.outcome import Outcome
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import RULES
from detectors.loops.state import Agent, Pending, Told

TITLES = {rule.id: rule.title for rule in RULES}
KINDS = len(Kind)
MOST_SCORE = 1200  # hundredths: so that a loop of long ago is forgotten after some forty steps that bring something


def add_evidence(agent: Agent, call: Pending, verdict: Verdict, scale: Scale) -> bool:
    """Adds it up. Returns whether there is more of it than before."""
    score = agent.score
    if verdict.evidence <= 0:
        if verdict.evidence and score:
            _take_away(agent, -verdict.evidence)
        return False
    if scale.kinds[verdict.kind] is None:
        return False
    if not score:
        score.extend([0] * KINDS)
        agent.steps = 0
        agent.since = agent.last or call.at if verdict.kind in (Kind.REPEAT, Kind.RETRY, Kind.POLL) else call.at
    if sum(score) < MOST_SCORE:
        score[verdict.kind] += verdict.evidence
    agent.steps += 1
    return True


def _take_away(agent: Agent, evidence: int) -> None:
    score = agent.score
    total = sum(score)
    left = total - evidence
    if left <= 0:
        score.clear()
        agent.since, agent.told, agent.steps = None, None, 0
        return
    for kind in range(KINDS):
        score[kind] = score[kind] * left // total


def findings_of(
    agent: Agent, call: Pending, outcome: Outcome, verdict: Verdict, event: Event, run: Run, scale: Scale
) -> list[Finding]:
    """What the evidence so far comes to, if that is to be told now."""
    score = agent.score
    told = agent.told
    if sum(score) < scale.lowest or (told is not None and told.level == SURE and agent.steps < 2 * told.said):
        return []
    kind = Kind(max(range(KINDS), key=score.__getitem__))
    limits = scale.kinds[kind]
    if limits is None:
        return []
    level = level_of(sum(score), limits)
    if verdict.unknown and level:
        level = 0 if level < SURE else ALERT
    if not level:
        return []
    if told is not None:
        if level < told.level or (level == told.level and (level == NOTICE or agent.steps < 2 * told.said)):
            return []
        rule, key = told.rule, told.key
        if level > told.level and RULE_OF[kind] != rule:
            rule, key = RULE_OF[kind], f"{verdict.pattern:08x}"
        level = max(level, told.level)
    else:
        rule, key = RULE_OF[kind], f"{verdict.pattern:08x}"
    agent.told = Told(rule, key, level, agent.steps)
    return [_finding(agent, call, outcome, kind, limits, event, run)]


def _finding(
    agent: Agent, call: Pending, outcome: Outcome, kind: Kind, limits: Limits, event: Event, run: Run
) -> Finding:
    told, since = agent.told, agent.since
    assert told is not None and since is not None
    spent = Spent.since(since, event, agent)
    certain = told.level > NOTICE
    return Finding(
        rule=told.rule,
        key=told.key,
        title=TITLES[told.rule],
        summary=f"{who(event)} {_says(agent, call, outcome, kind, spent)}{spent.forecast()}",
        score=min(1.0, sum(agent.score) / limits.sure),
        severity=None if certain else "info",
        cap=CAPS[told.level],
        evidence=occurrences(run, event, label(call.label), since, agent.last, call.at),
        facts={
            "kind": kind.name.lower(), "steps": agent.steps + 1, "failing": outcome.failing,
            "waits_s": round(agent.pace, 1), **spent.facts(),
        },
    )  # fmt: skip


def _says(agent: Agent, call: Pending, outcome: Outcome, kind: Kind, spent: Spent) -> str:
    times, what = agent.steps + 1, f"`{label(call.label)}`"
    line = f": {outcome.signature.line[:120]}" if outcome.signature is not None else "."
    same = "its results were not published" if not outcome.known else "the same result each time"
    match kind:
        case Kind.REPEAT:
            return f"does {what} {times} times in {spent}: {same}{', a failure' if outcome.failing else ''}."
        case Kind.POLL:
            return f"asks {what} {times} times in {spent}, waiting in between, and the answer stays the same."
        case Kind.RETRY:
            return f"tries {what} again without backing off, {times} times in {spent}{line}"
        case Kind.CYCLE:
            return f"goes round in a circle: {times} steps in {spent} as before, the last {what}, and nothing changed."
        case Kind.FLIP:
            return f"changes the same thing back and forth, {times} steps in {spent}, the last {what}."
        case Kind.FAILURE:
            return f"met the same failure {times} times in {spent}, through changing commands{line}"
        case Kind.PAGES:
            return f"goes on paging, {times} steps in {spent}, the last {what}, and nothing new comes."
        case _:
            return f"has learned nothing new in {times} steps in {spent}, the last {what}."
