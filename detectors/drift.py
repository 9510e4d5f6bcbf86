"""Drift: a deployment does not behave as it did, though nobody announced a change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from math import inf, log
from typing import Any

from msgspec import Struct, field

from detectors.adaptive_window import append, changed
from detectors.change_point import (
    LEVEL,
    MIX,
    RATE,
    Bucket,
    Change,
    Comparison,
    limit_for,
    log_mean,
    observe_counts,
    observe_kinds,
    observe_log,
    run_length,
    shares,
)
from detectors.detector import Finding, Rule, RuleSet, Severity
from detectors.fleet import FleetDetector, Source
from detectors.fleet_rules import COST, ERROR_RATE, FLEET_RULES, LATENCY, STEPS, TOOL_MIX
from detectors.open_run import TOOLS, Open, utf8
from detectors.rollup import Rollup
from detectors.split_screen import Asked
from detectors.stream import Stream

OPEN_RUNS = 16  # runs under way at once; of more, the oldest counts as it stands
MOST_ROLLUPS = 20  # after which a run counts before its end, as it stands
PLACES = 8
WIDTH, MIX_WIDTH = 5, 2  # buckets of a size in a stream: more find changes a little sooner and take more memory
MAX_ID = 64  # bytes of a run or event id that is remembered as the place where a change began
LIKELY = 3.0  # standard deviations that a change must have beside ADWIN's word
INSTANT = 0.01  # seconds, added before the logarithm: below, nobody cares whether a tool took twice as long


EVERY = 4  # observations of a stream between tests: what drifts does so over many runs


class Place(Struct, array_like=True):
    """The rollup that made the observation ``number``."""

    number: int
    run_id: str
    event_id: str
    partition: int
    offset: int


class DriftState(Struct, kw_only=True):
    """At most 8 KiB. number: observations so far. tools: names, by their place in the sums of ``mix``.

    shares: of errors, in the latest runs, for ADWIN.
    """

    number: int = 0
    pinned: bool = False
    tools: list[str] = field(default_factory=list)
    open: dict[int, Open] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    shares: bytes = b""
    errors: Stream = field(default_factory=Stream)
    mix: Stream = field(default_factory=Stream)
    cost: Stream = field(default_factory=Stream)
    steps: Stream = field(default_factory=Stream)
    latency: Stream = field(default_factory=Stream)

    @property
    def streams(self) -> tuple[Stream, ...]:
        return self.errors, self.mix, self.cost, self.steps, self.latency


class Test(Struct, frozen=True):
    """One stream's. limit: standard deviations. adwin: the delta of a second opinion, None: none is asked."""

    comparison: Comparison
    asked: Asked
    limit: float
    width: int = WIDTH
    adwin: float | None = None


class Tests(Struct, frozen=True):
    """Those that a policy's thresholds ask for; None: its rule is off."""

    errors: Test | None
    mix: Test | None
    cost: Test | None
    steps: Test | None
    latency: Test | None


def _tests(rules: RuleSet) -> Tests:
    def test(rule: Rule, comparison: Comparison, least: Callable[[Any], float], **more: Any) -> Test | None:
        t = rules.get(rule.id)
        if t is None:
            return None
        return Test(comparison, Asked(least(t), t.min_runs, t.min_changed_runs), limit_for(t.false_alarm_every), **more)

    def ratio(t: Any) -> float:
        return log(t.min_ratio)

    errors = rules.get(ERROR_RATE.id)
    return Tests(
        errors=test(ERROR_RATE, RATE, lambda t: float(t.min_change), adwin=_delta(errors) if errors else None),
        mix=test(TOOL_MIX, MIX, lambda t: float(t.min_share), width=MIX_WIDTH),
        cost=test(COST, LEVEL, ratio),
        steps=test(STEPS, LEVEL, ratio),
        latency=test(LATENCY, LEVEL, ratio),
    )


class Drift(FleetDetector[DriftState]):
    """Error rate, tool mix, cost per step, steps per run and tool latency of a deployment, against its own past.

    The observation is a run, since calls within a run are alike and one bad run is no drift. One with more than 20
    rollups (200 steps) counts as it is then, and so does the oldest when more than 16 are under way. Each of the five
    is a stream of its own, tested at every fourth for a change anywhere in its past (`detectors.change_point`);
    of the error rate, river's ADWIN over the latest 200 runs is asked too (`detectors.adaptive_window`).
    The limit follows from the accepted number of runs between false alarms; a change must also reach the rule's size.
    After a finding, what came after the change is the new past, so one change is one finding for each rule; a slow
    drift is found as soon as it adds up, and again when it has added up once more. Under a pinned baseline the past
    stays, and a change is said once until the stream has come back.

    Does not see: what differs between days of the week; arguments of tools (one tool ``shell`` is one tool); which
    tool became slower, and how long models take. A change that lasts fewer runs than `min_changed_runs` is none.

    Memory: 8 KiB at most for a deployment. Cost: about 30 µs a run, 3 µs a rollup in between; more where a
    change is near (`detectors.split_screen`), and 1 µs a run kept when ADWIN is asked.
    """

    name = "drift"
    rules = FLEET_RULES
    State = DriftState

    def observe(self, rollup: Rollup, state: DriftState, rules: RuleSet) -> list[Finding]:
        if not (rollup.finished or rollup.steps or rollup.results or rollup.model_calls):
            return []  # it only started: nothing is known of it yet
        run = _number(rollup.run_id)
        under_way = state.open
        current = under_way.get(run)
        if current is None:
            current = under_way[run] = Open()
        if not current.done:
            current.count(rollup, state.tools)
        if rollup.finished:
            del under_way[run]
        elif current.rollups >= MOST_ROLLUPS:
            under_way[run] = Open(done=True)
        elif len(under_way) > OPEN_RUNS:
            current = under_way.pop(next(iter(under_way)))
        else:
            return []
        return self._observation(rollup, current, state, rules.derive(_tests))

    def settle(self, state: DriftState) -> None:
        for stream in state.streams:
            stream.settle(pinned=state.pinned, width=MIX_WIDTH if stream is state.mix else WIDTH)

    def pin(self, state: DriftState) -> None:
        state.pinned = True
        for stream in state.streams:
            stream.pin()

    def unpin(self, state: DriftState) -> None:
        state.pinned = False
        for stream in state.streams:
            stream.said = 0

    def _observation(self, rollup: Rollup, run: Open, state: DriftState, tests: Tests) -> list[Finding]:
        state.number = number = state.number + 1
        if _short(rollup.run_id) and _short(rollup.event_id):
            state.places.append(Place(number, rollup.run_id, rollup.event_id, rollup.partition, rollup.offset))
            _thin(state.places)
        findings = []
        if run.results and (test := tests.errors):
            bucket = observe_counts(number, [run.results - run.errors, run.errors])
            state.shares = append(state.shares, run.errors / run.results)
            judged = _judge if state.pinned else _judge_twice
            if change := judged(state, state.errors, bucket, test):
                state.shares = state.shares[-change.recent.count :]
                certain = state.pinned or change.deviation > test.limit
                findings.append(_error_rate(rollup, state, change, None if certain else test.adwin))
        if run.tools and (test := tests.mix):
            bucket = observe_kinds(number, run.tools, TOOLS)
            if change := _judge(state, state.mix, bucket, test):
                findings.append(_tool_mix(rollup, state, change))
        steps = run.steps or run.model_calls
        if steps and 0.0 < run.cost_usd < inf and (test := tests.cost):
            bucket = observe_log(number, run.cost_usd / steps)
            if change := _judge(state, state.cost, bucket, test):
                findings.append(_level(COST, "cost per step", "{:.3g} USD", rollup, state, change))
        if rollup.finished and (test := tests.steps):
            bucket = observe_log(number, min(max(rollup.run_steps, 0), 10**9) + 0.5)
            if change := _judge(state, state.steps, bucket, test):
                findings.append(_level(STEPS, "steps per run", "{:.1f}", rollup, state, change, 0.5))
        if run.timed and 0.0 <= run.seconds < inf and (test := tests.latency):
            bucket = observe_log(number, run.seconds / run.timed + INSTANT)
            if change := _judge(state, state.latency, bucket, test):
                findings.append(_level(LATENCY, "time per tool result", "{:.3g} s", rollup, state, change, INSTANT))
        return findings


@lru_cache(maxsize=4096)
def _number(run_id: str) -> int:
    """Of a run, whose rollups come one after another for each of its scopes."""
    return int.from_bytes(hashlib.blake2b(utf8(run_id), digest_size=7).digest())


def _short(ident: str) -> bool:
    """Whether it is remembered as a place."""
    return len(ident) <= MAX_ID and (ident.isascii() or len(utf8(ident)) <= MAX_ID)


def _thin(places: list[Place]) -> None:
    """Leave the last ones, and of older ones fewer the older they are."""
    if len(places) <= PLACES:
        return
    now = places[-1].number
    least, dropped = inf, 1
    before, number = places[0].number, places[1].number
    for n in range(1, PLACES // 2):
        after = places[n + 1].number
        if (share := (after - before) / (now - number)) < least:
            least, dropped = share, n
        before, number = number, after
    del places[dropped]


def _judge(state: DriftState, stream: Stream, bucket: Bucket, test: Test) -> Change | None:
    """Add the observation to its stream; the change it completes, if any."""
    if not any(bucket.sums):
        return None
    pinned = state.pinned
    runs = stream.add(bucket)
    if pinned:  # it may lose its oldest
        stream.settle(pinned=True, width=test.width)
        runs = stream.runs
    if runs % EVERY:
        return None
    asked = test.asked
    if not pinned:
        change = stream.change(test.comparison, test.limit, asked, test.width)
        if change:
            stream.restart(change)
        return change
    if stream.anchor is None or stream.anchor.count < asked.past:
        stream.pin()  # pinned before there was a baseline: learn it first
        return None
    change = stream.change_from_anchor(test.comparison, test.limit, asked)
    if change and (sign := 1 if change.effect > 0 else -1) != stream.said:
        stream.said = sign
        stream.forget()
        return change
    latest = stream.latest(asked.past) if stream.said else None
    if latest and abs(test.comparison.effect(stream.anchor, latest)) < asked.least:
        stream.said = 0
        stream.forget()
    return None


def _delta(t: Any) -> float:
    """ADWIN's: its default of 0.002 for the default of a false alarm in 100,000 runs."""
    return min(200 / float(t.false_alarm_every), 0.02)


def _judge_twice(state: DriftState, stream: Stream, bucket: Bucket, test: Test) -> Change | None:
    """`_judge`, and a change that is only likely if ADWIN sees one too, whose opinion is asked every time.

    Runs of a deployment differ more in luck than in the number of their results. ADWIN, for which all runs weigh alike,
    is then the first of the two to see a small change (``benchmarks/drift.py``).
    """
    due = stream.add(bucket) % EVERY == 0
    if not due and stream.calm(bucket, test.asked):
        return None
    change = stream.change(test.comparison, min(test.limit, LIKELY), test.asked, test.width)
    if change is None:
        return None
    certain = due and change.deviation > test.limit
    # ADWIN is asked last, since it costs most: both must see it.
    if not certain and not (change.deviation > LIKELY and test.adwin and changed(state.shares, test.adwin)):
        return None
    stream.restart(change)
    return change


def _error_rate(rollup: Rollup, state: DriftState, change: Change, delta: float | None) -> Finding:
    before, after = shares(change.past)[1], shares(change.recent)[1]
    what = f"error rate of {rollup.target} went from {before:.0%} to {after:.0%}"
    severity: Severity | None = None if after > before else "info"
    return _finding(ERROR_RATE, what, rollup, state, change, {"before": before, "after": after}, severity, delta)


def _tool_mix(rollup: Rollup, state: DriftState, change: Change) -> Finding:
    names = [*state.tools, *["other tools"] * (TOOLS - len(state.tools))]
    moves = sorted(zip(names, shares(change.past), shares(change.recent), strict=True), key=lambda m: -abs(m[2] - m[1]))
    said = ", ".join(f"{name} {before:.0%} to {after:.0%}" for name, before, after in moves[:3] if before != after)
    what = f"{rollup.target} makes {change.effect:.0%} of its tool calls with other tools ({said})"
    facts = {"moved": change.effect, "tools": {n: [round(b, 4), round(a, 4)] for n, b, a in moves if b or a}}
    return _finding(TOOL_MIX, what, rollup, state, change, facts)


def _level(
    rule: Rule, name: str, form: str, rollup: Rollup, state: DriftState, change: Change, shift: float = 0.0
) -> Finding:
    before, after = log_mean(change.past) - shift, log_mean(change.recent) - shift
    what = f"{name} of {rollup.target} went from {form.format(before)} to {form.format(after)}"
    severity: Severity | None = "info" if rule in (COST, LATENCY) and after < before else None
    return _finding(rule, what, rollup, state, change, {"before": before, "after": after}, severity)


def _finding(
    rule: Rule,
    what: str,
    rollup: Rollup,
    state: DriftState,
    change: Change,
    facts: dict[str, Any],
    severity: Severity | None = None,
    delta: float | None = None,
) -> Finding:
    """delta: the one at which ADWIN found the change; None: the comparison of the two parts did."""
    began = next((p for p in state.places if p.number >= change.recent.first), None)
    every = run_length(change.deviation)
    often = f"{every:.1g}" if every < 1e9 else "more than a billion"
    # The first observation of a change may be older than the places that are remembered.
    since = f" (since run {began.run_id} at the latest)" if began and began.number > change.recent.first else ""
    since = f" (since run {began.run_id})" if began and began.number == change.recent.first else since
    summary = (
        f"{what[0].upper()}{what[1:]} in the last {change.recent.count} runs{since}, against {change.past.count} runs "
        f"before: {change.deviation:.1f} standard deviations; "
        + (f"chance alone does that once in {often} runs." if delta is None else f"found by ADWIN (delta {delta:.2g}).")
    )
    found = Source(rollup.event_id, rollup.offset, f"run {rollup.run_id}: the change was certain", rollup.partition)
    evidence = [found]
    if began and began.event_id != rollup.event_id:
        evidence.insert(0, Source(began.event_id, began.offset, f"run {began.run_id}: it began", began.partition))
    return Finding(
        rule=rule.id,
        title=rule.title,
        summary=summary,
        score=max(0.0, 1.0 - state.number / every) if delta is None else 1.0 - delta,
        severity=severity,
        cap="pause",
        evidence=tuple(evidence),
        facts=facts
        | {
            "runs_before": change.past.count,
            "runs_after": change.recent.count,
            "since_run": began.run_id if began else None,
            "deviation": round(change.deviation, 2),
        },
    )
