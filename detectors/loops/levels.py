"""From evidence to an answer: a notice, an alert, or what the policy says; once each, and again when it has doubled."""

from __future__ import annotations

from typing import NamedTuple

from detectors.detector import Mode, RuleSet
from detectors.loops.evidence import CERTAIN, Kind, Waits
from detectors.loops.rules import CYCLE, FAILURE, REPEAT, SPAWN, STALL, TALK, Failures, Repeats, Rounds, Steps

NOTICE, ALERT, SURE = 1, 2, 3
CAPS: dict[int, Mode | None] = {NOTICE: "notice", ALERT: "alert", SURE: None}
RULE_OF = {
    Kind.REPEAT: REPEAT.id, Kind.POLL: REPEAT.id, Kind.RETRY: REPEAT.id, Kind.CYCLE: CYCLE.id, Kind.FLIP: CYCLE.id,
    Kind.FAILURE: FAILURE.id, Kind.PAGES: STALL.id, Kind.STALL: STALL.id,
}  # fmt: skip
NEVER = 1 << 40


class Limits(NamedTuple):
    """Evidence, in hundredths, from which a rule answers so. scale: of the evidence for it."""

    notice: int
    alert: int
    sure: int


class Scale(NamedTuple):
    """What the thresholds of one scope come to. kinds: limits by kind of evidence; None: its rule is off. lowest: of
    them."""

    lowest: int
    kinds: tuple[Limits | None, ...]
    talk: Limits | None
    spawn: Limits | None
    waits: Waits


def scale_of(rules: RuleSet) -> Scale:
    """Two in a row are half a certain repeat, each one more is a whole: n in a row are n - 1.5."""
    repeat: Repeats | None = rules.get(REPEAT.id)
    rounds: Rounds | None = rules.get(CYCLE.id)
    failures: Failures | None = rules.get(FAILURE.id)
    stall: Steps | None = rules.get(STALL.id)
    limits: dict[str, Limits | None] = {
        REPEAT.id: None if repeat is None else _limits(_in_a_row(repeat.notice_repeats), _in_a_row(repeat.repeats)),
        CYCLE.id: None if rounds is None else _limits(_in_a_row(rounds.notice_repeats), _in_a_row(rounds.repeats + 1)),
        FAILURE.id: None
        if failures is None
        else Limits(
            NEVER if failures.notice_failures is None else 50 * (failures.notice_failures - 1),
            50 * (failures.failures - 1),
            50 * (failures.pause_failures - 1),
        ),
        STALL.id: _half(stall),
    }
    waiting = (repeat or Repeats()).waiting_repeats
    kinds = tuple(limits[RULE_OF[kind]] for kind in Kind)
    return Scale(
        min((min(limit) for limit in kinds if limit is not None), default=NEVER),
        kinds,
        _half(rules.get(TALK.id)),
        _half(rules.get(SPAWN.id)),
        Waits((repeat or Repeats()).wait_s, min(1.0, 150 / max(110 * waiting - 195, 150))),
    )


def level_of(score: int, limits: Limits) -> int:
    if score >= limits.sure:
        return SURE
    return ALERT if score >= limits.alert else NOTICE if score >= limits.notice else 0


def _in_a_row(times: int | None) -> int:
    return NEVER if times is None else CERTAIN * times - 3 * CERTAIN // 2


def _limits(notice: int, sure: int) -> Limits:
    return Limits(notice, max(sure * 3 // 4, 0 if notice == NEVER else notice), sure)


def _half(steps: Steps | None) -> Limits | None:
    """Evidence of these kinds is about half a certain repeat a step."""
    return None if steps is None else Limits(18 * steps.steps, 33 * steps.steps, 44 * steps.steps)
