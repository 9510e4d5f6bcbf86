"""One failure counted over a run, whatever command meets it."""

from __future__ import annotations

from detectors.detector import Finding, RuleSet, Run
from detectors.event import ToolResult
from detectors.loops.fingerprint import hashed
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import FAILURE, TITLES, Failures
from detectors.loops.signature import failure_signature
from detectors.loops.state import FAILURES, Agent, Failure, Pending, Step, place
from detectors.loops.streaks import says_it_better
from detectors.loops.told import ALERT, CAPS, CERTAIN, tell


def forget_answered(agent: Agent, step: Step) -> None:
    """The call that met a failure now answers something else: what it ran into has moved."""
    if not agent.failures:
        return
    last = next((other for other in reversed(agent.recent) if other.call == step.call), None)
    if last is None or not step.same(last):
        agent.failures = [failure for failure in agent.failures if failure.call != step.call]


def failure_findings(
    agent: Agent, call: Pending | None, event: ToolResult, run: Run, rules: RuleSet, thresholds: Failures
) -> list[Finding]:
    fingerprint = call.call if call is not None else 0
    if says_it_better(agent, rules):
        for met in agent.failures:
            met.step = agent.steps if met.call == fingerprint else met.step
        return []
    found = failure_signature(event, call.numbers if call is not None else "")
    if found is None:
        return []
    signature = hashed(found[0])
    here = call.at if call is not None else place(event, agent, run)
    failure = next((known for known in agent.failures if known.signature == signature), None)
    if failure is None or agent.steps - failure.step > thresholds.window:
        agent.failures = [known for known in agent.failures if known.signature != signature][-FAILURES + 1 :]
        agent.failures.append(Failure(signature, fingerprint, agent.steps, here, here))
        return []
    previous, failure.previous = failure.previous, here
    failure.count += 1
    failure.commands += fingerprint != failure.call
    failure.call, failure.step = fingerprint, agent.steps
    count = failure.count
    if count < thresholds.failures or says_it_better(agent, rules, failure.first.time):
        return []
    level = CERTAIN if count >= thresholds.pause_failures else ALERT
    told = tell(agent, FAILURE.id, f"{signature:08x}", [fingerprint], signature, level, count)
    if told is None:
        return []
    spent = Spent.since(failure.first, event, agent)
    through = ", through changing commands" if failure.commands > 1 else ""
    return [
        Finding(
            rule=told.rule,
            key=told.key,
            title=TITLES[told.rule],
            summary=f"{who(event)} met the same failure {count} times in {spent}{through}: {found[1][:120]}",
            score=min(1.0, count / thresholds.pause_failures),
            cap=CAPS[told.level],
            evidence=occurrences(run, event, call.label if call is not None else "", failure.first, previous),
            facts={"failures": count, "command_changes": failure.commands - 1, **spent.facts()},
        )
    ]
