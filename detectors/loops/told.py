"""One loop is told once: one notice, one stronger answer, and then again only when its count has doubled.

Rules overlap: a failing command in a row is a repeat and one failure, a cycle may have a repeat in it. A loop of no
other actions than one that was told of is that loop. It speaks again under the rule of the first alert, and under its
own only if it justifies a stronger answer, which a policy may give to the one rule and not to the other.
"""

from __future__ import annotations

from detectors.detector import Mode
from detectors.loops.rules import FAILURE
from detectors.loops.state import LONGEST_CYCLE, LOOPS, Agent, Told

NOTICE, ALERT, CERTAIN = 1, 2, 3
CAPS: dict[int, Mode | None] = {NOTICE: "notice", ALERT: "alert", CERTAIN: None}
REMEMBERED = 64  # steps of the agent after which a loop that comes back is told afresh


def tell(agent: Agent, rule: str, key: str, calls: list[int], failure: int, level: int, count: int) -> Told | None:
    """The loop to tell of now, with the rule and key to do it under; None if enough was said.

    failure: the signature of its results; 0: none, or not looked at. count: rounds or failures in a row.
    """
    agent.told = [loop for loop in agent.told if agent.steps - loop.step <= REMEMBERED]
    own, known = None, None
    for loop in agent.told:
        if loop.rule == rule and loop.key == key:
            own = loop
            loop.calls += [call for call in calls if call not in loop.calls][: LONGEST_CYCLE - len(loop.calls)]
        elif not set(calls) <= set(loop.calls) or (rule == FAILURE.id and loop.failure != failure):
            continue
        loop.step = agent.steps
        if known is None or loop.level > known.level:
            known = loop
    if known is not None:
        if known is own or level == known.level:
            known.count = max(known.count + 1, count)
        if level < known.level or (level == known.level and (level == NOTICE or known.count < 2 * known.said)):
            return None
        if level == known.level:
            known.said = known.count
            return known
    if own is None:
        own = Told(rule, key, calls[:LONGEST_CYCLE], failure, agent.steps)
        agent.told = [*agent.told[-LOOPS + 1 :], own]
    own.level, own.count = level, max(own.count, count)
    own.said = own.count
    return own
