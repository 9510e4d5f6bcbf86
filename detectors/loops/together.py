"""What agents say without acting, and whom they start: one agent or many, judged over the whole run."""

from __future__ import annotations

from detectors.detector import Finding, RuleSet, Run
from detectors.event import Event, Message, ModelCall, ToolCall, ToolResult
from detectors.loops.fingerprint import SPAWNS, Fingerprint, sample_of
from detectors.loops.hashing import hashed_name
from detectors.loops.levels import CAPS, NOTICE, Limits, Scale, level_of, scale_of
from detectors.loops.report import Spent, occurrences, who
from detectors.loops.rules import SPAWN, TALK
from detectors.loops.state import LINEAGE, SAID, Agent, LoopsState, Place, Together, Told, place

ALIKE = 0.5  # of the words of both, from which a message says what another one said
SAME = 0.85  # the same where a person may be one of the two
QUIET = 3  # messages without a call between them, before any counts: thoughts come with calls
UNHEARD = 16  # messages in a row without a call, and without a person: from here each counts, whatever it says
DEEP = 4  # levels of sub-agents that no honest plan needs
MANY = 40  # agents that are started in a row
CROWD = 48  # agents of one run
MOST = 1200


def saw_message(
    event: Message, key: int, state: LoopsState, agent: Agent, run: Run, rules: RuleSet
) -> list[Finding] | tuple[()]:
    state.silent = min(state.silent + 1, 1000)
    if state.silent < QUIET - 1 and not event.parent_agent_id:
        return ()
    scale = rules.derive(scale_of)
    found: list[Finding] = []
    if event.parent_agent_id:
        found = _saw_child(event, key, state, agent, run, scale)
    if state.silent < QUIET - 1 or scale.talk is None or not event.text or event.role == "system":
        return found
    together = _together(state)
    ours = sample_of(event.text)
    if event.role == "user":
        together.asked = True
    share = SAME if together.asked else ALIKE
    alike = any((ours & theirs).bit_count() >= share * (ours | theirs).bit_count() for theirs in together.said)
    turns = key in together.by
    together.said.append(ours)
    together.by.append(key)
    if len(together.said) > SAID:
        del together.said[0], together.by[0]
    if alike and turns:
        evidence = 50
    elif state.silent > UNHEARD and not together.asked:
        evidence = 12
    else:
        evidence = -25
    return [*found, *_talks(evidence, event, state, agent, run, scale.talk)]


def model_answered(
    event: ModelCall, state: LoopsState, agent: Agent, run: Run, scale: Scale
) -> list[Finding] | tuple[()]:
    """An answer that broke off at its longest, again and again, is a generation that never ends."""
    if event.finish_reason != "length" or scale.talk is None:
        return ()
    _together(state)
    return _talks(40, event, state, agent, run, scale.talk)


def _talks(
    evidence: int, event: Event, state: LoopsState, agent: Agent, run: Run, limits: Limits
) -> list[Finding] | tuple[()]:
    together = _together(state)
    together.talk = max(0, min(together.talk + evidence, MOST))
    if not together.talk:
        together.talk_since = together.talk_told = None
        return ()
    if together.talk_since is None:
        together.talk_since = place(event, agent, run)
    told = _told(together.talk_told, TALK.id, together.talk, state.silent, limits)
    if told is None:
        return ()
    together.talk_told = told
    since = together.talk_since
    spent = Spent.since(since, event, agent)
    what = f"{state.silent} messages" if isinstance(event, Message) else "answers that break off at their longest"
    summary = f"{who(event)} says the same again: {what} in {spent}, and no call between them.{spent.forecast()}"
    text = (event.text or "") if isinstance(event, Message) else "model call"
    return [_finding(told, TALK.title, summary, together.talk, limits, since, spent, event, run, text)]


def saw_call(
    event: ToolCall, mark: Fingerprint, key: int, state: LoopsState, agent: Agent, run: Run, scale: Scale
) -> list[Finding]:
    """A call ends the silence, and may start an agent."""
    state.silent = 0
    together = _together(state)
    if together.said:
        together.said.clear()
        together.by.clear()
        together.asked = False
        together.talk = 0
        together.talk_since = together.talk_told = None
    found = _saw_child(event, key, state, agent, run, scale) if event.parent_agent_id else []
    if not mark.flags & SPAWNS:
        together.spawned = together.handed = 0
        return found
    together.spawned += 1
    between = together.handed not in (0, key)
    together.handed = key
    depth = together.lineage.get(key, 0)
    evidence = 50 if depth >= DEEP - 1 else (0, 5, 15)[min(depth, 2)]
    task = mark.shape if depth else mark.ident  # the numbered parts of a plan are one thing, handing on is another
    if task in together.tasks:
        # The same again is one thing; that another agent hands it on, and nothing was done in between, is worse.
        evidence += 25 if depth > 1 or between else 10
    else:
        together.tasks.append(task)
        if len(together.tasks) > SAID:
            del together.tasks[0]
    evidence += 10 if together.spawned > MANY else 0
    return found + _spawns(evidence, event, state, agent, run, scale.spawn)


def saw_agent(event: ToolResult, key: int, state: LoopsState, agent: Agent, run: Run, scale: Scale) -> list[Finding]:
    """A result of other work than starting agents is progress."""
    found = _saw_child(event, key, state, agent, run, scale) if event.parent_agent_id else []
    together = state.together
    if together is not None and not together.spawned and together.spawn:
        together.spawn = max(0, together.spawn - 20)
        if not together.spawn:
            together.spawn_since = together.spawn_told = None
    return found


def _saw_child(event: Event, key: int, state: LoopsState, agent: Agent, run: Run, scale: Scale) -> list[Finding]:
    """The first sign of a sub-agent: how deep it is, by the agents that are remembered."""
    together = _together(state)
    lineage = together.lineage
    if key in lineage or not event.parent_agent_id:
        return []
    parent = hashed_name(event.parent_agent_id)
    depth = lineage[key] = min(lineage.get(parent, 0) + 1, 1000) if parent != key else 1
    if len(lineage) > LINEAGE:
        del lineage[next(iter(lineage))]
    together.agents += 1
    evidence = 50 if depth >= DEEP else 10 if together.agents > CROWD else 0
    return _spawns(evidence, event, state, agent, run, scale.spawn)


def _spawns(
    evidence: int, event: Event, state: LoopsState, agent: Agent, run: Run, limits: Limits | None
) -> list[Finding]:
    together = _together(state)
    if not evidence or limits is None:
        return []
    together.spawn = min(together.spawn + evidence, MOST)
    if together.spawn_since is None:
        together.spawn_since = place(event, agent, run)
    told = _told(together.spawn_told, SPAWN.id, together.spawn, max(together.agents, together.spawned), limits)
    if told is None:
        return []
    together.spawn_told = told
    spent = Spent.since(together.spawn_since, event, agent)
    depth = max(together.lineage.values(), default=0)
    summary = (
        f"{who(event)} is one of {together.agents} agents that start each other, {depth} deep, within {spent}: "
        f"they hand the work on instead of doing it."
    )
    return [_finding(told, SPAWN.title, summary, together.spawn, limits, together.spawn_since, spent, event, run, "")]


def _together(state: LoopsState) -> Together:
    together = state.together
    if together is None:
        together = state.together = Together()
    return together


def _told(told: Told | None, rule: str, score: int, count: int, limits: Limits) -> Told | None:
    """What to remember having said, or None if enough was."""
    level = level_of(score, limits)
    if not level:
        return None
    if told is not None and level <= told.level and (level < told.level or level == NOTICE or count < 2 * told.said):
        return None
    return Told(rule, "", level, count)


def _finding(
    told: Told,
    title: str,
    summary: str,
    score: int,
    limits: Limits,
    since: Place,
    spent: Spent,
    event: Event,
    run: Run,
    text: str,
) -> Finding:
    return Finding(
        rule=told.rule,
        title=title,
        summary=summary,
        score=min(1.0, score / limits.sure),
        severity=None if told.level > NOTICE else "info",
        cap=CAPS[told.level],
        evidence=occurrences(run, event, text[:240] or event.kind, since),
        facts={"kind": told.rule.removeprefix("loops."), "steps": told.said, **spent.facts()},
    )
