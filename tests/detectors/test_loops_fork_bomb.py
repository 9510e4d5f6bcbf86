"""Runs that start runs: from their rollups, as they come from many partitions, to what is said of a family."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec
import pytest

from detectors.detector import Finding, RuleSet, Run
from detectors.event import Event, RunFinished, RunStarted, ToolCall, ToolResult
from detectors.loops.fork_bomb import FAMILIES, HANDOVER_S, NODES, ForkBombs, ForkBombState
from detectors.loops.fork_bomb_rule import FORK_BOMB, ForkBombThresholds
from detectors.naming import MOST_NOTE, cut
from detectors.rolling import RollupCutter, Sums
from detectors.rollup import Rollup
from detectors.testing import Stream
from monitor.engine.fleet import FleetEngine, decode, encode
from monitor.engine.outcome import Position
from monitor.policy import Policy
from monitor.replay.judge import FileJudge

RULES = RuleSet({FORK_BOMB.id: ForkBombThresholds()})
AT = 1_755_000_000.0
HOUR = 3600.0


def start(run: str, parent: str | None, at: float = 0.0, name: str = "coder", **given) -> Rollup:
    values = {"id": f"{run}-s", "scope": "agent_name", "target": name, "agent_name": name, "event_id": f"{run}-1"}
    return Rollup(
        **values | given, run_id=run, parent_run_id=parent, time=AT + at, partition=0, offset=-1, started=True
    )


def end(run: str, parent: str | None, at: float = 0.0, steps: int = 5, errors: int = 0, usd: float = 0.0) -> Rollup:
    return Rollup(
        id=f"{run}-e", scope="agent_name", target="coder", agent_name="coder", event_id=f"{run}-9", run_id=run,
        parent_run_id=parent, time=AT + at, partition=0, offset=-1, finished=True, run_steps=steps, run_errors=errors,
        cost_usd=usd, run_cost_usd=usd,
    )  # fmt: skip


def told(rollups: Iterable[Rollup], state: ForkBombState | None = None) -> list[Finding]:
    state = state or ForkBombState()
    detector, found = ForkBombs(), []
    for rollup in rollups:
        found += detector.observe(rollup, state, RULES)
    return found


def chain(runs: int, apart: float = 10.0, first: int = 0) -> list[Rollup]:
    return [start(f"r{n + 1}", f"r{n}", apart * n) for n in range(first, first + runs)]


def tree(*widths: int, root: str = "r") -> list[list[tuple[str, str]]]:
    """Runs and their parents, level by level."""
    levels: list[list[tuple[str, str]]] = []
    above = [root]
    for width in widths:
        levels.append([(f"{parent}.{n}", parent) for parent in above for n in range(width)])
        above = [run for run, _ in levels[-1]]
    return levels


def starts(levels: list[list[tuple[str, str]]], apart: float = 1.0) -> list[Rollup]:
    return [start(run, parent, apart * n) for n, (run, parent) in enumerate(edge for level in levels for edge in level)]


def test_a_chain_is_told_at_its_sixth_level_and_when_it_has_doubled() -> None:
    assert [finding.facts["depth"] for finding in told(chain(30))] == [6, 12, 24]


def test_what_is_said_of_a_chain() -> None:
    spent = [end(f"r{n}", f"r{n - 1}" if n else None, 45.0, usd=0.5) for n in range(3)]
    [finding] = told([*chain(5), *spent, *chain(1, first=5)])
    assert (finding.rule, finding.key) == ("loops.fork_bomb", "r0")
    assert finding.summary == (
        "6 runs below run r0 started each other, 6 deep, in 1 min for $1.50; going on costs $90.00 an hour; 0 ended "
        "with a result. No plan is that deep."
    )
    assert [evidence.event_id for evidence in finding.evidence] == ["r1-1", "r6-1"]


def test_runs_that_end_as_soon_as_they_have_started_the_next_are_a_chain() -> None:
    each = [(start(f"r{n + 1}", f"r{n}", 20.0 * n), end(f"r{n}", f"r{n - 1}", 20.0 * n + 1)) for n in range(6)]
    assert len(told(rollup for pair in each for rollup in pair)) == 1


def test_a_tree_whose_levels_grow_is_told_before_it_is_deep() -> None:
    [finding] = told(starts(tree(2, 3, 4, 5)))[:1]
    assert (finding.facts["runs"], finding.facts["depth"]) == (57, 4)  # 2, 6, 24, and 25 of 120
    assert "Each level is larger" in finding.summary


def test_a_fan_out_without_end_is_told_when_it_is_very_large() -> None:
    assert [finding.facts["runs"] for finding in told(starts(tree(900)))] == [201, 402, 804]


def test_children_that_all_fail_are_no_results() -> None:
    each = [(start(f"c{n}", "r", n), end(f"c{n}", "r", n + 0.5, steps=3, errors=3)) for n in range(300)]
    assert len(told(rollup for pair in each for rollup in pair)) == 1


@pytest.mark.parametrize("widths", [(50,), (180,), (1, 30), (5, 10), (3, 5, 5), (1, 1, 20, 1), (1, 1, 1, 1, 1)])
def test_a_plan_of_a_few_levels_is_quiet_before_anything_ends(widths: tuple[int, ...]) -> None:
    assert told(starts(tree(*widths))) == []


@pytest.mark.parametrize("widths", [(2000,), (30, 30), (5, 10, 10), (3, 4, 5, 6)])
def test_a_large_plan_is_quiet_as_its_children_end(widths: tuple[int, ...]) -> None:
    rollups: list[Rollup] = []

    def do(run: str, left: tuple[int, ...], above: str | None) -> None:
        at = float(len(rollups))
        if above is not None:
            rollups.append(start(run, above, at))
        for n in range(left[0] if left else 0):
            do(f"{run}.{n}", left[1:], run)
        rollups.append(end(run, above, float(len(rollups))))

    do("r", widths, None)
    assert told(rollups) == []


@pytest.mark.parametrize(
    ("ends", "gap"), [(True, HANDOVER_S + 20), (True, 86_400.0), (False, 86_400.0), (False, HOUR + 1)]
)
def test_a_run_that_is_continued_or_restarted_is_no_level(ends: bool, gap: float) -> None:
    rollups, at = [], 0.0
    for n in range(60):
        rollups.append(start(f"r{n + 1}", f"r{n}", at))
        at += 300.0
        if ends:
            rollups.append(end(f"r{n + 1}", f"r{n}", at))
        at += gap
    assert told(rollups) == []


def test_a_service_that_starts_runs_for_weeks_some_of_which_never_end_is_quiet() -> None:
    assert told(start(f"c{n}", "service", 60.0 * n) for n in range(5000)) == []


@pytest.mark.parametrize("seed", range(20))
def test_rollups_out_of_order_show_the_same_depth(seed: int) -> None:
    rollups = chain(8, apart=0.1)
    random.Random(seed).shuffle(rollups)
    state = ForkBombState()
    assert told(rollups, state)
    [family] = state.families.values()
    assert (family.root, family.deepest, family.started) == ("r0", 8, 8)
    assert {node.depth for node in state.nodes.values()} == set(range(9))


def test_a_chain_without_its_middle_is_two_until_it_shows() -> None:
    rollups = chain(10, apart=0.1)
    late = rollups.pop(4)
    assert told(rollups) == []
    assert [finding.facts["depth"] for finding in told([*rollups, late])] == [10]


@pytest.mark.parametrize(
    "edges",
    [
        [("a", "a")],
        [("a", "b"), ("b", "a")],
        [("a", "b"), ("b", "c"), ("c", "a")],
        [("b", "a"), ("a", "c"), ("c", "b")],
    ],
)
def test_a_cycle_of_parents_ends_and_stays_small(edges: list[tuple[str, str]]) -> None:
    state = ForkBombState()
    assert told([start(run, parent, n) for n in range(50) for run, parent in edges], state) == []
    assert len(state.nodes) <= 3 and len(state.families) <= 1


def test_a_cycle_whose_root_was_forgotten_ends_too() -> None:
    state = ForkBombState()
    told([start("x", "r"), *(start(f"c{n}", "p") for n in range(NODES - 2))], state)
    assert len(state.nodes) == NODES
    assert told([start("r", "x"), start("x", "r"), start("y", "r")], state) == []
    assert {node.root for node in state.nodes.values()} == set(state.families)


def test_a_run_that_says_twice_that_it_started_counts_once() -> None:
    state = ForkBombState()
    assert told([start("a", "r", n) for n in range(1000)], state) == []
    assert [family.started for family in state.families.values()] == [1]


def test_rollups_of_runs_without_parents_leave_no_state() -> None:
    state = ForkBombState()
    assert told([start("a", None), end("a", None)], state) == []
    assert state == ForkBombState()


def test_whatever_comes_the_state_stays_in_bounds() -> None:
    rng = random.Random(3)
    state, detector = ForkBombState(), ForkBombs()
    names = ["é" * rng.choice([1, 60, 256]) + f"{n}" for n in range(400)]
    for _ in range(8000):
        run, parent = rng.choice(names), rng.choice([*names, None, ""])
        rollup = start(run, parent, rng.uniform(-1e9, 1e12), rng.choice(names), event_id="e" * 256)
        rollup.started, rollup.finished = rng.random() < 0.7, rng.random() < 0.2
        rollup.cost_usd = rng.choice([0.0, -1.0, 1e300, float("inf"), float("nan"), 3.0])
        detector.observe(rollup, state, RULES)
        assert len(state.nodes) <= NODES and len(state.families) <= FAMILIES
        assert {node.root for node in state.nodes.values()} <= set(state.families)
    data = msgspec.msgpack.encode(state)
    assert len(data) < 10_240
    assert msgspec.msgpack.decode(data, type=ForkBombState) == state


def test_a_usual_family_takes_little() -> None:
    state = ForkBombState()
    told(starts(tree(5, 10)), state)
    assert len(msgspec.msgpack.encode(state)) < 2048


def test_a_chain_is_seen_among_many_other_runs() -> None:
    others = [start(f"o{n}", f"p{n % 10}", n / 100) for n in range(1000)]
    rollups = [rollup for n, one in enumerate(chain(8)) for rollup in (*others[n * 100 : n * 100 + 100], one)]
    assert "r0" in [finding.key for finding in told(rollups)]


def test_a_long_run_id_is_found_as_its_childs_parent() -> None:
    long = ["é" * 200 + str(n) for n in range(7)]
    rollups = [start(long[n + 1], cut(long[n], MOST_NOTE), n) for n in range(6)]
    assert len(told(rollups)) == 1


def across(names: list[str | None], scope: str = "team", team: str | None = "web") -> list[Rollup]:
    return [
        start(f"r{n + 1}", f"r{n}", n, scope=scope, target="x", team=team, agent_name=name)
        for n, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("names", "scope", "team", "found"),
    [
        (["a", "b"] * 3, "team", "web", 1),
        (["a"] * 6, "team", "web", 0),  # said of the deployment
        ([None] * 6, "team", "web", 1),
        (["a", "b"] * 3, "environment", None, 1),
        (["a", "b"] * 3, "environment", "web", 0),  # said of the team
    ],
)
def test_a_family_is_told_of_once(names: list[str | None], scope: str, team: str | None, found: int) -> None:
    assert len(told(across(names, scope, team))) == found


def test_a_rule_that_is_off_keeps_nothing() -> None:
    state = ForkBombState()
    assert list(ForkBombs().observe(start("a", "r"), state, RuleSet({}))) == []
    assert state == ForkBombState()


def events(run: str) -> list[Event]:
    return [
        RunStarted(id=f"{run}-1", time=AT, run_id=run, parent_run_id="r0"),
        ToolCall(id=f"{run}-2", time=AT, run_id=run, tool="shell"),
        ToolResult(id=f"{run}-3", time=AT, run_id=run, status="ok"),
        RunStarted(id=f"{run}-4", time=AT, run_id=run, parent_run_id="r0"),
        RunFinished(id=f"{run}-5", time=AT, run_id=run),
    ]


@pytest.mark.parametrize(
    ("parent", "cuts"),
    [("r0", [(0, True, False), (4, False, True)]), (None, [(4, True, True)]), ("", [(4, True, True)])],
)
def test_a_run_with_a_parent_has_a_rollup_at_its_start(parent: str | None, cuts: list[tuple[int, bool, bool]]) -> None:
    cutter, sums, run = RollupCutter(), Sums(), Run(run_id="r1", agent_name="coder", team="web", parent_run_id=parent)
    found: list[Rollup] = []
    for run.offset, event in enumerate(events("r1")):
        found += cutter.observe(event, sums, run, partition=0)
    assert [(r.offset, r.started, r.finished) for r in found if r.scope == "team"] == cuts
    assert {(r.parent_run_id, r.agent_name) for r in found} == {("r0", "coder") if parent else (None, None)}


def test_an_alert_by_default_through_the_engine_and_its_bytes() -> None:
    engine, state, alerts = FleetEngine(Policy.load(None)), decode(b"\x80"), []
    for rollup in chain(7):
        out = engine.process(state, rollup)
        assert not out.commands
        alerts += out.alerts
        state = decode(encode(state))
    [alert] = alerts
    assert (alert.rule, alert.mode, alert.key) == ("loops.fork_bomb", "alert", "agent_name:coder")


def test_runs_of_two_deployments_that_start_each_other_are_told_of_from_their_events() -> None:
    judge, alerts = FileJudge(Policy.load(None), lambda name, error: pytest.fail(f"{name}: {error}")), []
    common = {"team": "web", "environment": "test"}
    for n in range(7):
        story = Stream(f"r{n}", at=AT + 10 * n, agent_name=("planner", "coder")[n % 2], **common)
        given = {"id": f"r{n}-s", "time": AT + 10 * n, "run_id": f"r{n}", "parent_run_id": f"r{n - 1}" if n else None}
        events: list[Event] = [RunStarted(**given, **story.common), story.model(usd=0.25), story.call("ls")]
        for offset, event in enumerate(events):
            alerts += judge.take(story.run_id, [event], Position("killcord.events", n % 3, 10 * n + offset)).alerts
    [alert] = [alert for alert in alerts if alert.rule == FORK_BOMB.id]
    assert (alert.key, alert.mode, alert.event_id) == ("team:web", "alert", "r6-s")
    assert "6 runs below run r0 started each other, 6 deep" in alert.summary


def test_what_only_started_is_no_observation_of_drift() -> None:
    engine, with_starts, without = FleetEngine(Policy.load(None)), decode(b"\x80"), decode(b"\x80")
    for n in range(40):
        ended = end(f"c{n}", None, n)
        engine.process(with_starts, start(f"c{n}", None, n))
        for state in (with_starts, without):
            engine.process(state, ended)
    assert encode(with_starts) == encode(without)
