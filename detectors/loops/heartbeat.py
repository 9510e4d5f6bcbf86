"""Runs that a timer starts (``schedule_id``) and that repeat each other without effect: seen in the second stage."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from detectors.detector import Finding, RuleSet, shorten
from detectors.fleet import FleetDetector, Source
from detectors.loops.heartbeat_rule import HEARTBEAT, HeartbeatThresholds
from detectors.loops.trace import alike
from detectors.rollup import Rollup

SCHEDULES = 32  # of a deployment that are followed; the one that was silent longest makes room
WORKING = "They change something or fail each time, and nothing comes of it."
LOOKING = "They only look, and find the same."
LOOKS = 5  # times as many runs, where there are fewer steps than count as work


class Beats(Struct, array_like=True):
    """The latest runs of one schedule that were the same. did, came: of the last (`detectors.loops.trace`).

    runs: how many in a row. working: of them, that changed something or failed. since, until: Unix seconds. cost_usd:
    of all but the first. first: of the first, its run's event, partition and offset. said: runs when it was told last.
    """

    did: int
    came: int
    since: float
    until: float
    first: tuple[str, int, int]
    runs: int = 1
    working: int = 0
    cost_usd: float = 0.0
    said: int = 0


class HeartbeatState(Struct):
    schedules: dict[str, Beats] = field(default_factory=dict)


class Heartbeats(FleetDetector[HeartbeatState]):
    """Compares each finished run of a schedule with the one before.

    Two runs are the same if four fifths of their kinds of calls and four fifths of their results are: numbers in calls,
    times and ids differ from run to run. Runs that change something or fail are told of soon; runs that only look,
    later. A run with another result starts the count afresh.

    What it doesn't see: runs that never finish, and schedules whose runs do one of a few things in turn.

    Memory: 130 bytes a schedule. Cost: 2 µs a finished run of a schedule, and in the first stage 10 µs a step of such a
    run for its trace; nothing for others.
    """

    name = "heartbeats"
    rules = (HEARTBEAT,)
    State = HeartbeatState

    def observe(self, rollup: Rollup, state: HeartbeatState, rules: RuleSet) -> Iterable[Finding]:
        limits: HeartbeatThresholds | None = rules.get(HEARTBEAT.id)
        schedule = rollup.schedule_id
        if not schedule or not rollup.finished or rollup.scope != "agent_name" or limits is None:
            return ()
        if not rollup.run_steps:
            return ()
        known = state.schedules.pop(schedule, None)
        begun = rollup.time - rollup.run_seconds
        works = bool(rollup.run_changes or rollup.run_errors)
        if known is None or not (alike(known.did, rollup.run_did) and alike(known.came, rollup.run_came)):
            place = (rollup.event_id[:256], rollup.partition, rollup.offset)
            known = Beats(rollup.run_did, rollup.run_came, begun, rollup.time, place, working=int(works))
        else:
            known.runs += 1
            known.working += int(works)
            known.until = max(known.until, rollup.time)
            known.cost_usd = min(known.cost_usd + rollup.run_cost_usd, 1e12)
            known.did, known.came = rollup.run_did, rollup.run_came
        state.schedules[schedule] = known
        if len(state.schedules) > SCHEDULES:
            del state.schedules[next(iter(state.schedules))]
        return self._tell(rollup, schedule, known, limits)

    def _tell(self, rollup: Rollup, schedule: str, beats: Beats, limits: HeartbeatThresholds) -> Iterable[Finding]:
        working = beats.working == beats.runs
        enough = limits.working_runs if working else limits.looking_runs
        if not working and rollup.run_steps < limits.min_steps:
            enough *= LOOKS
        if beats.runs < enough or beats.runs < 2 * beats.said:
            return ()
        beats.said = beats.runs
        seconds = max(beats.until - beats.since, 1.0)
        daily = beats.cost_usd * 86_400 / seconds
        cost = f" for ${beats.cost_usd:.2f}; going on costs ${daily:.2f} a day" if beats.cost_usd else ""
        event_id, partition, offset = beats.first
        excerpt = shorten(f"finished a run of schedule {schedule}")
        evidence = [Source(rollup.event_id, rollup.offset, excerpt, rollup.partition)]
        if event_id != rollup.event_id:
            evidence.insert(0, Source(event_id, offset, excerpt, partition))
        return (
            Finding(
                rule=HEARTBEAT.id,
                key=schedule,
                title=HEARTBEAT.title,
                summary=f"{beats.runs} runs of schedule {schedule} in {seconds / 60:.0f} min did the same with the "
                f"same result, {rollup.run_steps} calls each{cost}. {WORKING if working else LOOKING}",
                score=min(1.0, beats.runs / (2 * enough)),
                evidence=tuple(evidence),
                facts={
                    "runs": beats.runs,
                    "working": working,
                    "cost_usd": beats.cost_usd,
                    "usd_per_day": round(daily, 2),
                },
            ),
        )
