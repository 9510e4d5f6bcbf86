"""Runs that a timer starts: from their events through rollups to what is said of the schedule."""

from __future__ import annotations

import msgspec
import pytest

from detectors.detector import Finding, RuleSet, Run
from detectors.event import Event, RunStarted, ToolCall
from detectors.loops.heartbeat import SCHEDULES, Heartbeats, HeartbeatState
from detectors.loops.heartbeat_rule import HEARTBEAT, HeartbeatThresholds
from detectors.rolling import RollupCutter, Sums
from detectors.testing import Stream

RULES = RuleSet({HEARTBEAT.id: HeartbeatThresholds()})
Steps = list[tuple[str, str] | tuple[str, str, int]]


class Timer:
    """Starts a run every five minutes, and watches the second stage."""

    def __init__(self, schedule: str | None = "inbox", agent_name: str | None = "mail-bot") -> None:
        self.schedule, self.agent_name = schedule, agent_name
        self.state, self.detector, self.cutter = HeartbeatState(), Heartbeats(), RollupCutter()
        self.started = 0

    def beat(self, *steps: tuple[str, str] | tuple[str, str, int | None], usd: float = 0.1) -> list[Finding]:
        self.started += 1
        begin = 1_755_000_000.0 + 300.0 * self.started
        story = Stream(f"run-{self.started}", at=begin)
        events: list[Event] = [RunStarted(time=begin, run_id=story.run_id, schedule_id=self.schedule)]
        events += [story.model(usd=usd), *story.steps(*steps), story.finish()]
        run = Run(run_id=story.run_id, schedule_id=self.schedule, agent_name=self.agent_name, started_at=begin)
        sums, found = Sums(), []
        for event in events:
            run.now, run.offset = event.time, run.offset + 1
            for rollup in self.cutter.observe(event, sums, run, partition=0):
                found += self.detector.observe(rollup, self.state, RULES)
                self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=HeartbeatState)
        return found

    def beats(self, count: int, *steps: tuple[str, str] | tuple[str, str, int | None]) -> list[Finding]:
        return [finding for _ in range(count) for finding in self.beat(*steps)]


SENDS = [("list mails", "3 mails"), ("cat mail-7", "please answer"), ("send answer", "error: mailbox is full", 1)]
LOOKS = [("list mails", "no mails"), ("df -h", "40 %"), ("uptime", "load 0.1")]


def test_runs_that_fail_the_same_way_are_told_of_at_the_fourth() -> None:
    timer = Timer()
    assert timer.beats(3, *SENDS) == []
    [finding] = timer.beat(*SENDS)
    assert finding.rule == "loops.heartbeat" and finding.key == "inbox"
    assert "4 runs of schedule inbox in 15 min" in finding.summary
    assert "for $0.30; going on costs $28.55 a day" in finding.summary
    assert [evidence.event_id for evidence in finding.evidence] == ["run-1-8", "run-4-8"]


def test_it_is_said_again_when_they_have_doubled() -> None:
    assert [finding.facts["runs"] for finding in Timer().beats(40, *SENDS)] == [4, 8, 16, 32]


@pytest.mark.parametrize(("steps", "runs"), [(LOOKS, 10), (LOOKS[:1], 50)])
def test_a_look_that_finds_nothing_is_what_a_timer_is_for(steps: Steps, runs: int) -> None:
    timer = Timer()
    assert timer.beats(runs - 1, *steps) == []
    assert len(timer.beat(*steps)) == 1


def test_times_and_numbers_do_not_make_a_run_another_one() -> None:
    timer = Timer()
    found = [
        finding
        for n in range(4)
        for finding in timer.beat((f"sync --day {n}", f"2026-08-{n + 1:02} 10:{n:02}:07 sync failed after {n}.2s", 1))
    ]
    assert len(found) == 1


def test_another_result_starts_the_count_afresh() -> None:
    timer = Timer()
    for _ in range(4):
        assert timer.beats(3, *SENDS) == []
        assert timer.beat(("list mails", "1 mail"), ("send answer", "sent to Ann")) == []


def test_two_schedules_of_a_deployment_are_two() -> None:
    timer = Timer()
    for n in range(7):
        timer.schedule = "ab"[n % 2]
        assert (timer.beat(*SENDS) == []) is (n < 6)


@pytest.mark.parametrize(("schedule", "name", "found"), [(None, "coder", 0), ("inbox", None, 1), ("", "coder", 0)])
def test_only_runs_of_a_schedule_are_compared(schedule: str | None, name: str | None, found: int) -> None:
    assert len(Timer(schedule, name).beats(4, *SENDS)) == found


def test_many_schedules_stay_in_bounds() -> None:
    timer = Timer()
    for n in range(3 * SCHEDULES):
        timer.schedule = f"{n} " + "s" * 90
        timer.beat(*SENDS)
    assert len(timer.state.schedules) == SCHEDULES
    assert len(msgspec.msgpack.encode(timer.state)) < 8192


def test_a_run_without_schedule_is_not_traced() -> None:
    sums = Sums()
    RollupCutter().observe(ToolCall(time=1.0, run_id="r", tool="t", arguments="x"), sums, Run(run_id="r"), 0)
    assert (sums.did, sums.came) == (0, 0)
