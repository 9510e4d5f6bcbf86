"""Stories of deployments: which change is told, how soon, and that nothing is told where nothing changed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import msgspec
import pytest

from detectors.detector import Finding, RuleSet
from detectors.drift import Drift, DriftState
from detectors.fleet_rules import FLEET_RULES, ErrorRateThresholds
from detectors.rollup import STEPS_PER_ROLLUP, Rollup

DEFAULTS = RuleSet({rule.id: rule.thresholds() for rule in FLEET_RULES})
USUAL = {"shell": 60, "edit": 30, "search": 10}


def runs(
    rng: random.Random,
    count: int,
    first: int = 0,
    errors: float = 0.05,
    steps: float = 20,
    usd: float = 0.02,
    tools: dict[str, int] = USUAL,
    seconds: float = 0.8,
) -> Iterator[Rollup]:
    """Runs that differ as real ones do: in length (log-normal), in luck (some tasks fail more), in taste and in speed.

    Now and then a tool takes twenty times as long, as a test suite does among greps.
    """
    for n in range(first, first + count):
        total = max(1, round(steps * rng.lognormvariate(0, 0.5)))
        luck = min(1.0, errors * rng.choice((0.3, 0.7, 1.0, 2.0)))
        taste = {tool: weight * rng.lognormvariate(0, 0.4) for tool, weight in tools.items()}
        price = usd * rng.lognormvariate(0, 0.4)
        pace = seconds * rng.lognormvariate(0, 0.3)
        left, failed = total, 0
        while True:
            now = min(left, STEPS_PER_ROLLUP)
            left -= now
            wrong = sum(rng.random() < luck for _ in range(now))
            failed += wrong
            used = rng.choices(list(taste), list(taste.values()), k=now)
            slow = sum(pace * rng.lognormvariate(0, 1.0) * (20 if rng.random() < 0.002 else 1) for _ in range(now))
            last = left == 0
            yield Rollup(
                id=f"{n}.{left}", scope="agent_name", target="coder", run_id=f"run-{n}", event_id=f"event-{n}.{left}",
                time=float(n), partition=n % 4, offset=1000 * n + total - left, finished=last,
                steps=now, results=now, errors=wrong, cost_usd=price * now, tools={t: used.count(t) for t in used},
                tool_seconds=slow, timed_results=now, run_steps=total if last else 0, run_errors=failed if last else 0,
                run_cost_usd=price * total if last else 0.0,
            )  # fmt: skip
            if last:
                break


class Story:
    """A deployment's life in chapters; remembers at which run what was found."""

    def __init__(self, seed: int, rules: RuleSet = DEFAULTS, through_bytes: bool = False) -> None:
        self.rng, self.rules, self.through_bytes = random.Random(seed), rules, through_bytes
        self.state, self.drift, self.count = DriftState(), Drift(), 0
        self.found: list[tuple[int, Finding]] = []

    def run(self, count: int, **behaviour) -> Story:
        for rollup in runs(self.rng, count, self.count, **behaviour):
            self.take(rollup)
        self.count += count
        return self

    def take(self, rollup: Rollup) -> None:
        number = int(rollup.run_id.removeprefix("run-"))
        self.found += [(number, finding) for finding in self.drift.observe(rollup, self.state, self.rules)]
        if self.through_bytes:
            self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=DriftState)

    @property
    def told(self) -> list[tuple[int, str]]:
        return [(number, finding.rule) for number, finding in self.found]


@pytest.mark.parametrize("seed", range(6))
def test_a_deployment_that_does_not_change_is_left_alone_for_2000_runs(seed):
    assert Story(seed).run(2000).told == []


CHANGES = [  # rule, what changes, within how many runs it must be told
    ("drift.error_rate", {"errors": 0.35}, 35),
    ("drift.tool_mix", {"tools": {"shell": 20, "edit": 20, "browse": 60}}, 15),
    ("drift.cost", {"usd": 0.04}, 25),
    ("drift.steps", {"steps": 50}, 25),
    ("drift.steps", {"steps": 8}, 25),
    ("drift.latency", {"seconds": 1.6}, 30),
    ("drift.latency", {"seconds": 0.2}, 25),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rule", "change", "within"), CHANGES)
def test_a_change_is_told_once_and_soon(rule, change, within, seed):
    story = Story(seed).run(100).run(200, **change)
    assert [name for _, name in story.told] == [rule]
    assert 100 <= story.told[0][0] < 100 + within


def test_a_slow_drift_is_told_when_it_has_added_up():
    story = Story(4)
    for n in range(400):
        story.run(1, errors=0.05 + 0.35 * n / 400)
    assert story.told[0][1] == "drift.error_rate"
    assert story.told[0][0] < 300
    assert len(story.told) <= 4


def test_tools_that_become_slower_little_by_little_are_told_when_it_has_added_up():
    story = Story(4)
    for n in range(400):
        story.run(1, seconds=0.8 * 4 ** (n / 400))
    assert {rule for _, rule in story.told} == {"drift.latency"}
    assert story.told[0][0] < 250
    assert len(story.told) <= 4


def test_the_latency_finding_says_from_what_to_what_and_quicker_is_information():
    _, slower = Story(1).run(100).run(60, seconds=3.2).found[0]
    assert (slower.rule, slower.severity) == ("drift.latency", None)
    assert 0.8 < slower.facts["before"] < 2.0 and 3 < slower.facts["after"] / slower.facts["before"] < 5
    assert slower.summary.startswith("Time per tool result of coder went from 1.")
    _, quicker = Story(1).run(100, seconds=3.2).run(60).found[0]
    assert (quicker.rule, quicker.severity) == ("drift.latency", "info")


def test_tools_too_quick_to_matter_may_take_twice_as_long():
    assert Story(2).run(100, seconds=0.0005).run(100, seconds=0.002).told == []


def test_adwin_hears_of_a_small_change_of_the_error_rate_first_and_the_finding_says_so():
    story = Story(3)
    _, finding = story.run(100, errors=0.08).run(60, errors=0.25).found[0]
    assert finding.rule == "drift.error_rate"
    assert "standard deviations; found by ADWIN (delta 0.002)." in finding.summary
    assert finding.score == 0.998
    assert len(story.state.shares) <= 70


def test_one_terrible_run_is_no_drift():
    terrible = {"errors": 1.0, "steps": 4000, "usd": 10.0, "tools": {"panic": 1}, "seconds": 600.0}
    assert Story(5).run(60).run(1, **terrible).run(60).told == []


def test_the_finding_says_what_changed_from_what_to_what_since_when_and_how_sure():
    _, finding = Story(1).run(100).run(30, errors=0.5).found[0]
    facts = finding.facts
    assert facts["before"] < 0.1 and 0.3 < facts["after"] < 0.7
    assert abs(int(facts["since_run"].removeprefix("run-")) - 100) <= 10
    assert f"Error rate of coder went from {facts['before']:.0%} to {facts['after']:.0%}" in finding.summary
    assert f"in the last {facts['runs_after']} runs (since run {facts['since_run']}" in finding.summary
    assert 0.99 < finding.score <= 1.0
    began, certain = finding.evidence
    assert began.event_id == f"event-{facts['since_run'].removeprefix('run-')}.0"
    assert certain.event_id.startswith("event-1") and certain.offset > began.offset and certain.partition >= 0


def test_the_tool_mix_names_the_tools_that_gained_and_lost():
    _, finding = Story(1).run(60).run(20, tools={"shell": 10, "browse": 90}).found[0]
    assert finding.rule == "drift.tool_mix"
    assert re.search(r"browse 0% to [78]\d%, shell 5\d% to", finding.summary)
    assert finding.facts["tools"]["browse"][0] == 0.0


def test_what_got_better_is_said_as_information():
    (_, better) = Story(2).run(100, errors=0.5).run(60, errors=0.02).found[0]
    assert (better.rule, better.severity) == ("drift.error_rate", "info")


def test_a_demo_with_few_runs_lowers_the_thresholds():
    few = ErrorRateThresholds(min_runs=8, min_changed_runs=3, false_alarm_every=200)
    story = Story(3, RuleSet({"drift.error_rate": few})).run(10, errors=0.0).run(8, errors=0.6)
    assert [rule for _, rule in story.told] == ["drift.error_rate"]
    assert story.told[0][0] <= 15
    assert Story(3).run(10, errors=0.0).run(8, errors=0.6).told == []


def test_a_rule_that_is_off_costs_nothing_and_says_nothing():
    story = Story(3, RuleSet({})).run(60).run(60, errors=0.9)
    assert story.told == []
    assert not any(stream.buckets for stream in story.state.streams)


def test_runs_of_any_length_side_by_side_and_without_an_end_are_counted():
    story = Story(6)
    endless = [r for r in runs(story.rng, 400, steps=60) if not r.finished]
    changed = [r for r in runs(story.rng, 200, 400, errors=0.5, steps=60) if not r.finished]
    for part in (endless, changed):
        for start in range(0, len(part), 80):
            mixed = part[start : start + 80]
            story.rng.shuffle(mixed)
            for rollup in mixed:
                story.take(rollup)
    assert [rule for _, rule in story.told] == ["drift.error_rate"]
    assert story.told[0][0] > 400


def test_a_round_trip_through_bytes_after_every_rollup_changes_nothing():
    kept = Story(7).run(60).run(40, errors=0.4, usd=0.05).run(80)
    moved = Story(7, through_bytes=True).run(60).run(40, errors=0.4, usd=0.05).run(80)
    assert kept.found and kept.found == moved.found
    for story in (kept, moved):
        story.drift.settle(story.state)
    assert msgspec.msgpack.encode(kept.state) == msgspec.msgpack.encode(moved.state)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), float("-inf"), -3.0])
def test_amounts_that_are_no_measurement_leave_no_trace(amount):
    broken = Story(8).run(50)
    for rollup in runs(random.Random(1), 20, 50):
        broken.take(msgspec.structs.replace(rollup, cost_usd=amount, run_cost_usd=amount, tool_seconds=amount))
    broken.count = 70
    broken.run(30).run(60, usd=0.06)
    assert [rule for _, rule in broken.told] == ["drift.cost"]


def test_missing_numbers_give_no_verdict():
    story = Story(9).run(60)
    for n in range(60, 160):
        story.take(Rollup(id=str(n), scope="agent_name", target="coder", run_id=f"run-{n}", event_id=f"e{n}", time=n,
                          partition=0, offset=n))  # fmt: skip
    assert story.told == []


def test_the_state_stays_under_8_kib_whatever_comes():
    """Each part at its own worst, together: numbers as after billions of runs, long names, amounts of every size."""
    rng, drift, state = random.Random(10), Drift(), DriftState(number=2**31)
    largest: dict[str, int] = {}
    for n in range(3000):
        drift.observe(
            Rollup(
                id="", scope="agent_name", target="x", run_id=f"{rng.randrange(10**9):064}", event_id=f"{n:064}",
                time=n, partition=70_000 + n % 999, offset=2**40 + n, finished=rng.random() < 0.1, steps=10**6,
                results=10**6, errors=rng.randrange(10**6), model_calls=10**6, cost_usd=rng.random() * 1e9,
                run_steps=rng.randrange(2**50), tool_seconds=rng.random() * 10 ** rng.randrange(-300, 300),
                timed_results=rng.randrange(10**7),
                tools={f"{rng.randrange(40):02}{'é' * 62}": 10**6 for _ in range(40)},
            ), state, DEFAULTS,
        )  # fmt: skip
        if n > 1000:
            drift.settle(state)
            sizes = {name: len(msgspec.msgpack.encode(getattr(state, name))) for name in state.__struct_fields__}
            largest = {name: max(size, largest.get(name, 0)) for name, size in sizes.items()}
    names = sum(len(name) + 1 for name in largest)
    assert sum(largest.values()) + names <= 8000  # sums of the oldest part grow by some 100 bytes in years
    ordinary = Story(1).run(2000)
    ordinary.drift.settle(ordinary.state)
    assert len(msgspec.msgpack.encode(ordinary.state)) <= 5120


def test_a_pinned_baseline_stays_and_each_change_from_it_is_told_once():
    story = Story(11).run(60)
    story.drift.pin(story.state)
    story.run(150, errors=0.5)
    assert [rule for _, rule in story.told] == ["drift.error_rate"]
    story.run(300).run(60, errors=0.5)
    assert [rule for _, rule in story.told] == ["drift.error_rate"] * 2
    assert story.found[1][1].facts["runs_before"] == 60


def test_an_unpinned_baseline_learns_again():
    story = Story(12).run(60)
    story.drift.pin(story.state)
    story.run(60, errors=0.5)
    story.drift.unpin(story.state)
    told = len(story.told)
    story.run(300, errors=0.5)
    assert told == 1 and len(story.told) <= 2


def test_a_baseline_pinned_before_it_was_learned_is_learned_first():
    story = Story(13)
    story.drift.pin(story.state)
    story.run(60)
    assert story.told == []
    assert [rule for _, rule in story.run(60, errors=0.5).told] == ["drift.error_rate"]


def test_a_deployment_that_does_not_change_is_seldom_searched():
    story = Story(1).run(2000)
    searched = {name: getattr(story.state, name).scans for name in ("errors", "mix", "cost", "steps", "latency")}
    tested = 2000 // 4
    assert all(searched[name] < tested / 2 for name in ("mix", "cost", "steps", "latency"))
    assert searched["errors"] < 2000 / 2  # it is asked after every run
