"""One failure counted over a run, whatever command meets it."""

from __future__ import annotations

from detectors.detector import Finding, Run
from detectors.event import ToolResult
from detectors.loops.fingerprint import hashed
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import FAILURE, Failures
from detectors.loops.signature import failure_signature
from detectors.loops.state import FAILURES, Agent, Failure, Pending, Step, place


def forget_answered(agent: Agent, step: Step) -> None:
    """The call that met a failure now answers something else: what it ran into has moved."""
    if not agent.failures:
        return
    last = next((other for other in reversed(agent.recent) if other.call == step.call), None)
    if last is None or not step.same(last):
        agent.failures = [failure for failure in agent.failures if failure.call != step.call]


def failure_findings(
    agent: Agent, call: Pending | None, event: ToolResult, run: Run, thresholds: Failures
) -> list[Finding]:
    text = failure_signature(event)
    if text is None:
        return []
    signature, fingerprint = hashed(text), call.call if call is not None else 0
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
    count, told = failure.count, failure.told
    # A repeat or a cycle says it better.
    if any(streak.rounds > 2 for streak in agent.streaks):
        return []
    certain = count >= thresholds.pause_failures
    new = told < thresholds.pause_failures if certain else told == 0
    if count < thresholds.failures or not (new or count >= 2 * told):
        return []
    failure.told = count
    spent = Spent.since(failure.first, event, agent)
    through = ", through changing commands" if failure.commands > 1 else ""
    return [
        Finding(
            rule=FAILURE.id,
            key=f"{signature:08x}",
            title=FAILURE.title,
            summary=f"{who(event)} met the same failure {count} times in {spent}{through}: {text[:120]}",
            score=min(1.0, count / thresholds.pause_failures),
            cap=None if certain else "alert",
            evidence=occurrences(run, event, call.label if call is not None else "", failure.first, previous),
            facts={"failures": count, "command_changes": failure.commands - 1, **spent.facts()},
        )
    ]
