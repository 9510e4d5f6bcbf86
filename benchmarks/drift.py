"""Drift: our change-point test beside river's ADWIN and Page-Hinkley, on the same seeded streams.

    python -m benchmarks.drift [--quick] [--json]

Each stream is one number a run (error rate, or the logarithm of cost, latency or steps), as `detectors.drift` sees it.
Ours is the real detector with the shipped thresholds and one rule on, of which the error rate asks ADWIN too. river's
get the same numbers, tested after every run: ADWIN in the unit interval that its bound is for, and (as Page-Hinkley) in
standard deviations of the first 30 runs; both as they come, without our smallest size of a change. After an alarm a
detector begins again by itself.

found: alarms within 100 runs of a change. delay: runs until then, median. early: alarms before the change. false:
alarms in 10,000 runs that do not change. state: bytes; ours and Page-Hinkley's in msgpack, ADWIN's what pickle would
write of its Rust object.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import msgspec
from rich.console import Console
from rich.table import Table
from river.drift import ADWIN, PageHinkley

from benchmarks.figures import Result
from benchmarks.stage import Stage
from detectors.detector import RuleSet, Run
from detectors.drift import Drift, DriftState
from detectors.event import AnyEvent
from detectors.fleet_rules import FLEET_RULES
from detectors.rolling import RollupCutter, Sums
from detectors.rollup import Rollup

NAME = "drift"
SHOWN = ("ADWIN in sd up to 4, delta 0.002", "PageHinkley in sd, delta 0.5, threshold 15")  # among all benchmarks
CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
WITHIN = 100  # runs after a change in which an alarm counts as finding it
WARM_UP = 30  # runs from which river's inputs take their mean and standard deviation; ours says nothing before either


class Observation(NamedTuple):
    """One run: as a rollup for ours, as a number for river's."""

    rollup: Rollup
    value: float


class Case(NamedTuple):
    """A stream of one signal (a rule's id), and the run at which it changes."""

    name: str
    rule: str
    change: int | None
    runs: list[Observation]


class Watcher(Protocol):
    """Whether this run completes a change."""

    def update(self, run: Observation) -> bool: ...

    def state(self) -> bytes: ...


class Ours:
    def __init__(self, rule: str, adwin: bool = True) -> None:
        self._adwin = adwin
        thresholds = {each.id: each.thresholds() for each in FLEET_RULES if each.id == rule}
        self._rules, self._drift, self._state = RuleSet(thresholds), Drift(), DriftState()

    def update(self, run: Observation) -> bool:
        if not self._adwin:
            self._state.shares = b""
        return bool(self._drift.observe(run.rollup, self._state, self._rules))

    def state(self) -> bytes:
        self._drift.settle(self._state)
        stream = next(s for s in self._state.streams if s.buckets or s.anchor)
        return msgspec.msgpack.encode(stream) + self._state.shares


class Standardised:
    """river's, fed with values in standard deviations of the first `WARM_UP`, at most ``clip`` of them from their mean.

    bounds: instead, this range becomes 0 to 1, without a warm-up.
    """

    def __init__(self, inner: Any, bounds: tuple[float, float] | None = None, clip: float = math.inf) -> None:
        self._inner, self._bounds, self._clip = inner, bounds, clip
        self._seen: list[float] = []
        self._mean, self._deviation = 0.0, 0.0

    def update(self, run: Observation) -> bool:
        value = run.value
        if self._bounds:
            low, high = self._bounds
            value = min(max((value - low) / (high - low), 0.0), 1.0)
        else:
            if len(self._seen) < WARM_UP:
                self._seen.append(value)
                if len(self._seen) < WARM_UP:
                    return False
                self._mean = statistics.fmean(self._seen)
                self._deviation = max(statistics.stdev(self._seen), 0.02)
                for each in self._seen:
                    self._inner.update(self._scaled(each))
                return False
            value = self._scaled(value)
        self._inner.update(value)
        return bool(self._inner.drift_detected)

    def _scaled(self, value: float) -> float:
        return min(max((value - self._mean) / self._deviation, -self._clip), self._clip)

    def state(self) -> bytes:
        if isinstance(self._inner, PageHinkley):
            return msgspec.msgpack.encode([self._mean, self._deviation, *page_hinkley_state(self._inner)])
        return bytes(self._inner._helper.__getstate__())


def page_hinkley_state(detector: PageHinkley) -> list[float]:
    """All that a Page-Hinkley learned; the smallest sum is infinite before the first value."""
    d: Any = detector
    return [d._x_mean.n, d._x_mean.get(), d._sum_increase, d._sum_decrease, d._min_increase, d._max_decrease]


BOUNDS = {
    "drift.error_rate": (0.0, 1.0),
    "drift.cost": (math.log(1e-4), math.log(10.0)),
    "drift.latency": (math.log(0.01), math.log(600.0)),
    "drift.steps": (math.log(0.5), math.log(1000.0)),
}


def watchers(rule: str) -> dict[str, Callable[[], Watcher]]:
    def adwin(delta: float, unit: bool, clip: float = math.inf) -> Callable[[], Watcher]:
        bounds = BOUNDS[rule] if unit else None
        return lambda: Standardised(ADWIN(delta=delta, clock=1, grace_period=WARM_UP), bounds, clip)

    def page_hinkley(delta: float, threshold: float, clip: float = math.inf) -> Callable[[], Watcher]:
        made = PageHinkley(min_instances=WARM_UP, delta=delta, threshold=threshold)
        return lambda: Standardised(made.clone(), None, clip)

    found: dict[str, Callable[[], Watcher]] = {"ours": lambda: Ours(rule)}
    if rule == "drift.error_rate":
        found["ours without its ADWIN"] = lambda: Ours(rule, adwin=False)
    for delta in (0.002, 1e-5):
        found[f"ADWIN 0..1, delta {delta:g}"] = adwin(delta, True)
    for delta in (0.002, 1e-5, 1e-7):
        found[f"ADWIN in sd, delta {delta:g}"] = adwin(delta, False)
    for delta in (0.02, 0.002):
        found[f"ADWIN in sd up to 4, delta {delta:g}"] = adwin(delta, False, 4.0)
    for delta, threshold in ((0.1, 20.0), (0.25, 10.0), (0.25, 20.0), (0.5, 10.0), (0.5, 15.0)):
        found[f"PageHinkley in sd, delta {delta:g}, threshold {threshold:g}"] = page_hinkley(delta, threshold)
    found["PageHinkley in sd up to 4, delta 0.5, threshold 15"] = page_hinkley(0.5, 15.0, 4.0)
    return found


def value(rollup: Rollup, rule: str) -> float | None:
    """What `detectors.drift` takes of a whole run."""
    match rule:
        case "drift.error_rate":
            return rollup.errors / rollup.results if rollup.results else None
        case "drift.cost":
            return math.log(rollup.cost_usd / rollup.steps) if rollup.steps and rollup.cost_usd > 0 else None
        case "drift.latency":
            return math.log(rollup.tool_seconds / rollup.timed_results + 0.01) if rollup.timed_results else None
    return math.log(rollup.run_steps + 0.5)


def made_up(rng: random.Random, number: int, errors: float, usd: float, seconds: float, steps: float) -> Rollup:
    """A whole run: runs differ in length, luck, price and pace; now and then a tool takes fifty times as long."""
    count = max(1, round(steps * rng.lognormvariate(0, 0.5)))
    luck = min(1.0, errors * rng.choice((0.3, 0.7, 1.0, 2.0)))
    wrong = sum(rng.random() < luck for _ in range(count))
    pace = seconds * rng.lognormvariate(0, 0.3)
    slow = sum(pace * rng.lognormvariate(0, 1.0) * (50 if rng.random() < 0.002 else 1) for _ in range(count))
    ident = str(number)
    return Rollup(
        id=ident, scope="agent_name", target="a", run_id=ident, event_id=ident, time=number, partition=0, offset=number,
        finished=True, steps=count, results=count, errors=wrong, cost_usd=count * usd * rng.lognormvariate(0, 0.4),
        tool_seconds=slow, timed_results=count, run_steps=count,
    )  # fmt: skip


USUAL = {"errors": 0.08, "usd": 0.02, "seconds": 0.8, "steps": 20.0}
CHANGES = [  # rule, what it becomes: about half as much again as our smallest change, and large ones
    ("drift.error_rate", {"errors": 0.22}),
    ("drift.error_rate", {"errors": 0.4}),
    ("drift.cost", {"usd": 0.036}),
    ("drift.cost", {"usd": 0.06}),
    ("drift.latency", {"seconds": 1.6}),
    ("drift.latency", {"seconds": 3.2}),
    ("drift.steps", {"steps": 40.0}),
    ("drift.steps", {"steps": 8.0}),
]

TERRIBLE = {"errors": 3.0, "usd": 1.0, "seconds": 40.0, "steps": 1000.0}  # one run in 150
RARE = {"errors": 0.01}  # most runs without an error


def observed(rollups: list[Rollup], rule: str) -> list[Observation]:
    return [Observation(r, v) for r in rollups if (v := value(r, rule)) is not None]


def made_up_cases(seeds: int, nulls: int) -> Iterator[Case]:
    for rule, changed in CHANGES:
        for seed in range(seeds):
            rng, start = random.Random(f"{rule}{changed}{seed}"), (60, 300)[seed % 2]
            runs = [made_up(rng, n, **(USUAL if n < start else USUAL | changed)) for n in range(start + WITHIN)]
            yield Case(f"{rule} {changed}", rule, start, observed(runs, rule))
    for rule in BOUNDS:
        for seed in range(nulls):
            rng = random.Random(f"null {rule}{seed}")
            yield Case(f"{rule} null", rule, None, observed([made_up(rng, n, **USUAL) for n in range(1000)], rule))


def hard_cases(nulls: int) -> Iterator[Case]:
    """Nothing changes, but a run in 150 is terrible, or errors are rare."""
    for rule in BOUNDS:
        for seed in range(nulls):
            rng = random.Random(f"terrible {rule}{seed}")
            runs = [made_up(rng, n, **(TERRIBLE if rng.random() < 1 / 150 else USUAL)) for n in range(1000)]
            yield Case(f"{rule} terrible", rule, None, observed(runs, rule))
            if rule == "drift.error_rate":
                runs = [made_up(rng, n, **(USUAL | RARE)) for n in range(1000)]
                yield Case(f"{rule} rare", rule, None, observed(runs, rule))


def recorded_cases(folder: Path, nulls: int) -> Iterator[Case]:
    """Real runs of language models, in which the model changes after 120 runs, or does not: error rate and steps."""
    subprocess.run(
        [sys.executable, CORPORA / "drift_streams.py", CORPORA / "trajectories" / "intercode_sql_python.jsonl", folder,
         "--nulls", str(nulls)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    truth = json.loads((folder / "truth.json").read_text())
    for name, about in truth.items():
        runs: dict[str, Rollup] = {}
        cutter, sums, number = RollupCutter(steps=10**6), {}, {}
        for line in (folder / f"{name}.ndjson").read_bytes().splitlines():
            event = msgspec.json.decode(line, type=AnyEvent)
            at = number.setdefault(event.run_id, len(number))
            run = Run(run_id=event.run_id, agent_name=name, now=event.time)
            for rollup in cutter.observe(event, sums.setdefault(event.run_id, Sums()), run, 0):
                runs[event.run_id] = msgspec.structs.replace(rollup, offset=at)
        change = None if about["change_run"] is None else list(runs).index(about["change_run"])
        for rule in ("drift.error_rate", "drift.steps"):
            yield Case(name, rule, change, observed(list(runs.values()), rule))


class Score(msgspec.Struct):
    changes: int = 0
    found: int = 0
    early: int = 0
    delays: list[int] = []
    null_runs: int = 0
    false: int = 0
    updates: int = 0
    seconds: float = 0.0
    state_bytes: int = 0

    def row(self) -> dict[str, float | None]:
        return {
            "found": round(self.found / self.changes, 3) if self.changes else None,
            "delay": statistics.median(self.delays) if self.delays else None,
            "early": round(self.early / self.changes, 3) if self.changes else None,
            "false": round(self.false / self.null_runs * 10_000, 2) if self.null_runs else None,
            "us": round(self.seconds / self.updates * 1e6, 2) if self.updates else None,
            "state": self.state_bytes,
        }


def scores_of(cases: list[Case]) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for case in cases:
        for name, make in watchers(case.rule).items():
            watcher, score = make(), scores.setdefault(name, Score())
            began = perf_counter()
            alarms = [n for n, run in enumerate(case.runs) if watcher.update(run)]
            score.seconds += perf_counter() - began
            score.updates += len(case.runs)
            score.state_bytes = max(score.state_bytes, len(watcher.state()))
            if case.change is None:
                score.null_runs += len(case.runs)
                score.false += len(alarms)
                continue
            score.changes += 1
            score.early += any(n < case.change for n in alarms)
            hit = next((n - case.change for n in alarms if 0 <= n - case.change < WITHIN), None)
            if hit is not None:
                score.found += 1
                score.delays.append(hit)
    return scores


def run(quick: bool = False) -> dict[str, dict[str, dict[str, float | None]]]:
    """Figures by set of streams, then by detector."""
    made = list(made_up_cases(6 if quick else 40, 3 if quick else 25))
    results = {"made up": made}
    for rule in () if quick else BOUNDS:
        results[f"made up, {rule}"] = [case for case in made if case.rule == rule]
    results["nothing changes, but a run in 150 is terrible, or errors are rare"] = list(hard_cases(3 if quick else 25))
    if (CORPORA / "drift_streams.py").is_file():
        with tempfile.TemporaryDirectory() as folder:
            recorded = list(recorded_cases(Path(folder), 4 if quick else 40))
        for rule in ("drift.error_rate", "drift.steps"):
            results[f"recorded, {rule}"] = [case for case in recorded if case.rule == rule]
    return {name: {who: score.row() for who, score in scores_of(cases).items()} for name, cases in results.items()}


async def measure(stage: Stage, quick: bool) -> Result:
    """For ``python -m benchmarks``; needs no Kafka."""
    result = Result()
    units = {"found": "of changes", "delay": "runs", "false": "in 10,000 runs", "us": "µs/run", "state": "bytes"}
    for streams, rows in run(quick).items():
        for who in (name for name in rows if name.startswith("ours") or name in SHOWN):
            for column, unit in units.items():
                if (figure := rows[who][column]) is not None:
                    result.add(NAME, f"{streams}: {who}: {column}", figure, unit)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the streams")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    given = parser.parse_args()
    results = run(given.quick)
    if given.json:
        print(json.dumps(results, indent=1))
        return
    for name, rows in results.items():
        table = Table("detector", "found", "delay", "early", "false / 10,000", "µs", "state", title=name)
        for who, row in rows.items():
            table.add_row(who, *("–" if v is None else f"{v:g}" for v in row.values()))
        Console().print(table)


if __name__ == "__main__":
    main()
