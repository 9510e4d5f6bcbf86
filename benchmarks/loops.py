"""Runaway loops: what is told and what is left alone, beside rules that others use, on made-up and on recorded runs.

    python -m benchmarks.loops [--runs 40] [--seed 7] [--style NAME] [--missed]

A run counts as told if anything is said of it: a notice to the agent, an alert, or more. Steps wasted are calls (of a
run without any, messages) after the one that the loop begins with. Eleven generators: the one that the detector was
made with (`loops_stuck`, `loops_honest`), one with other domains, tools and wordings that it was checked with
(``loops_other_*``), and nine that were each run once before anything was looked at (`loops_third` to
``loops_eleventh_*``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import sqrt
from statistics import median
from typing import NamedTuple

import msgspec

from benchmarks import (
    loops_eighth_honest,
    loops_eighth_stuck,
    loops_eleventh_honest,
    loops_eleventh_stuck,
    loops_fifth,
    loops_fourth_honest,
    loops_fourth_stuck,
    loops_honest,
    loops_ninth_honest,
    loops_ninth_stuck,
    loops_other_honest,
    loops_other_stuck,
    loops_real,
    loops_seventh,
    loops_sixth,
    loops_stuck,
    loops_tenth_honest,
    loops_tenth_stuck,
    loops_third,
)
from benchmarks.loops_heartbeats import schedule
from benchmarks.loops_known import KNOWN, pairs_of
from benchmarks.loops_scene import Labelled
from detectors.detector import Finding, RuleSet
from detectors.event import Event, Message, ToolCall
from detectors.fleet import FleetState
from detectors.loops import Loops
from detectors.loops.heartbeat import Heartbeats
from detectors.loops.heartbeat_rule import HEARTBEAT
from detectors.rolling import RollupCutter, Sums
from detectors.testing import Watch

OURS = "Killcord"


class Told(NamedTuple):
    """Where a run was first told of (index of the event), and by which rule."""

    index: int
    rule: str


def ours(events: Sequence[Event]) -> Told | None:
    """The detector of runs, and for scheduled ones the second stage."""
    watches: dict[str, tuple[Watch, Sums]] = {}
    cutter, fleet, rules = RollupCutter(), FleetState(), RuleSet({HEARTBEAT.id: HEARTBEAT.thresholds()})
    beats = Heartbeats()
    for index, event in enumerate(events):
        if event.run_id not in watches:
            watches[event.run_id] = (Watch(Loops()), Sums())
        watch, sums = watches[event.run_id]
        found: list[Finding] = watch.see(event)
        run = watch.run
        run.run_id, run.agent_name = event.run_id, event.agent_name
        run.schedule_id = run.schedule_id or getattr(event, "schedule_id", None)
        for rollup in cutter.observe(event, sums, run, 0) if run.schedule_id else ():
            found += beats.observe(rollup, fleet.part(beats), rules)
        if found:
            return Told(index, found[0].rule)
    return None


def known(rule: Callable[..., int | None]) -> Callable[[Sequence[Event]], Told | None]:
    def told(events: Sequence[Event]) -> Told | None:
        pairs = pairs_of(events)
        n = rule(pairs)
        return None if n is None else Told(pairs[n].index, "")

    return told


RULES: dict[str, Callable[[Sequence[Event]], Told | None]] = {
    OURS: ours,
    **{name: known(rule) for name, rule in KNOWN.items()},
}


def wasted(run: Labelled, told: Told) -> int:
    begins = run.begins or 0
    kind = ToolCall if any(isinstance(event, ToolCall) for event in run.events[begins:]) else Message
    return sum(isinstance(event, kind) for event in run.events[begins + 1 : told.index + 1])


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share.

    >>> low, high = wilson(0, 100)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.037)
    """
    if not of:
        return 0.0, 1.0
    z = 1.96
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


STYLES = {
    "as the detector was made with": (loops_stuck.STUCK, loops_honest.HONEST),
    "in other forms": (loops_other_stuck.OTHER_STUCK, loops_other_honest.OTHER_HONEST),
    "in a third style": (loops_third.THIRD_STUCK, loops_third.THIRD_HONEST),
    "in a fourth style": (loops_fourth_stuck.FOURTH_STUCK, loops_fourth_honest.FOURTH_HONEST),
    "in a fifth style": (loops_fifth.FIFTH_STUCK, loops_fifth.FIFTH_HONEST),
    "in a sixth style": (loops_sixth.SIXTH_STUCK, loops_sixth.SIXTH_HONEST),
    "in a seventh style": (loops_seventh.SEVENTH_STUCK, loops_seventh.SEVENTH_HONEST),
    "in an eighth style": (loops_eighth_stuck.EIGHTH_STUCK, loops_eighth_honest.EIGHTH_HONEST),
    "in a ninth style": (loops_ninth_stuck.NINTH_STUCK, loops_ninth_honest.NINTH_HONEST),
    "in a tenth style": (loops_tenth_stuck.TENTH_STUCK, loops_tenth_honest.TENTH_HONEST),
    "in an eleventh style": (loops_eleventh_stuck.ELEVENTH_STUCK, loops_eleventh_honest.ELEVENTH_HONEST),
}


def made_up(seed: int, count: int, style: str) -> Iterator[Labelled]:
    mark = f"{list(STYLES).index(style)}-"
    stuck, honest = STYLES[style]
    for kind in stuck:
        yield from (loops_stuck.write(kind, f"{mark}{seed}-{n}", stuck) for n in range(count))
    yield from (schedule(f"{mark}{seed}-{n}", loop=True) for n in range(count))
    for kind in honest:
        yield from (loops_honest.write(kind, f"{mark}{seed}-{n}", honest) for n in range(count))
    yield from (schedule(f"{mark}{seed}-{n}", loop=False) for n in range(count))


def table(title: str, runs: list[Labelled], missed: bool) -> None:
    print(f"\n### {title}\n")
    print("| | runs | " + " | ".join(RULES) + " | steps wasted |")
    print("| --- | --- | " + "--- | " * (len(RULES) + 1))
    for loop, of_kind in ((True, "loops"), (False, "honest runs")):
        chosen = [run for run in runs if run.loop is loop]
        if not chosen:
            continue
        told = {name: [rule(run.events) for run in chosen] for name, rule in RULES.items()}
        at = 0
        for kind, group in groupby(chosen, key=lambda run: run.kind):
            size = len(list(group))
            _row(kind, chosen[at : at + size], {name: found[at : at + size] for name, found in told.items()}, False)
            at += size
        _row(f"**all {of_kind}**", chosen, told, True)
        if missed:
            for run, found in zip(chosen, told[OURS], strict=True):
                if (found is None) is loop:
                    print(f"  {run.kind}: {run.name} {found}", file=sys.stderr)


def _row(kind: str, runs: list[Labelled], told: dict[str, list[Told | None]], interval: bool) -> None:
    cells = []
    for found in told.values():
        hits = sum(one is not None for one in found)
        cell = f"{hits / len(runs):.1%}"
        if interval:
            low, high = wilson(hits, len(runs))
            cell += f" ({low:.1%} to {high:.1%})"
        cells.append(cell)
    steps = [wasted(run, one) for run, one in zip(runs, told[OURS], strict=True) if run.loop and one is not None]
    print(f"| {kind} | {len(runs)} | " + " | ".join(cells) + f" | {f'{median(steps):.0f}' if steps else ''} |")


def cost(runs: list[Labelled]) -> None:
    """Microseconds an event, of all that such runs publish: the best of three, since others use the machine too; and
    what a run's state takes."""
    passes = [_once(runs) for _ in range(3)]
    spent = sorted(map(min, zip(*(times for times, _ in passes), strict=True)))
    sizes = sorted(passes[0][1])
    mean = sum(spent) / len(spent)
    print(
        f"{len(spent)} events: {spent[len(spent) // 2] / 1000:.1f} µs at the median, {mean / 1000:.1f} on average, "
        f"{spent[len(spent) * 99 // 100] / 1000:.0f} at p99; "
        f"state: {sizes[len(sizes) // 2]} bytes at the median, {sizes[-1]} at most"
    )


def _once(runs: list[Labelled]) -> tuple[list[int], list[int]]:
    spent: list[int] = []
    sizes: list[int] = []
    for run in runs:
        watch = Watch(Loops())
        detector, state, rules, known = watch.detector, watch.state, watch.rules, watch.run
        for event in run.events:
            known.now = event.time
            begin = time.perf_counter_ns()
            if isinstance(event, detector.kinds):
                detector.observe(event, state, known, rules)
            spent.append(time.perf_counter_ns() - begin)
        sizes.append(len(msgspec.msgpack.encode(state)))
    return spent, sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="made-up runs of each class (default 40)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--style", choices=STYLES, help="only the made-up runs of this style")
    parser.add_argument("--missed", action="store_true", help="name the runs that were told wrongly")
    given = parser.parse_args()
    made: list[Labelled] = []
    for style in [given.style] if given.style else STYLES:
        runs = list(made_up(given.seed, given.runs, style))
        table(f"Made-up runs {style}", runs, given.missed)
        made += runs
    real: list[Labelled] = []
    if given.style:
        return
    if loops_real.there():
        labelled = sorted(loops_real.labelled(), key=lambda run: ("loop", "no-progress", "fine").index(run.kind))
        solved = list(loops_real.solved())
        table("Recorded runs, labelled", labelled, given.missed)
        table("Recorded runs that were solved", solved, given.missed)
        real = [*labelled, *solved, *loops_real.unsolved()]
    else:
        print("\nNo recorded runs beside the checkout: only made-up ones were measured.")
    print("\n### Cost\n")
    for name, runs in (("made-up", made), ("recorded", real)):
        if runs:
            print(f"- {name} runs, ", end="", flush=True)
            cost(runs if name == "recorded" else runs[::5])


if __name__ == "__main__":
    main()
