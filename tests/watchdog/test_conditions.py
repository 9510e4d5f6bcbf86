"""What is wrong, and what only follows from it; alarms that come and go; canaries. By a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from detectors.event import ToolCall
from monitor.client.connection import partition_for
from monitor.decode import Decoded, decode
from monitor.engine.canary import PREFIX
from monitor.messages import Judged, WorkerHeartbeat
from monitor.watchdog.alarms import Alarms
from monitor.watchdog.beats import Beats
from monitor.watchdog.canary import Canaries, make
from monitor.watchdog.conditions import CANARY, KAFKA, WATCHDOG_RULES, Condition, conditions
from monitor.watchdog.coverage import Coverage, Look


def beat(worker: str = "w", partitions: Iterable[int] = range(4), **more: object) -> WorkerHeartbeat:
    given = {"ready": None, "leaving": False, **more}
    judged = [Judged(partition=n, waiting=0, behind_s=0.0) for n in partitions]
    return WorkerHeartbeat(worker=worker, number=1, time=0.0, interval_s=1.0, partitions=judged, of=4, **given)  # type: ignore[arg-type]


class World:
    """All that a watchdog sees: at first all is well, at time 0."""

    def __init__(self) -> None:
        self.away: float | None = None
        self.beats = Beats(1.0, 0.0)
        self.coverage = Coverage(15.0)
        self.canaries = Canaries(10.0)
        self.beats.take(beat(), 0.0)
        self.look(0.0)

    def look(self, now: float, held: Iterable[int] = range(4), committed: int = 5, end: int = 5) -> None:
        every = range(4)
        self.coverage.take(
            Look(held=set(held), committed=dict.fromkeys(every, committed), ends=dict.fromkeys(every, end), state=""),
            now,
        )

    def lose_canary(self, partition: int = 2) -> None:
        self.canaries.sent(make(partition, 4), 0.0)
        self.canaries.newly_missed(11.0)

    def wrong(self, now: float) -> list[str]:
        self.canaries.newly_missed(now)
        found = conditions(self.away, "kafka:9092", self.beats, self.coverage, self.canaries, now)
        return [condition.rule.id.removeprefix("blindness.") for condition in found]


def well(world: World) -> None: ...
def kafka(world: World) -> None:
    world.away = 4.0


def silent(world: World) -> None:
    world.beats = Beats(1.0, 0.0)


def unheld(world: World) -> None:
    world.look(0.0, held=[0, 1, 3])


STORIES = [  # what happened, what is told of it 16 s later by a worker that still beats
    ((), []),
    ((kafka,), ["kafka"]),
    ((kafka, silent, unheld, World.lose_canary), ["kafka"]),
    ((silent, unheld, World.lose_canary), ["monitor"]),
    ((unheld, World.lose_canary), ["coverage"]),
    ((World.lose_canary,), ["canary"]),
    ((lambda w: w.lose_canary(1), unheld), ["coverage", "canary"]),
]


@pytest.mark.parametrize(("happened", "told"), STORIES, ids=["+".join(row[1]) or "well" for row in STORIES])
def test_a_cause_hides_what_follows_from_it(happened, told: list[str]) -> None:  # type: ignore[no-untyped-def]
    world = World()
    for each in happened:
        each(world)
    if silent not in happened:
        world.beats.take(beat(), 16.0)
    assert world.wrong(16.0) == told


def test_the_monitor_is_silent_before_the_third_heartbeat_is_over() -> None:
    world = World()
    assert [world.wrong(now) for now in (2.0, 2.7, 2.8)] == [[], [], ["monitor"]]


def test_a_worker_that_leaves_in_good_order_is_not_lost() -> None:
    world = World()
    world.beats.take(beat("v", [2]), 0.0)
    world.beats.take(beat("v", [], leaving=True), 1.0)
    world.beats.take(beat("w", [0, 1, 3]), 20.0)
    assert world.wrong(20.0) == []


def test_a_worker_is_lost_until_another_has_its_partitions() -> None:
    world = World()
    world.beats.take(beat("v", [2]), 0.0)
    world.beats.take(beat("w", [0, 1, 3]), 4.0)
    assert world.wrong(4.0) == ["worker"]
    world.beats.take(beat("w", range(4), ready="rebalancing"), 5.0)
    assert world.wrong(5.0) == ["worker"]
    world.beats.take(beat("w", range(4)), 6.0)
    assert world.wrong(6.0) == []


def test_after_kafka_was_away_everybody_gets_his_time_anew() -> None:
    world = World()
    world.canaries.sent(make(1, 4), 0.0)
    for part in (world.beats, world.canaries):
        part.reset(60.0)
    world.coverage.reset()
    assert world.wrong(61.0) == []
    assert world.wrong(63.0) == ["monitor"]


def test_a_partition_gets_on_or_not() -> None:
    world = World()
    for now, committed, end in ((0.0, 5, 9), (10.0, 5, 12), (20.0, 6, 20), (34.0, 6, 30)):
        world.look(now, committed=committed, end=end)
        assert world.coverage.uncovered(now) == {}, now
    world.look(36.0, committed=6, end=30)
    assert set(world.coverage.uncovered(36.0)) == {0, 1, 2, 3}
    world.look(37.0, committed=30, end=30)
    assert world.coverage.uncovered(60.0) == {}


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_a_canary_lands_in_the_partition_whose_turn_it_is(partitions: int) -> None:
    canaries = Canaries(10.0)
    made = [canaries.prepare(partitions) for _ in range(2 * partitions)]
    assert [canary.partition for canary in made] == list(range(partitions)) * 2
    assert all(partition_for(canary.run_id, partitions) == canary.partition for canary in made)
    assert len({canary.run_id for canary in made} | {canary.event_id for canary in made}) == 4 * partitions


def test_a_canary_is_an_event_and_its_announcement_names_it() -> None:
    canary = make(3, 8)
    read = decode(canary.event(100.0))
    assert isinstance(read, Decoded)
    (event,) = read.events
    assert isinstance(event, ToolCall)
    told = canary.announcement(100.0, "test")
    assert (told.decision, told.target, told.event_id) == ("canary", event.run_id, event.id)
    assert event.run_id.startswith(PREFIX)


def test_only_the_canary_s_own_kill_counts() -> None:
    canaries, canary = Canaries(10.0), make(0, 4)
    canaries.sent(canary, 100.0)
    assert canaries.killed("run-1", canary.event_id, 101.0) is None
    assert canaries.killed(canary.run_id, "another event", 101.0) is None
    assert canaries.killed(canary.run_id, canary.event_id, 101.5) == 1.5
    assert canaries.killed(canary.run_id, canary.event_id, 102.0) is None


def test_a_late_canary_ends_the_alarm_and_is_missed_once() -> None:
    canaries, canary = Canaries(10.0), make(0, 4)
    canaries.sent(canary, 100.0)
    canaries.alerted(canary.run_id, canary.event_id, "pause")
    assert [canaries.newly_missed(now) for now in (109.0, 111.0, 112.0)] == [0, 1, 0]
    assert canaries.missing() == {0: "was alerted in mode pause, and not killed"}
    assert canaries.killed(canary.run_id, canary.event_id, 120.0) == 20.0
    assert canaries.missing() == {}


def told(alarms: Alarms, now: float, *found: Condition) -> list[tuple[str, int, str]]:
    return [(alert.rule, alert.revision, alert.status) for alert in alarms.take(found, now)]


def test_an_alarm_opens_is_revised_when_it_is_about_something_else_and_ends() -> None:
    alarms = Alarms("here")
    one, two = Condition(CANARY, "0", ("0",)), Condition(CANARY, "0 and 1", ("0", "1"))
    assert told(alarms, 1.0, one) == [("blindness.canary", 1, "open")]
    assert told(alarms, 2.0, Condition(CANARY, "0, later", ("0",))) == []
    assert told(alarms, 3.0, two, Condition(KAFKA, "away")) == [
        ("blindness.canary", 2, "open"), ("blindness.kafka", 1, "open"),
    ]  # fmt: skip
    assert told(alarms, 4.0) == [("blindness.canary", 3, "resolved"), ("blindness.kafka", 2, "resolved")]
    assert told(alarms, 5.0) == []
    before = alarms.take([one], 6.0)[0]
    assert (before.revision, before.operational, before.key) == (1, True, "all")


def test_what_an_earlier_watchdog_left_open_is_gone_on_with() -> None:
    first, second = Alarms("here"), Alarms("here")
    condition = Condition(KAFKA, "away")
    (left,) = first.take([condition], 1.0)
    second.adopt(left)
    assert told(second, 2.0, condition) == []
    (ended,) = second.take([], 3.0)
    assert (ended.id, ended.revision, ended.status) == (left.id, 2, "resolved")
    third = Alarms("here")
    third.adopt(left)
    third.adopt(ended)
    assert third.open == []


@pytest.mark.parametrize("rule", WATCHDOG_RULES, ids=lambda rule: rule.id)
def test_a_rule_is_no_policy_s(rule) -> None:  # type: ignore[no-untyped-def]
    """The watchdog has no policy: its ids must not be taken for one's."""
    from monitor.policy.catalogue import rules

    assert rule.id not in rules()
    assert rule.description.endswith(".")


def test_why_kafka_does_not_answer_is_told() -> None:
    world = World()
    (found,) = conditions(4.2, "kafka:9092 (no route)", world.beats, world.coverage, world.canaries, 1.0)
    assert found.summary.startswith("No answer from Kafka at kafka:9092 (no route) for 4 s.")
