"""The rules of the family and the numbers that people tune."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds

Times = Annotated[int, Meta(ge=2)]


class Repeats(Thresholds, kw_only=True, frozen=True):
    """How often the same call (or cycle of calls) with the same result makes a loop.

    repeats: five in a row is what other tools take for the call alone; with equal results it is certain.
    notice_repeats: here the agent is told, which often is enough; null: it is not. waiting_repeats: in place of
    `repeats` where the steps wait, as polling does: they take `wait_s` seconds inside tools on average, or they don't
    fail and come `apart_s` seconds apart, or each round takes longer than the one before, as with a backoff, or they
    move on by one at a time, as scrolling does.
    """

    repeats: Times = 5
    notice_repeats: Times | None = 3
    waiting_repeats: Times = 20
    wait_s: Annotated[float, Meta(ge=0)] = 5.0
    apart_s: Annotated[float, Meta(ge=0)] = 10.0


class Rounds(Repeats, kw_only=True, frozen=True):
    """As `Repeats`, in rounds of the whole cycle: four rounds of two calls are eight steps without news."""

    repeats: Times = 4


class Failures(Thresholds, kw_only=True, frozen=True):
    """failures: of one kind, each at most `window` steps after the one before. pause_failures: here it is no alert."""

    failures: Times = 5
    pause_failures: Times = 15
    window: Annotated[int, Meta(ge=1)] = 12


REPEAT = Rule(
    id="loops.repeat",
    title="Repeats one call",
    severity="warning",
    mode="pause",
    description="The same call with the same result in a row, small variations aside.",
    thresholds=Repeats,
)
CYCLE = Rule(
    id="loops.cycle",
    title="Goes round in a circle",
    severity="warning",
    mode="pause",
    description="A cycle of two to eight calls with the same results, round after round.",
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
TITLES = {rule.id: rule.title for rule in (REPEAT, CYCLE, FAILURE)}
