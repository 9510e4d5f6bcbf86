"""The same call with the same result, cycles of calls, and one failure over and over."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import ClassVar

from detectors.detector import Detector, Example, Finding, RuleSet, Run
from detectors.event import Event, ModelCall, ToolCall, ToolResult
from detectors.loops.failures import failure_findings, forget_answered
from detectors.loops.fingerprint import (
    MASKED_AT_ONCE,
    UNKNOWN,
    call_fingerprint,
    canonical,
    exact_fingerprint,
    hashed,
    hashed_name,
    is_failure,
    label,
    masked_fingerprint,
    outside_fingerprint,
)
from detectors.loops.mask import numbers_of
from detectors.loops.rules import CYCLE, FAILURE, REPEAT
from detectors.loops.state import MOST, NANO, Agent, LoopsState, Pending, Step, place
from detectors.loops.streaks import add_step, streak_findings

# Tools and actions whose repetition moves on although they answer the same each time.
MOST_USD = MOST / NANO
_STEPS_ON = re.compile(r"(?:^|[_.\-])(?:scroll|click|double_click|left_click|press|key|swipe|tab|next|page)", re.I)


class Loops(Detector[LoopsState]):
    """Steps (a call with its result) that bring nothing new.

    What counts as the same is said in `detectors.loops.fingerprint`. Any other result is progress and starts the
    count afresh: batches over files, pages, polls whose answer changes and edit-test cycles whose failures change
    don't fire; neither do waits that grow, as those of a backoff. One loop is told once and then when it has doubled
    (`detectors.loops.told`). Results find their calls by call_id, else in order. Each agent of a run is followed by
    itself.

    What it doesn't do yet: similar wording counts as different (a reworded script is a new call); a cycle with any
    other step in it is not seen as one; repeats that are not in a row are counted only if they fail; results hidden
    by a pipe (``cmd | tail``) don't count as failures; files flipped between two states, fan-outs and agents that
    only talk are not seen; of more than 4 agents at work at once, some are forgotten.

    A run that publishes no outputs is judged by its calls alone: after twice as many, and with an alert at most.

    Memory: about 0.5 KiB for a run of one agent, under 8 KiB whatever comes (four agents that loop at once, with ids
    of 40 characters). Cost on recorded runs of coding and SQL agents: 5 µs an event, about 50 µs at p99, 0.2 ms for a
    repeated result of 130 KB.
    """

    name = "loops"
    kinds = (ToolCall, ToolResult, ModelCall)
    rules = (REPEAT, CYCLE, FAILURE)
    State = LoopsState
    state_bytes: ClassVar[int] = 8192

    def observe(self, event: Event, state: LoopsState, run: Run, rules: RuleSet) -> Iterable[Finding]:
        if isinstance(event, ModelCall):
            if event.cost_usd:
                agent = state.agent(hashed_name(event.agent_id))
                agent.nano_usd = min(agent.nano_usd + round(min(event.cost_usd, MOST_USD) * NANO), MOST)
            return ()
        key = hashed_name(event.agent_id)
        agent = state.agent(key)
        if isinstance(event, ToolCall):
            given_up = state.await_result(_pending(event, key, agent, run))
            if given_up is not None and given_up.agent == key:
                add_step(agent, Step(given_up.call, UNKNOWN, UNKNOWN, given_up.at), given_up, 0.0, event.time)
                return streak_findings(agent, given_up, event, run, rules, failing=False)
            return ()
        if not isinstance(event, ToolResult):
            return ()
        failing = is_failure(event)
        call = state.take_call(key, hashed(event.call_id) if event.call_id else 0)
        if call is not None:
            took = event.duration_s if event.duration_s is not None else max(0.0, event.time - call.at.time)
            step = _step(call, event, agent, failing)
            if agent.failures:
                forget_answered(agent, step)
            add_step(agent, step, call, took, event.time)
            findings = streak_findings(agent, call, event, run, rules, failing) if agent.streaks else []
        else:
            findings = []
        if failing and (thresholds := rules.get(FAILURE.id)) is not None:
            findings += failure_findings(agent, call, event, run, rules, thresholds)
        return findings

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        from detectors.loops.examples import EXAMPLES  # built when asked for: a worker has no use for them

        return EXAMPLES


def _pending(event: ToolCall, key: int, agent: Agent, run: Run) -> Pending:
    arguments = event.arguments
    action = arguments.get("action") if isinstance(arguments, dict) else None
    text = canonical(event)
    return Pending(
        key,
        hashed(event.call_id) if event.call_id else 0,
        call_fingerprint(event, text),
        label(event),
        numbers_of(text),
        _tool_steps_on(event.tool) or (isinstance(action, str) and _STEPS_ON.search(action) is not None),
        arguments is None,
        place(event, agent, run),
    )


@lru_cache(maxsize=1024)
def _tool_steps_on(tool: str) -> bool:
    return _STEPS_ON.search(tool) is not None


def _step(call: Pending, result: ToolResult, agent: Agent, failing: bool) -> Step:
    outside, fingerprint = outside_fingerprint(result), call.call
    exact, known = exact_fingerprint(result, failing, outside), False
    for step in agent.recent:
        if step.call == fingerprint:
            if step.exact == exact and step.masked != UNKNOWN:
                return Step(fingerprint, exact, step.masked, call.at)
            known = True
    # Masking costs more than all the rest: a long result is masked only where it can be a repeat.
    masked = UNKNOWN
    if known or len(result.output or "") <= MASKED_AT_ONCE:
        masked = masked_fingerprint(result, failing, outside)
    return Step(fingerprint, exact, masked, call.at)
