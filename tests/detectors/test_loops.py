"""What is said of a loop, how often, of which agent, from what is published, and by which thresholds."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
import pytest

from detectors.detector import RuleSet
from detectors.event import Event, ModelCall, ToolCall, ToolResult
from detectors.loops import Loops
from detectors.loops.rules import FAILURE, REPEAT, Failures, Repeats
from detectors.testing import Stream, Watch, watch
from tests.detectors.loops_stories import MAKE, REFUSED, loops, run, strongest


def test_the_finding_says_what_how_often_how_long_and_at_what_cost() -> None:
    story = Stream(step=2.0)
    events: list[Event] = []
    for _ in range(5):
        events += [story.model(usd=0.10), *story.steps(("npm test", "1 failing", 1))]
    finding = loops(events)[-1]
    assert "`bash npm test` 5 times in 26 s for $0.40" in finding.summary
    assert "Going on costs $55.38 an hour." in finding.summary
    facts = finding.facts
    assert (facts["kind"], facts["steps"], facts["seconds"], facts["cost_usd"]) == ("repeat", 5, 26.0, 0.4)
    assert facts["usd_per_hour"] == 55.38
    calls = [event.id for event in events if isinstance(event, ToolCall)]
    assert [evidence.event_id for evidence in finding.evidence] == [calls[0], calls[-2], calls[-1], events[-1].id]


def test_a_long_loop_is_said_again_only_when_it_has_doubled() -> None:
    findings = loops(run(("make", "bad", 2), times=100))
    assert [finding.facts["steps"] for finding in findings] == [3, 5, 9, 17, 33, 65]
    assert len({(finding.rule, finding.key) for finding in findings}) == 1


LIFE = [  # of one loop: the answers, in order
    ("a repeat", run(("ls", "a"), times=12), "repeat notice, repeat pause, repeat pause"),
    ("a failing repeat", run(MAKE, times=12), "repeat notice, repeat pause, repeat pause"),
    ("a cycle of two", run(("a", "1"), ("b", "2"), times=4), "cycle notice, cycle alert, cycle pause"),
    ("a cycle of five", run(*[(f"{n}", f"{n}") for n in range(5)], times=3), "cycle notice, cycle alert, cycle pause"),
    (
        "a repeat that is broken off goes on counting",
        run(*[("a", "1")] * 5, ("b", "2"), *[("a", "1")] * 2),
        "repeat notice, repeat pause",
    ),
    (
        "a loop of long ago is told afresh",
        run(*[MAKE] * 5, *[(f"{n}", f"news of {n}, and much of it: {n}") for n in range(100)], *[MAKE] * 5),
        "repeat notice, repeat pause, repeat notice, repeat pause",
    ),
]


@pytest.mark.parametrize(("events", "told"), [case[1:] for case in LIFE], ids=[case[0] for case in LIFE])
def test_one_loop_is_told_few_times(events: list[Event], told: str) -> None:
    findings = loops(events)
    assert ", ".join(f"{f.rule.removeprefix('loops.')} {f.cap or 'pause'}" for f in findings) == told
    assert len({(f.rule, f.key) for f in findings}) == len({rule for rule, *_ in (f.rule for f in findings)})


def test_the_same_loop_has_the_same_key_when_it_comes_again() -> None:
    other = [(f"{n}", f"news of {n}, and much of it: {n}") for n in range(100)]
    assert len({finding.key for finding in loops(run(*[MAKE] * 5, *other, *[MAKE] * 5))}) == 1


def test_sub_agents_do_not_repeat_each_other() -> None:
    streams = [Stream(agent_id=name) for name in ("a", "b", "c", "d")]
    events = chain.from_iterable(stream.steps(("ls", "a b"), ("cat a", "1")) for stream in streams)
    assert loops(events) == []


def test_the_looping_one_of_two_agents_is_seen() -> None:
    stuck, busy = Stream("s", agent_id="stuck"), Stream("b", agent_id="busy")
    events = chain.from_iterable([*stuck.steps(("ls", "a")), *busy.steps((f"cat {n}", f"{n}"))] for n in range(5))
    assert "agent stuck" in loops(events)[-1].summary


def test_results_out_of_order_find_their_calls() -> None:
    story = Stream()
    events: list[Event] = []
    for n in range(3):
        events += [story.call("ls", call_id=f"l{n}"), story.call(f"cat {n}", call_id=f"c{n}")]
        events += [story.result(f"{n}", call_id=f"c{n}"), story.result("a b", call_id=f"l{n}")]
    assert loops(events) == []


def test_results_without_call_ids_belong_to_the_oldest_call() -> None:
    ordered = run(("ls", "a b"), times=5)
    events = [msgspec.structs.replace(event, call_id=None) for event in ordered]  # type: ignore[call-arg]
    assert strongest(loops(events)) == {"loops.repeat": "pause"}


def test_results_without_calls_still_show_one_failure() -> None:
    story = Stream()
    assert strongest(loops(story.result(REFUSED, 7) for _ in range(5))) == {"loops.repeat": "alert"}


def test_without_results_only_many_equal_calls_are_an_alert() -> None:
    story = Stream()
    assert loops([story.call("ls") for _ in range(8 + 6)]) == []
    assert strongest(loops([story.call("ls") for _ in range(11 + 6)])) == {"loops.repeat": "alert"}


def test_a_waiting_call_counts_by_the_thresholds_of_the_policy() -> None:
    events = run(("kubectl get pod", "Pending"), times=10, took=5.0)
    assert watch(Loops(), events, thresholds={REPEAT.id: Repeats(waiting_repeats=8)})
    assert watch(Loops(), events) == []


def test_more_repeats_may_be_allowed() -> None:
    events = run(MAKE, times=7)
    assert strongest(watch(Loops(), events, thresholds={REPEAT.id: Repeats(repeats=8, notice_repeats=None)})) == {
        "loops.repeat": "alert"
    }


def test_a_rule_that_is_off_finds_nothing() -> None:
    watching = Watch(Loops())
    watching.rules = RuleSet({FAILURE.id: Failures()})
    assert [finding for event in run(("ls", "a b"), times=10) for finding in watching.see(event)] == []


@pytest.mark.parametrize("cut", [0, 1, 100, 299])
def test_a_million_characters_are_no_burden(cut: int) -> None:
    watching = Watch(Loops())
    story = Stream()
    for n in range(30):
        watching.see(story.call("x" * 1_000_000 + str(n % 2)))
        watching.see(story.result(("é" * 300)[:cut] + "\0\x7f" * 500_000, n % 2))
    assert len(msgspec.msgpack.encode(watching.state)) < Loops.state_bytes


@pytest.mark.parametrize("pattern", [[0], [0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 1, 1, 2, 0, 0], [0, 1, 0, 1, 0, 2, 0, 1]])
def test_four_looping_agents_with_long_names_stay_in_bounds(pattern: list[int]) -> None:
    watching = Watch(Loops())
    for n in range(600):
        which = pattern[n // 4 % len(pattern)]
        common: dict[str, Any] = {"time": 1e9 + 1.37 * n, "run_id": "r", "agent_id": f"agent {n % 4}"}
        numbers = " ".join(str(10**9 + m) for m in range(20))
        call = {"command": f"漢字{which} " * 30 + numbers}
        watching.see(ModelCall(id=f"m{n}", cost_usd=1e6, **common))
        watching.see(ToolCall(id=f"c{n:039}", tool="bash", call_id=f"{n}", arguments=call, **common))
        if n < 590:
            watching.see(ToolResult(id=f"r{n}", call_id=f"{n}", exit_code=1, output=f"error {which % 5} x", **common))
        assert len(msgspec.msgpack.encode(watching.state)) < Loops.state_bytes
