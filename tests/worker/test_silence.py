"""Lag by the clock, and runs that fall silent: stories without Kafka, by a clock that the test sets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detectors.event import Event, Heartbeat, RunFinished, ToolCall
from monitor.engine.outcome import Outcome
from monitor.engine.state import RunState, decode, encode, head, new
from monitor.messages import Alert, Judged
from monitor.policy import Policy
from monitor.worker.lag import QUIET_S, Lag
from monitor.worker.pulse import Late
from monitor.worker.silence import Silence

EVERY = 5.0
POLICY = Policy.load(None)


class Watched:
    """One worker's view of some runs in partition 0, read to its end since ``since``."""

    def __init__(self, since: float | None = 0.0) -> None:
        self.since = since
        self.told: list[Alert] = []
        self.states: dict[str, RunState] = {}
        self.silence = Silence(EVERY, lambda partition, run_id: self.states.get(run_id), self._publish)

    def _publish(self, partition: int, run_id: str, state: RunState, out: Outcome) -> None:
        self.told += out.alerts

    def saw(self, stamp: float, *events: Event, run_id: str = "r1") -> None:
        state = self.states.setdefault(run_id, new(run_id))
        state.run.finished |= any(isinstance(event, RunFinished) for event in events)
        self.silence.saw(0, state, events, stamp, POLICY)

    def beats(self, *stamps: float, publisher: str = "sdk", run_id: str = "r1") -> None:
        for stamp in stamps:
            self.saw(stamp, Heartbeat(time=stamp, run_id=run_id, publisher=publisher), run_id=run_id)

    def tick(self, *times: float) -> list[tuple[str, str]]:
        """(rule, status) of what was told at these times."""
        before = len(self.told)
        for now in times:
            self.silence.tick(now, lambda partition: self.since, POLICY)
        return [(alert.rule, alert.status) for alert in self.told[before:]]


LOST, SILENT = "blindness.heartbeat", "blindness.silent"


def call(stamp: float) -> ToolCall:
    return ToolCall(time=stamp, run_id="r1", tool="bash", publisher="sdk")


def test_lost_heartbeats_are_told_once_and_taken_back() -> None:
    watched = Watched()
    watched.beats(100, 105, 110)
    assert watched.tick(112, 118, 124) == []
    assert watched.tick(126, 132, 200) == [(LOST, "open")]
    watched.beats(210)
    assert watched.tick(211, 212) == [(LOST, "resolved")]
    assert len({alert.id for alert in watched.told}) == 1
    assert [(alert.revision, alert.operational) for alert in watched.told] == [(1, True), (2, True)]


QUIET = [  # what a run does, why its silence is none
    (lambda w: w.beats(100), "one heartbeat is no rhythm"),
    (lambda w: w.saw(100, call(100)), "it never published any"),
    (lambda w: (w.beats(100, 105), w.saw(106, RunFinished(time=106, run_id="r1"))), "it has finished"),
    (lambda w: (w.beats(100, 105), setattr(w.states["r1"], "ended", True)), "its switch said that it ended"),
    (lambda w: (w.beats(100, 105), setattr(w.states["r1"], "paused_by", "c1")), "it stands still by order"),
    (lambda w: (w.beats(100, 105), setattr(w.states["r1"], "killed_by", "c1")), "it was killed"),
    (lambda w: w.beats(100, 160), "it beats once a minute"),
    (lambda w: (w.beats(100, 105), w.saw(170, call(170))), "it acts"),
]


@pytest.mark.parametrize(("does", "why"), QUIET, ids=[row[1] for row in QUIET])
def test_no_silence(does, why: str) -> None:  # type: ignore[no-untyped-def]
    watched = Watched()
    does(watched)
    assert watched.tick(*range(161, 184)) == []


def test_what_was_not_read_yet_is_no_silence() -> None:
    watched = Watched(since=None)
    watched.beats(100, 105)
    assert watched.tick(*range(130, 400, 10)) == []
    watched.since = 400.0
    assert watched.tick(402, 410) == []
    assert watched.tick(416, 422) == [(LOST, "open")]


def test_an_agent_that_is_seen_but_not_heard() -> None:
    watched = Watched()
    watched.saw(95, call(95))
    for stamp in range(100, 800, 5):
        watched.beats(stamp, publisher="guard")
        told = watched.tick(stamp + 1)
        if told:
            break
    assert (told, stamp) == ([(SILENT, "open")], 705)
    assert "has published nothing since it started" in watched.told[-1].summary
    watched.saw(712, call(712))
    assert watched.tick(713) == [(SILENT, "resolved")]


def test_a_guard_that_is_lost_with_its_agent_is_one_alert() -> None:
    watched = Watched()
    for stamp in (100, 105, 110):
        watched.beats(stamp)
        watched.beats(stamp, publisher="guard")
    assert watched.tick(*range(111, 200, 5)) == [(LOST, "open")]
    assert "Nothing of the run's machine says that it lives" in watched.told[-1].summary


def test_an_agent_that_hangs_under_its_guard() -> None:
    watched = Watched()
    watched.beats(100, 105, 110)
    for stamp in range(100, 150, 5):
        watched.beats(stamp, publisher="guard")
    assert watched.tick(*range(127, 149, 5)) == [(LOST, "open")]
    assert "Its guard still sees its processes" in watched.told[-1].summary


def test_another_worker_goes_on_watching() -> None:
    first, second = Watched(), Watched(since=300.0)
    first.beats(100, 105)
    data = encode(first.states["r1"])
    kept = head(data)
    assert kept.beats
    second.states["r1"] = decode(data)
    second.silence.recovered(0, "r1", float(kept.stamp))
    assert second.tick(301, 310) == []
    assert second.tick(316, 322) == [(LOST, "open")]
    second.silence.gave_up({0})
    assert len(second.silence) == 0


def test_a_hundred_thousand_runs_cost_a_tick_little() -> None:
    watched = Watched()
    for n in range(2_000):
        watched.beats(100, 105, run_id=f"r{n}")
    looked = []
    find = watched.silence._find
    watched.silence._find = lambda *place: looked.append(place) or find(*place)  # type: ignore[func-returns-value]
    watched.tick(200)
    assert 0 < len(looked) <= 500


MEASURES = [  # (end, what was judged: offset and stamp, now) one after the other; seconds behind at each
    ([(10, (9, 100.0), 100.5)], [0.0], "read to its end"),
    ([(10, (9, 100.0), 100.5), (11, None, 4000.0), (11, (10, 4000.0), 4000.5)], [0.0, 0.0, 0.0], "quiet for an hour"),
    ([(10, (9, 100.0), 101.0), (20, None, 102.0), (20, None, 109.0)], [0.0, 0.0, 7.0], "stuck"),
    ([(90, (5, 100.0), 107.0), (90, (6, 101.0), 108.0)], [0.0, 7.0], "far behind"),
    ([(90, (5, 100.0), 107.0), (90, (6, 101.0), 108.0), (90, (89, 120.0), 121.0)], [0.0, 7.0, 0.0], "back"),
    ([(None, None, 100.0), (50, None, 101.0)], [0.0, 0.0], "not known yet"),
]


@pytest.mark.parametrize(("steps", "behind", "why"), MEASURES, ids=[row[2] for row in MEASURES])
def test_lag(steps, behind: list[float], why: str) -> None:  # type: ignore[no-untyped-def]
    lag, found = Lag(), []
    lag.assigned([3])
    for end, judged, now in steps:
        if judged is not None:
            lag.judged(3, *judged)
        (one,) = lag.measure({3: end}, {3: None}, now)
        found.append(one.behind_s)
    assert found == behind


def test_a_partition_that_stays_quiet_counts_as_read() -> None:
    lag = Lag()
    lag.assigned([3])
    for now in (100.0, 100.0 + QUIET_S / 2):
        lag.measure({3: 50}, {3: None}, now)
        assert lag.caught_up(3) is None
    lag.measure({3: 50}, {3: None}, 101.0 + QUIET_S)
    assert lag.caught_up(3) == 101.0 + QUIET_S


def judged(behind: float) -> Sequence[Judged]:
    return [Judged(partition=3, waiting=7, behind_s=behind)]


def test_a_late_partition_is_told_once_and_taken_back_at_half() -> None:
    late, told = Late("killcord.events"), []
    for now, behind in enumerate([0.0, 6.0, 9.0, 4.0, 2.0, 6.0]):
        told += [(now, alert.id, alert.revision, alert.status) for alert in late.look(judged(behind), now, POLICY)]
    first = told[0][1]
    assert told[:2] == [(1, first, 1, "open"), (4, first, 2, "resolved")]
    assert (told[2][0], told[2][2:]) == (5, (1, "open"))
    assert told[2][1] != first


def test_a_late_partition_that_goes_elsewhere_is_taken_back() -> None:
    late = Late("killcord.events")
    late.look(judged(9.0), 1.0, POLICY)
    (alert,) = late.look([], 2.0, POLICY)
    assert (alert.status, "handed on" in alert.summary) == ("resolved", True)


OFF = [("blindness.lag", "off", []), ("blindness.lag", "kill", ["alert"]), ("blindness.lag", "shadow", ["shadow"])]


@pytest.mark.parametrize(("rule", "mode", "modes"), OFF, ids=[row[1] for row in OFF])
def test_a_timer_never_commands(rule: str, mode: str, modes: list[str]) -> None:
    policy = Policy.read(f"rules: [{{id: {rule}, mode: {mode}}}]".encode(), "test.yaml")
    assert [alert.mode for alert in Late("killcord.events").look(judged(9.0), 1.0, policy)] == modes
