"""Runs that start runs without end (``parent_run_id``), in chains or by fan-out: seen in the second stage."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct, field

from detectors.detector import Finding, RuleSet, shorten
from detectors.fleet import FleetDetector, Source
from detectors.loops.fork_bomb_rule import FORK_BOMB, ForkBombThresholds
from detectors.loops.hashing import hashed_name
from detectors.naming import MOST_NOTE, cut
from detectors.rollup import Rollup

NODES = 128  # runs of one scope that are remembered; of more, those that ended make room first
FAMILIES = 16  # the one that started no run for longest makes room
WINDOW_S = 3600.0  # counts begin anew after it, and a run that lived so long before it starts another starts anew
HANDOVER_S = 10.0  # an agent's time to start: a child that begins later after its parent's end continues it
GROWING = 4  # levels, each larger than the one above, that no honest plan needs
RESULTS = 10  # one of so many runs that ends with a result tells work from a fork bomb
DEEPEST = 1000
LEVELS = 16
MOST_USD = 1e12


class Node(Struct, array_like=True):
    """A run. root: of its family. depth: runs above it. since, ended: Unix seconds, 0 if not known. children: that it
    started. linked: its parent is known."""

    root: int
    depth: int = 0
    since: float = 0.0
    ended: float = 0.0
    children: int = 0
    linked: bool = False


class Family(Struct, array_like=True):
    """All runs below one. root: its id. since, until: Unix seconds, of the first and the last start in this hour.

    started, results: runs in this hour, and of them those that started none and ended with a result. levels: of them
    by depth - 1. deepest: of them. cost_usd: of all of its runs in this hour. name, mixed: of the deployment, and
    whether there are others. first: of its first start ever, the event, partition and offset. said: runs and depth when
    it was told last in this hour.
    """

    root: str
    since: float
    until: float
    first: tuple[str, int, int]
    name: str | None
    mixed: bool = False
    started: int = 0
    results: int = 0
    deepest: int = 0
    levels: list[int] = field(default_factory=list)
    cost_usd: float = 0.0
    said: tuple[int, int] = (0, 0)

    def count(self, depth: int, runs: int = 1) -> None:
        self.started += runs
        self.deepest = max(self.deepest, depth)
        level = min(max(depth, 1), LEVELS)
        self.levels += [0] * (level - len(self.levels))
        self.levels[level - 1] += runs

    def begin_again(self, time: float) -> None:
        self.since, self.started, self.results, self.deepest = time, 0, 0, 0
        self.levels, self.said, self.cost_usd = [], (0, 0), 0.0

    @property
    def growing(self) -> bool:
        levels = self.levels
        if len(levels) > GROWING and levels[-1] <= levels[-2]:
            levels = levels[:-1]  # the last is not complete
        return len(levels) >= GROWING and all(above < below for above, below in pairwise(levels))


class ForkBombState(Struct):
    nodes: dict[int, Node] = field(default_factory=dict)
    families: dict[int, Family] = field(default_factory=dict)


class ForkBombs(FleetDetector[ForkBombState]):
    """Follows who started whom, by ``parent_run_id``, among the runs of a deployment, and across those of a team.

    A family is told of when it is deeper than any plan; when each of four levels and more is larger than the one above;
    or when it is very large: the last two only while hardly a run ends with a result, which is what tells a fork bomb
    from a batch. Across deployments it is told where the runs of a team meet, or of an environment for those without.
    A run that continues one that has ended (a restart) stands in its place, and is no level below it.

    Rollups of parent and child may come in either order; a parent that is not known is the root until it is.

    What it doesn't see: families across teams; a chain in which each run begins more than 10 s after the one before
    has ended; children that are started for ever and each end with a result.

    Memory: 10 KiB at most for a scope, 2 KiB for 50 runs under way, nothing where no run has a parent. Cost: 5 µs for
    each run that another one started, 8 µs where more than 128 are remembered; under 1 µs for other rollups.
    """

    name = "fork_bombs"
    rules = (FORK_BOMB,)
    State = ForkBombState

    def observe(self, rollup: Rollup, state: ForkBombState, rules: RuleSet) -> Iterable[Finding]:
        limits: ForkBombThresholds | None = rules.get(FORK_BOMB.id)
        nodes, parent = state.nodes, rollup.parent_run_id
        if limits is None or not (nodes or parent) or (rollup.scope == "environment" and rollup.team):
            return ()
        run = hashed_name(cut(rollup.run_id, MOST_NOTE))
        node = nodes.get(run)
        counts = False
        if parent and (node is None or not node.linked) and (above := hashed_name(cut(parent, MOST_NOTE))) != run:
            counts = rollup.started
            node = _link(rollup, run, node, above, parent, state)
        if node is None:
            return ()
        family = state.families[node.root]
        if 0.0 < rollup.cost_usd < MOST_USD:
            family.cost_usd = min(family.cost_usd + rollup.cost_usd, MOST_USD)
        if rollup.finished:
            nodes[run] = nodes.pop(run, node)  # of the last to be forgotten: its child's start may still come
            node.ended = rollup.time
            worked = not rollup.run_errors or rollup.run_steps > rollup.run_errors
            if node.linked and not node.children and worked and family.results < family.started:
                family.results += 1
        if not counts:
            return ()
        if not rollup.time - family.since <= WINDOW_S:
            family.begin_again(rollup.time)
        family.until = max(family.until, rollup.time)
        family.count(node.depth)
        if rollup.scope != "agent_name" and not family.mixed:
            return ()  # said where all of its runs are of one deployment
        return _tell(rollup, family, limits)


def _link(rollup: Rollup, run: int, node: Node | None, above: int, parent: str, state: ForkBombState) -> Node:
    """Puts a run below its parent, with all that are known below it."""
    nodes, families = state.nodes, state.families
    over = nodes.pop(above, None)
    if over is None:
        over = Node(above)
        place = (cut(rollup.event_id, MOST_NOTE), rollup.partition, rollup.offset)
        if above not in families:
            families[above] = Family(cut(parent, MOST_NOTE), rollup.time, rollup.time, place, _name(rollup))
    nodes[above] = over
    if over.root == run:  # its parent is below it: a cycle
        node = nodes[run] = nodes.pop(run, Node(run))
        node.linked = True
        _make_room(state, run, above)
        return node
    family = families[over.root] = families.pop(over.root)
    name = _name(rollup)
    family.mixed = family.mixed or name is None or name != family.name
    over.children += 1
    depth = _depth(over, rollup)
    if node is None:
        node = Node(over.root, depth, rollup.time)
    else:
        _merge(run, over.root, depth, state)
        node.since = rollup.time
    node.linked = True
    nodes[run] = node
    _make_room(state, run, above)
    return node


def _depth(over: Node, rollup: Rollup) -> int:
    if over.ended and rollup.time > over.ended + HANDOVER_S:
        return max(over.depth, 1)
    if over.since and rollup.time > over.since + WINDOW_S:
        return 1
    return min(over.depth + 1, DEEPEST)


def _merge(run: int, root: int, depth: int, state: ForkBombState) -> None:
    """The family whose root turns out to be below another run becomes a part of that one's."""
    old, family = state.families.pop(run), state.families[root]
    for node in state.nodes.values():
        if node.root == run:
            node.root, node.depth = root, min(node.depth + depth, DEEPEST)
    for level, runs in enumerate(old.levels, 1):
        if runs:
            family.count(depth + level, runs)
    family.deepest = max(family.deepest, min(depth + old.deepest, DEEPEST))
    family.results += old.results
    family.cost_usd = min(family.cost_usd + old.cost_usd, MOST_USD)
    family.mixed = family.mixed or old.mixed or old.name != family.name
    if old.since < family.since:
        family.since, family.first = old.since, old.first
    family.said = (max(family.said[0], old.said[0]), max(family.said[1], old.said[1]))


def _make_room(state: ForkBombState, *kept: int) -> None:
    nodes, families = state.nodes, state.families
    while len(nodes) > NODES:
        gone = next((run for run, node in nodes.items() if node.ended and run not in kept), None)
        if gone is None:
            gone = next(run for run in nodes if run not in kept)
        root = nodes.pop(gone).root
        if root == gone and all(node.root != root for node in nodes.values()):
            del families[root]
    while len(families) > FAMILIES:
        root = next(iter(families))
        del families[root]
        for run in [run for run, node in nodes.items() if node.root == root]:
            del nodes[run]


def _name(rollup: Rollup) -> str | None:
    name = rollup.target if rollup.scope == "agent_name" else rollup.agent_name
    return None if name is None else cut(name, MOST_NOTE)


def _tell(rollup: Rollup, family: Family, limits: ForkBombThresholds) -> Iterable[Finding]:
    runs, deepest = family.started, family.deepest
    deep = deepest > limits.depth
    barren = family.results * RESULTS < runs
    growing = barren and runs > limits.growing_runs and family.growing
    if not (deep or growing or (barren and runs > limits.runs)):
        return ()
    said_runs, said_deepest = family.said
    deeper = deep and deepest >= 2 * said_deepest
    if said_runs and not deeper and runs < 2 * max(said_runs, limits.growing_runs):
        return ()
    family.said = (runs, deepest)
    seconds = max(family.until - family.since, 1.0)
    hourly = family.cost_usd * 3600 / max(seconds, 60.0)
    cost = f" for ${family.cost_usd:.2f}; going on costs ${hourly:.2f} an hour" if family.cost_usd else ""
    why = (
        "No plan is that deep." if deep else "Each level is larger than the one above." if growing else "No end shows."
    )
    counted = f"{runs} runs" if runs > 1 else "1 run"
    excerpt = shorten(f"run {rollup.run_id} was started by run {rollup.parent_run_id}")
    evidence = [Source(rollup.event_id, rollup.offset, excerpt, rollup.partition)]
    event_id, partition, offset = family.first
    if event_id != cut(rollup.event_id, MOST_NOTE):
        first = shorten(f"a run was started below run {family.root}")
        evidence.insert(0, Source(event_id, offset, first, partition))
    return (
        Finding(
            rule=FORK_BOMB.id,
            key=family.root,
            title=FORK_BOMB.title,
            summary=f"{counted} below run {family.root} started each other, {deepest} deep, in {seconds / 60:.0f} "
            f"min{cost}; {family.results} ended with a result. {why}",
            score=min(1.0, max(deepest / (2 * limits.depth), runs / (2 * limits.runs))),
            evidence=tuple(evidence),
            facts={
                "depth": deepest,
                "runs": runs,
                "results": family.results,
                "cost_usd": family.cost_usd,
                "usd_per_hour": round(hourly, 2),
            },
        ),
    )
