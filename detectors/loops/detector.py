"""Runs in which nothing moves any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from detectors.detector import Detector, Example, Finding, RuleSet, Run
from detectors.event import Event, Message, ModelCall, ToolCall, ToolResult
from detectors.loops.evidence import weigh
from detectors.loops.fingerprint import BARE, SLEEPS, SPAWNS, WAITS, fingerprint
from detectors.loops.hashing import hashed, hashed_name
from detectors.loops.label import kept_label
from detectors.loops.levels import Scale, scale_of
from detectors.loops.outcome import NOT_PUBLISHED, Outcome, outcome_of
from detectors.loops.rules import RULES
from detectors.loops.state import MOST, NANO, PENDING, Agent, LoopsState, Pending, place
from detectors.loops.tell import add_evidence, findings_of
from detectors.loops.together import QUIET, model_answered, saw_agent, saw_call, saw_message

MOST_USD = MOST / NANO
# Seconds of a gap before a call that are the model's, where its calls don't say how long they took.
THOUGHT_S, UNSEEN_THOUGHT_S, SLOW_THOUGHT_S = 6.0, 4.0, 20.0
UNANSWERED = 3  # calls at a time that may well go on together; of more, the results don't come


class Loops(Detector[LoopsState]):
    """Steps (a call with its result) that bring nothing new.

    Progress decides, not repetition: each step is evidence for a loop or against it (`detectors.loops.evidence`), the
    sum over steps is a sequential test, and what it comes to is a notice, an alert, or what the policy says
    (`detectors.loops.levels`). Results find their calls by call_id, else in order. Each agent of a run is followed by
    itself; what one agent changed and another changed back counts for both. What agents say and whom they start is
    judged apart (`detectors.loops.together`), and runs of a schedule that repeat each other in the second stage
    (`detectors.loops.heartbeat`).

    A run that publishes no outputs is judged by its calls alone: after more than twice as many, with an alert at most.

    What it doesn't see: loops whose every step brings other content; a poll that waits is taken for one without end
    only by its length; of more than 4 agents at work at once, some are forgotten. docs/quality.md has the figures.

    Memory: 0.6 KiB for a run of one agent at the median, 3 KiB at most. Cost on recorded runs of coding and SQL
    agents: 5 µs an event at the median, 50 µs at p99, whatever the size of arguments and outputs.

    References: Wald, Sequential Tests of Statistical Hypotheses (1945); Broder, On the Resemblance and Containment of
    Documents (1997), for the samples of words.
    """

    name = "loops"
    kinds = (ToolCall, ToolResult, ModelCall, Message)
    rules = RULES
    State = LoopsState
    state_bytes: ClassVar[int] = 3072

    def observe(self, event: Event, state: LoopsState, run: Run, rules: RuleSet) -> Iterable[Finding]:
        if isinstance(event, Message) and state.silent < QUIET - 2 and not event.parent_agent_id:
            state.silent += 1  # thoughts come with calls
            return ()
        key = hashed_name(event.agent_id)
        followed = state.followed
        agent = followed.get(key)
        if agent is None or len(followed) > 1:
            agent = state.agent(key)
        if isinstance(event, ModelCall):
            usd = event.cost_usd
            if usd:
                agent.nano_usd += int(usd * NANO) if usd < MOST_USD else MOST
                if agent.nano_usd > MOST:
                    agent.nano_usd = MOST
            agent.asked = True
            if event.duration_s:
                agent.thought_s = min(agent.thought_s + event.duration_s, 1e9)
            if event.finish_reason != "length":
                return ()
            return model_answered(event, state, agent, run, rules.derive(scale_of))
        if isinstance(event, ToolResult):
            return self._result(event, key, agent, state, run, rules)
        if isinstance(event, ToolCall):
            return self._call(event, key, agent, state, run, rules)
        if isinstance(event, Message):
            return saw_message(event, key, state, agent, run, rules)
        return ()

    def _call(
        self, event: ToolCall, key: int, agent: Agent, state: LoopsState, run: Run, rules: RuleSet
    ) -> Iterable[Finding]:
        mark = fingerprint(event)
        now = event.time
        gap = idle = 0.0
        ended, waiting = agent.ended, state.waiting
        if len(waiting) > UNANSWERED and waiting[-1].agent == key and waiting[-1].at.time > ended:
            ended = waiting[-1].at.time
        if ended and now > ended:
            gap = idle = min(now - ended, 1e9)
            if agent.thought_s:
                idle -= agent.thought_s
            else:
                idle -= max(THOUGHT_S if agent.asked else UNSEEN_THOUGHT_S, min(1.5 * agent.thinks, SLOW_THOUGHT_S))
                if mark.ident not in state.called and not mark.flags & (WAITS | SLEEPS):
                    # Who does something new does not wait for it: so long this model takes.
                    agent.thinks += min(gap - agent.thinks, 1.5) if gap > agent.thinks else (gap - agent.thinks) / 2
            if idle < 0.0:
                idle = 0.0
            if agent.thought_s:
                gap = idle
        agent.thought_s, agent.asked = 0.0, False
        found: list[Finding] = []
        state.silent = 0
        if state.together is not None or mark.flags & SPAWNS or event.parent_agent_id:
            found = saw_call(event, mark, key, state, agent, run, rules.derive(scale_of))
        call_id = event.call_id
        pending = Pending(
            key, hashed(call_id) if call_id else 0, mark.ident, mark.shape, mark.words, mark.own, mark.flags,
            kept_label(event), gap, idle, place(event, agent, run), hashed_name(event.tool),
        )  # fmt: skip
        state.waiting.append(pending)
        if len(state.waiting) > PENDING:
            given_up = state.waiting.pop(0)
            if given_up.agent == key and not given_up.flags & BARE:
                found += self._step(given_up, NOT_PUBLISHED, 0.0, event, agent, state, run, rules.derive(scale_of))
        return found

    def _result(
        self, event: ToolResult, key: int, agent: Agent, state: LoopsState, run: Run, rules: RuleSet
    ) -> Iterable[Finding]:
        if event.exit_code is not None and state.coded < 2:
            state.coded += 1
        call = state.take_call(key, hashed(event.call_id) if event.call_id else 0)
        if call is None:
            # Its call was never seen, or given up: only a failure says something.
            call = Pending(key, 0, key | 1, key | 1, 0, b"", BARE, "", 0.0, 0.0, place(event, agent, run))
            outcome = outcome_of(event, None, known=False, codes=state.coded > 1)
            if outcome.signature is None:
                return ()
        else:
            outcome = outcome_of(event, call, call.ident in state.called, codes=state.coded > 1)
        took = event.duration_s if event.duration_s is not None else max(0.0, event.time - call.at.time)
        scale = rules.derive(scale_of)
        found: list[Finding] = []
        if state.together is not None:
            found = saw_agent(event, key, state, agent, run, scale)
        if call.flags & BARE and not outcome.known and not outcome.failing:
            return found
        found += self._step(call, outcome, took, event, agent, state, run, scale)
        agent.ended = event.time
        return found

    def _step(
        self, call: Pending, outcome: Outcome, took: float, event: Event, agent: Agent, state: LoopsState, run: Run,
        scale: Scale,
    ) -> list[Finding]:  # fmt: skip
        flags = call.flags
        took = min(took, 1e9)
        before = agent.waited
        if flags & SLEEPS and not outcome.failing and not before:
            agent.waited = call.idle + (took or scale.waits.wait_s)
            return []
        spaced, waited = call.gap + before, call.idle + before
        agent.waited = 0.0
        if flags & WAITS:
            spaced += took
            waited += took
            if not waited:
                waited = scale.waits.wait_s  # of an agent whose clock stands still
        elif not outcome.failing:
            waited += took
        if spaced < 0.8 * agent.spaced:
            agent.slower = 0
        elif agent.spaced and spaced >= 0.4 and spaced >= 1.25 * agent.spaced:
            agent.slower += 1
        agent.spaced, agent.pace = spaced, (agent.pace + waited) / 2
        verdict = weigh(state, agent, call, outcome, waited, scale.waits, rests=before > 0 or flags & WAITS != 0)
        found: list[Finding] = []
        if (verdict.evidence > 0 or agent.score) and add_evidence(agent, call, verdict, scale):
            found = findings_of(agent, call, outcome, verdict, event, run, scale)
        agent.last = call.at
        return found

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        from detectors.loops.examples import EXAMPLES  # built when asked for: a worker has no use for them

        return EXAMPLES
