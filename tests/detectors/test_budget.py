"""Budgets as stories: reached is not exceeded, raises hold, and what can't be counted is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from detectors.budget import Budget, Limits, RunBudget
from detectors.detector import Finding, Grants, Run
from detectors.event import Event, ToolCall
from detectors.testing import Stream, Watch, watch
from detectors.writes import changes_something


def budget(
    events: Iterable[Event], warn_at: float | None = None, run: Run | None = None, **limits: Any
) -> list[Finding]:
    return watch(Budget(), events, run, {"budget.run": RunBudget(limits=Limits(**limits), warn_at=warn_at)})


def keys(findings: list[Finding]) -> list[str]:
    return [finding.key for finding in findings]


S = Stream()
MADE = ToolCall(time=1.0, run_id="run", id="w", tool="Write", arguments={"file_path": "a"})
CASES = [
    # limits, events, keys of the findings
    ({"usd": 5.00}, [S.model(usd=1.0) for _ in range(5)], [], "reached"),
    ({"usd": 5.00}, [S.model(usd=1.0) for _ in range(6)], ["usd"], "exceeded"),
    ({"usd": 0.30}, [S.model(usd=0.1) for _ in range(3)], [], "tenths add up to what they say"),
    ({"usd": 0.000001}, [S.model(usd=0.0000005) for _ in range(3)], ["usd"], "far below a cent"),
    ({"usd": 1.0}, [S.model(usd=1.7e308)], ["usd"], "absurd price"),
    ({"usd": 0}, [S.model(usd=0.0)], [], "free where nothing may be spent"),
    ({"usd": 0}, [S.model(usd=0.01)], ["usd"], "nothing may be spent"),
    ({"tokens": 100}, [S.model(tokens=60, output_tokens=40)], [], "input and output, reached"),
    ({"tokens": 100}, [S.model(tokens=60, output_tokens=41)], ["tokens"], "input and output, exceeded"),
    (
        {"tokens": 100},
        [S.model(tokens=60, output_tokens=40, cache_read_input_tokens=50, reasoning_output_tokens=40)],
        [],
        "cache and reasoning are parts",
    ),
    ({"tokens": 100}, [S.model(tokens=2**53) for _ in range(1100)], ["tokens"], "more than 64 bits"),
    ({"tool_calls": 2}, S.steps(("a", ""), ("b", "")), [], "calls reached; results are no calls"),
    ({"tool_calls": 2}, S.steps(("a", ""), ("b", ""), ("c", "")), ["tool_calls"], "calls exceeded"),
    ({"writes": 0}, [MADE], ["writes"], "read only"),
    ({"writes": 1}, [MADE, S.call("ls"), S.call("cat a | grep b")], [], "reads are no writes"),
    ({"wall_time_s": 10}, [S.model(), S.wait(9.0).model()], [], "time reached"),
    ({"wall_time_s": 10}, [S.model(), S.wait(9.1).says("hm")], ["wall_time_s"], "time exceeded, on any event"),
    ({"wall_time_s": 10}, [S.model(), S.wait(-500).model()], [], "a clock that goes back"),
    ({}, [S.model(usd=1e6, tokens=2**40)], [], "no limit"),
    ({"usd": 1, "tool_calls": 0}, [S.model(usd=2.0), S.call("ls")], ["usd", "tool_calls"], "two limits"),
]


@pytest.mark.parametrize(("limits", "events", "expected"), [c[:3] for c in CASES], ids=[c[3] for c in CASES])
def test_limit(limits: dict[str, float], events: list[Event], expected: list[str]) -> None:
    assert keys(budget(events, **limits)) == expected


def test_each_is_said_once_the_warning_first_and_never_above_an_alert() -> None:
    story = Stream()
    findings = budget([story.model(usd=0.10) for _ in range(100)], warn_at=0.8, usd=5.0)
    assert [(finding.key, finding.cap) for finding in findings] == [("usd:warn", "alert"), ("usd", None)]
    assert [finding.facts["used"] for finding in findings] == [4.1, 5.1]


def test_a_jump_over_the_limit_needs_no_warning_first() -> None:
    assert keys(budget([Stream().model(usd=9.0)], warn_at=0.8, usd=5.0)) == ["usd"]


def test_the_summary_says_spent_limit_rate_and_when() -> None:
    story = Stream(step=30.0)
    warning, limit = budget([story.model(usd=0.50) for _ in range(11)], warn_at=0.8, usd=5.0)
    assert warning.summary == (
        "Run run with all its sub-agents spent $4.50 of $5.00 in 4.0 min, $1.12 a minute; "
        "at this rate the limit is passed in 0.4 min."
    )
    assert limit.summary == "Run run with all its sub-agents spent $5.50 of $5.00 in 5.0 min, $1.10 a minute."


def test_sub_agents_count_too() -> None:
    events = [Stream(agent_id=f"sub-{n}").model(usd=1.0) for n in range(4)]
    assert keys(budget(events, usd=3.0)) == ["usd"]


def test_an_operators_raise_holds_and_its_end_is_said_again() -> None:
    story = Stream()
    watching = Watch(Budget(), thresholds={"budget.run": RunBudget(limits=Limits(usd=5.0), warn_at=None)})
    assert keys(watching.see(story.model(usd=6.0))) == ["usd"]
    watching.run.grants = Grants(limits={"usd": 20.0})
    assert keys(watching.see(story.model(usd=14.0))) == []
    assert keys(watching.see(story.model(usd=0.01))) == ["usd"]
    assert keys(watching.see(story.model(usd=50.0))) == []


@pytest.mark.parametrize("grant", [1.0, float("nan")])
def test_a_raise_never_lowers(grant: float) -> None:
    run = Run(run_id="run", grants=Grants(limits={"usd": grant, "tokens": 1.0}))
    assert budget([Stream().model(usd=4.0, tokens=100)], run=run, usd=5.0) == []


def test_a_finished_run_that_only_lives_on_is_not_overtime_but_one_that_acts_is() -> None:
    story = Stream()
    run = Run(run_id="run", finished=True)
    assert budget([story.finish(), story.wait(100).says("bye")], run=run, wall_time_s=10) == []
    assert keys(budget([story.finish(), story.wait(100).call("ls")], run=run, wall_time_s=10)) == ["wall_time_s"]


@pytest.mark.parametrize(("seconds", "found"), [(60.0, []), (60.0004, []), (60.0006, ["wall_time_s"])])
def test_wall_time_is_judged_by_the_millisecond(seconds: float, found: list[str]) -> None:
    story = Stream(at=0.5, step=0.0)
    assert keys(budget([story.says("a"), story.wait(seconds).says("b")], wall_time_s=60)) == found


def test_what_was_counted_before_a_limit_was_set_counts() -> None:
    story = Stream()
    watching = Watch(Budget(), thresholds={"budget.run": RunBudget()})
    assert keys(watching.see(story.model(usd=6.0))) == []
    watching.rules = watching.rules.replace({"budget.run": RunBudget(limits=Limits(usd=5.0))})
    assert keys(watching.see(story.says("nothing that costs"))) == ["usd"]


def test_calls_without_a_price_are_said_once_with_the_model() -> None:
    story = Stream()
    findings = budget([story.model(model="small-1") for _ in range(3)], usd=5.0)
    assert [finding.rule for finding in findings] == ["budget.unpriced"]
    assert "small-1" in findings[0].summary


@pytest.mark.parametrize(
    ("yaml", "complaint"),
    [
        ({"limits": {"usd": -1}}, r"\$\.limits\.usd"),
        ({"limits": {"dollars": 1}}, "dollars"),
        ({"limits": {"tokens": 1.5}}, r"\$\.limits\.tokens"),
        ({"warn_at": 80}, r"\$\.warn_at"),
    ],
)
def test_thresholds_are_checked(yaml: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert(yaml, RunBudget)


WRITES = [
    ("Edit", {"file_path": "a"}, True),
    ("mcp__files__write_file", {"path": "a"}, True),
    ("Read", {"file_path": "a"}, False),
    ("str_replace_based_edit_tool", {"command": "view", "path": "a"}, False),
    ("str_replace_based_edit_tool", {"command": "create", "path": "a"}, True),
    ("bash", {"command": "echo a > b"}, True),
    ("bash", {"command": "ls 2>/dev/null | wc -l 2>&1"}, False),
    ("bash", {"command": "grep 'a > b; rm c' src"}, False),
    ("bash", {"command": "cd x && rm y"}, True),
    ("bash", {"command": "sed -n 1p a"}, False),
    ("bash", {"command": "sed -i s/a/b/ a"}, True),
    ("bash", {"command": "git log"}, False),
    ("bash", {"command": "git push"}, True),
    ("bash", "test $a -gt 1 && [ a => b ]", False),
    ("python", "open('a', 'w')", False),  # what code does is not known here
    ("bash", None, False),
]


@pytest.mark.parametrize(("tool", "arguments", "writes"), WRITES)
def test_writes(tool: str, arguments: Any, writes: bool) -> None:
    assert changes_something(ToolCall(time=0.0, run_id="r", tool=tool, arguments=arguments)) is writes
