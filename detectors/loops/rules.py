"""The rules of the family and the numbers that people tune."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds

Times = Annotated[int, Meta(ge=2)]


class Repeats(Thresholds, kw_only=True, frozen=True):
    """How often the same call with the same result, in a row, makes a loop; other patterns count as many times.

    repeats: five in a row is what other tools take for the call alone; with equal results it is certain.
    notice_repeats: here the agent is told, which often is enough; null: it is not. waiting_repeats: in place of
    `notice_repeats` where steps wait `wait_s` seconds or more, as polling does; waits of seven times that count half,
    of more than twenty times a third.
    """

    repeats: Times = 5
    notice_repeats: Times | None = 3
    waiting_repeats: Times = 30
    wait_s: Annotated[float, Meta(gt=0)] = 5.0


class Rounds(Thresholds, kw_only=True, frozen=True):
    """repeats: rounds of a cycle. notice_repeats: as in `Repeats`. Waits count as `loops.repeat` says."""

    repeats: Times = 4
    notice_repeats: Times | None = 3


class Failures(Thresholds, kw_only=True, frozen=True):
    """failures: of one kind, without news in between: an alert. pause_failures: here it is no alert any more.

    notice_failures: here the agent is told; null: it is not.
    """

    failures: Times = 5
    pause_failures: Times = 15
    notice_failures: Times | None = 4


class Steps(Thresholds, kw_only=True, frozen=True):
    """steps: that bring nothing, or messages, or sub-agents, before the rule is certain. The agent is told at half."""

    steps: Times = 8


REPEAT = Rule(
    id="loops.repeat",
    title="Repeats one call",
    severity="warning",
    mode="pause",
    description="The same call with the same result, small variations aside: also polls and retries without end.",
    thresholds=Repeats,
)
CYCLE = Rule(
    id="loops.cycle",
    title="Goes round in a circle",
    severity="warning",
    mode="pause",
    description="Steps that were done before, with the results they had before: cycles, edits that are undone.",
    thresholds=Rounds,
)
FAILURE = Rule(
    id="loops.failure",
    title="Meets one failure over and over",
    severity="warning",
    mode="pause",
    description="The same failure again and again, through the same or different commands.",
    thresholds=Failures,
)
STALL = Rule(
    id="loops.stall",
    title="Goes on without anything new",
    severity="warning",
    mode="pause",
    description="Other calls, and nothing new comes of them: pages without end, the same content read again.",
    thresholds=Steps,
)
TALK = Rule(
    id="loops.talk",
    title="Talks without acting",
    severity="warning",
    mode="pause",
    description="Messages that say the same again, by one agent or between agents, and no call between them.",
    thresholds=Steps,
)
SPAWN = Rule(
    id="loops.spawn",
    title="Starts agents without end",
    severity="warning",
    mode="pause",
    description="Sub-agents that start sub-agents, or the same task given to ever more of them.",
    thresholds=Steps,
)
RULES = (REPEAT, CYCLE, FAILURE, STALL, TALK, SPAWN)
