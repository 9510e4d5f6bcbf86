"""Every detector passes every check, and the checks themselves catch what they are there for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest
from msgspec import Struct

from detectors import DETECTORS, checks
from detectors.detector import Detector, Evidence, Example, Finding, Rule, RuleSet, Run
from detectors.event import KINDS, Event, Heartbeat, ToolCall


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.__name__)
def test_detector(detector: checks.DetectorType, check: Callable[[checks.DetectorType], None]) -> None:
    check(detector)


def test_rule_ids_are_unique() -> None:
    checks.check_rule_ids_are_unique(DETECTORS)


SEEN = Rule(id="test.seen", title="Seen", severity="info", mode="alert", description="A call was seen.")
CALL = ToolCall(time=1.0, run_id="example", id="e", tool="bash", arguments="ls")


class Count(Struct):
    events: int = 0
    ids: list[str] = []


class Sound(Detector[Count]):
    """Fires on every call that has arguments."""

    name = "sound"
    kinds = KINDS
    rules = (SEEN,)
    State = Count

    def observe(self, event: Event, state: Count, run: Run, rules: RuleSet) -> Iterable[Finding]:
        if isinstance(event, ToolCall) and event.arguments is not None:
            yield self.finding(event, state, run)

    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        return Finding(rule=SEEN.id, title="Seen", summary="A call.", evidence=(run.evidence(event, "x"),))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(name="a call", events=(CALL,), fires=SEEN.id),
            Example(name="none", events=(Heartbeat(time=1.0, run_id="example", id="h"),)),
        )


class GrowsForEver(Sound):
    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        state.ids.append(event.id)
        return super().finding(event, state, run)


class KeepsToItself(Sound):
    def __init__(self) -> None:
        self.calls = 0

    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        self.calls += 1
        return Finding(rule=SEEN.id, title="Seen", summary=f"{self.calls}", evidence=(run.evidence(event, "x"),))


class LosesState(Sound):
    class State(Struct):
        events: int = 0

        def __post_init__(self) -> None:
            self.events = 0

    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        state.events += 1
        return Finding(rule=SEEN.id, title="Seen", summary=f"{state.events}", evidence=(run.evidence(event, "x"),))


class HashesAnew(Sound):
    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        return Finding(rule=SEEN.id, title="Seen", summary=f"{hash(event.id)}", evidence=(run.evidence(event, "x"),))


class WritesTheRun(Sound):
    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        run.finished = not run.finished
        return super().finding(event, state, run)


class MakesEvidenceUp(Sound):
    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        return Finding(rule=SEEN.id, title="Seen", summary="A call.", evidence=(Evidence("nowhere", 1, ""),))


class SaysInfinity(Sound):
    def finding(self, event: Event, state: Count, run: Run) -> Finding:
        evidence = (run.evidence(event, "x"),)
        return Finding(rule=SEEN.id, title="Seen", summary="A call.", evidence=evidence, facts={"n": float("inf")})


class JudgesAbsence(Sound):
    def observe(self, event: Event, state: Count, run: Run, rules: RuleSet) -> Iterable[Finding]:
        if isinstance(event, ToolCall) and not event.arguments:
            yield self.finding(event, state, run)


class HasNoExamples(Sound):
    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return ()


class Misnamed(Sound):
    rules = (Rule(id="Seen", title="Seen", severity="info", mode="alert", description="A call was seen."),)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_a_sound_detector_passes(check: Callable[[checks.DetectorType], None]) -> None:
    check(Sound)


@pytest.mark.parametrize(
    ("detector", "check", "complaint"),
    [
        (GrowsForEver, checks.check_state_is_bounded, "declared: 4096"),
        (KeepsToItself, checks.check_judges_from_state_alone, "give another verdict"),
        (LosesState, checks.check_state_survives_bytes, "without a round trip"),
        (WritesTheRun, checks.check_inputs_are_left_alone, "the run was changed"),
        (MakesEvidenceUp, checks.check_findings_are_well_formed, "'nowhere' was never seen"),
        (SaysInfinity, checks.check_findings_are_well_formed, "not JSON compliant"),
        (JudgesAbsence, checks.check_missing_fields_are_no_verdict, "without optional fields fires"),
        (HashesAnew, checks.check_replay_gives_the_same, "PYTHONHASHSEED=1"),
        (HasNoExamples, checks.check_examples, "no example fires"),
        (Misnamed, checks.check_rules_are_named, "is not family.name"),
    ],
)
def test_a_flawed_detector_is_caught(
    detector: checks.DetectorType, check: Callable[[checks.DetectorType], None], complaint: str
) -> None:
    with pytest.raises((AssertionError, ValueError), match=complaint):
        check(detector)


def test_rule_ids_used_twice_are_caught() -> None:
    with pytest.raises(AssertionError, match=r"test\.seen"):
        checks.check_rule_ids_are_unique((Sound, Sound))


def test_publishing_events_loads_no_parsers() -> None:
    code = "import sys, detectors.event; print([m for m in ('tree_sitter', 'sqlglot', 'yaml') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
