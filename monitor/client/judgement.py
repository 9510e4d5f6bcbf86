"""One tool call judged by itself, without a run or a broker: verdict, effects, and why, layer by layer."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from typing import Any

from msgspec import Struct

from detectors.destructive.calls import Arguments, effects_of_call
from detectors.destructive.context import Context, environment_of
from detectors.destructive.effects import Effect, verdict
from detectors.destructive.kinds import Kinds, as_kind
from detectors.destructive.wording import certainty, describe, outlook
from detectors.detector import MODES, Finding, shorten
from detectors.event import Event, RunStarted, ToolCall
from monitor.client.circumstances import ALONE, Circumstances, applied, with_context
from monitor.client.encoding import Unfit, encoded
from monitor.client.gate import WORDS, Word
from monitor.decode import MAX_EVENT_BYTES
from monitor.engine.engine import Engine
from monitor.engine.governor import Ungoverned
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, new
from monitor.policy import Policy
from monitor.terminal import clean

MOST_RUNS = 1000  # of which the steps before are remembered
MOST_RUN_ID = 256  # characters
MOST_EFFECTS = 16
MOST_TEXT = 1200  # characters
WHY_NOT = {
    "scratch": "a scratch place",
    "rebuildable": "a build brings it back",
    "own": "the run made it itself",
    "nothing": "nothing is there",
    "workspace": "one file of the run's own workspace",
}


class Judgement(Struct, frozen=True, kw_only=True):
    """verdict: ``allow`` is also what only people or only a record are told of in passing. rule: the strongest that
    was broken. effects: what the call would do, at most 16, as JSON values. explanation: for people."""

    verdict: Word
    rule: str | None
    effects: list[dict[str, Any]]
    explanation: str


class Step(Struct, frozen=True):
    """One effect and what becomes of it. rule: which it breaks. why_not: what makes it harmless."""

    effect: Effect
    text: str
    rule: str | None
    why_not: str


class Look(Struct, frozen=True):
    """A judgement with what it comes from. against: the findings for which it is no plain ``allow``."""

    judgement: Judgement
    steps: list[Step] = []
    against: list[Finding] = []


class Judge:
    """Judges calls of any number of runs by one policy. Raises PolicyError for a bad file.

    >>> Judge().judge("bash", {"command": "rm -rf / --no-preserve-root"}).verdict
    'kill'
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = Policy.load() if policy is None else policy
        self._engine = Engine(self.policy, Ungoverned(), on_error=self._detector_failed)
        self._failed: str | None = None
        self._runs: OrderedDict[str, RunState] = OrderedDict()

    def judge(self, tool: str, arguments: Arguments, where: Circumstances = ALONE) -> Judgement:
        """Never raises for what an agent gives: what can't be judged is denied."""
        return self.look(tool, arguments, where).judgement

    def look(self, tool: str, arguments: Arguments, where: Circumstances = ALONE) -> Look:
        """`judge`, with what it comes from."""
        if where.run_id is not None and not 1 <= len(where.run_id) <= MOST_RUN_ID:
            return _unjudged(f"a run_id has 1 to {MOST_RUN_ID} characters, not {len(where.run_id)}")
        given = with_context(tool, arguments, where)
        self._failed = None
        try:
            state = self._state(where)
            call = ToolCall(**_common(state.run.run_id, where), tool=tool, arguments=given)
            with applied(state.run, where):
                out = self._take(state, call)
        except Unfit as error:
            return _unjudged(str(error))
        if self._failed is not None:
            return _unjudged(self._failed)
        steps = explained(tool, given, where, self.policy.tools)
        worst = max(out.alerts, key=lambda alert: MODES.index(alert.mode), default=None)
        word: Word = "allow" if worst is None else WORDS[worst.mode]
        through = [finding.summary for finding in out.findings if "allowed" in finding.facts]
        if word != "allow":
            why = "; ".join(finding.summary for finding in out.findings)
        else:
            why = "; ".join(through) or _harmless(steps)
        effects = [told(step.effect) for step in steps if step.effect.action != "create"]
        if where.run_id is not None:  # what it would do after the steps before
            effects = [effect for finding in out.findings for effect in finding.facts.get("effects", ())] or effects
        judgement = Judgement(
            verdict=word,
            rule=None if worst is None else worst.rule,
            effects=effects[:MOST_EFFECTS],
            explanation=clean(shorten(why, MOST_TEXT)),
        )
        told_of = {alert.rule for alert in out.alerts if WORDS[alert.mode] != "allow"}
        against = [finding for finding in out.findings if finding.rule in told_of and "allowed" not in finding.facts]
        return Look(judgement, steps, against)

    def _detector_failed(self, name: str, error: Exception) -> None:
        self._failed = f"{name} failed on it ({type(error).__name__}: {error})"

    def _state(self, where: Circumstances) -> RunState:
        if where.run_id is None:
            return self._begun("judged", where)
        state = self._runs.pop(where.run_id, None)
        if state is None:
            state = self._begun(where.run_id, where)
            if len(self._runs) >= MOST_RUNS:
                self._runs.popitem(last=False)
        self._runs[where.run_id] = state
        return state

    def _begun(self, run_id: str, where: Circumstances) -> RunState:
        state = new(run_id)
        if where.workspace is not None:
            self._take(state, RunStarted(**_common(run_id, where), workspace=where.workspace))
        return state

    def _take(self, state: RunState, event: Event) -> Outcome:
        _, read = encoded(event, MAX_EVENT_BYTES)
        return self._engine.process(state, read.events[0], Position(None, None, -1))


def explained(tool: str, arguments: Arguments, where: Circumstances, tools: Kinds = ()) -> list[Step]:
    """The effects of a call by itself, in order, with the rule that each breaks. tools: of the policy."""
    context = Context(where.workspace, environment_of(where.environment, where.named_labels), where.cwd)
    found = []
    if tools:
        tool, arguments = as_kind(tool, arguments, tools)
    for effect in effects_of_call(tool, arguments, context):
        rule = verdict(effect, context.production)
        text = f"would {describe(effect)}, {outlook(effect)}.{certainty(effect)}"
        why_not = "" if rule is not None else "it makes something" if effect.action == "create" else ""
        found.append(Step(effect, text, rule, why_not or WHY_NOT.get(effect.place, "") if rule is None else ""))
    return found


TOLD = (
    "action", "thing", "target", "width", "reversible", "undo", "certainty", "place", "production", "excerpt", "entry",
)  # fmt: skip


def told(effect: Effect) -> dict[str, Any]:
    """An effect as JSON values, with every field that means something to whoever reads it."""
    return {name: getattr(effect, name) for name in TOLD}


def _unjudged(why: str) -> Look:
    """As suspicious as what cannot be read."""
    text = clean(shorten(f"This call can't be judged, since {why}.", MOST_TEXT))
    return Look(Judgement(verdict="deny", rule=None, effects=[], explanation=text))


def _harmless(steps: list[Step]) -> str:
    destroying = [step for step in steps if step.effect.action != "create"]
    if not destroying:
        return "Nothing in it destroys anything."
    first = destroying[0]
    why = f": {first.why_not}" if first.why_not else f": {first.rule} is only recorded" if first.rule else ""
    more = f" And {len(destroying) - 1} more." if len(destroying) > 1 else ""
    return f"{first.text[0].upper()}{first.text[1:]} Allowed{why}.{more}"


def _common(run_id: str, where: Circumstances) -> dict[str, Any]:
    return {
        "id": os.urandom(16).hex(), "time": time.time() if where.time is None else where.time, "run_id": run_id,
        "agent_name": where.agent_name, "team": where.team, "environment": where.environment,
    }  # fmt: skip
