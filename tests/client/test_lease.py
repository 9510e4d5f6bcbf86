"""What renews a lease and what does not, and what a run without one does with the orders that it gets meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from monitor.client.connection import partition_for
from monitor.client.lease import Lease, Terms, order
from monitor.client.obedience import IGNORE, Identity, Obedience, Step
from monitor.messages import Command, Judged, WorkerHeartbeat

RUN, OF, LEASE_S = "run-1", 8, 10.0
MINE = partition_for(RUN, OF)
STAMP = 1_790_000_000.0


def beat(partition: int = MINE, behind_s: float = 0.0, **more: Any) -> WorkerHeartbeat:
    given: dict[str, Any] = {"ready": None, "of": OF, "leaving": False, **more}
    judged = [Judged(partition=partition, waiting=0, behind_s=behind_s)]
    return WorkerHeartbeat(worker="w", number=1, time=0.0, interval_s=1.0, partitions=judged, **given)


HEARTBEATS = [  # heartbeat, whether it renews, why
    (beat(), True, "judges the run"),
    (beat(partition=(MINE + 1) % OF), False, "judges other runs"),
    (beat(ready="rebalancing"), False, "judges nothing at the moment"),
    (beat(behind_s=LEASE_S + 1), False, "is too far behind"),
    (beat(behind_s=LEASE_S / 2), True, "is a little behind"),
    (beat(leaving=True), False, "leaves"),
    (beat(of=0), False, "is nonsense"),
]


@pytest.mark.parametrize(("heard", "renews", "why"), HEARTBEATS, ids=[row[2] for row in HEARTBEATS])
def test_what_renews(heard: WorkerHeartbeat, renews: bool, why: str) -> None:
    lease = Lease(RUN, LEASE_S, now=0.0)
    lease.heartbeat(heard, STAMP, now=6.0)
    assert lease.look(now=12.0) == (None if renews else "lapsed")


def test_it_lapses_once_and_is_renewed_once() -> None:
    lease = Lease(RUN, LEASE_S, now=100.0)
    assert [lease.look(now) for now in (105.0, 110.0, 110.1, 120.0)] == [None, None, "lapsed", None]
    lease.heartbeat(beat(), STAMP, now=130.0)
    assert [lease.look(now) for now in (130.0, 139.0, 141.0)] == ["renewed", None, "lapsed"]


def test_heartbeats_that_lay_in_kafka_while_it_was_away_count_from_when_they_came() -> None:
    lease = Lease(RUN, LEASE_S, now=0.0)
    lease.heartbeat(beat(), STAMP, now=0.0)
    for late in (1, 2, 3):  # read a minute later, in one go
        lease.heartbeat(beat(), STAMP + late, now=60.0)
    assert lease.look(now=60.0) == "lapsed"


CLOCKS = [  # stamps of heartbeats one second apart, what the broker's clock did
    ([0, 1, 2, 3600, 3601], "set forward by an hour"),
    ([3600, 3601, 2, 3, 4], "set back by an hour"),
    ([-5.0, 1, -4.0, 2, 3], "two brokers apart"),
]


@pytest.mark.parametrize(("stamps", "why"), CLOCKS, ids=[row[1] for row in CLOCKS])
def test_no_wall_clock_stops_a_run(stamps: list[float], why: str) -> None:
    lease = Lease(RUN, LEASE_S, now=0.0)
    for now, stamp in enumerate(stamps):
        lease.heartbeat(beat(), STAMP + stamp, float(now))
        assert lease.look(float(now)) is None
    assert lease.look(len(stamps) + 2.0) is None


def own(action: str = "pause") -> Command:
    return order(Terms("stop" if action == "kill" else "pause", LEASE_S), RUN, 11.0, 0.0)


def given(action: Any, epoch: int) -> Command:
    return replace(own(), id=f"c{epoch}", action=action, epoch=epoch, issued_by="ann")


@pytest.fixture
def run() -> Obedience:
    return Obedience(Identity(run_id=RUN))


def test_a_hold_pauses_and_a_heartbeat_lets_go(run: Obedience) -> None:
    assert run.hold(own()) == Step("pause")
    assert run.release() == Step("resume")
    assert run.release() == IGNORE


def test_a_pause_of_somebody_else_outlasts_the_lease(run: Obedience) -> None:
    run.receive(given("pause", 1), "control", 0.0, None)
    assert run.hold(own()) == IGNORE
    assert run.release() == IGNORE
    assert run.receive(given("resume", 2), "control", 0.0, None).effect == "resume"


def test_an_operator_knows_that_there_is_no_monitor(run: Obedience) -> None:
    run.hold(own())
    assert run.receive(given("resume", 1), "control", 0.0, None).effect == "resume"
    assert run.paused_by is None
    assert run.release() == IGNORE


def test_a_kill_comes_through_a_hold(run: Obedience) -> None:
    run.hold(own())
    assert run.receive(given("kill", 1), "control", 0.0, None).effect == "kill"
    assert run.release() == IGNORE


def test_a_stop_is_final(run: Obedience) -> None:
    assert run.hold(own("kill")) == Step("kill")
    assert run.release() == IGNORE
    answer = run.receive(given("resume", 1), "control", 0.0, None).answer
    assert answer is not None and answer.status == "refused"


def test_a_run_that_is_over_needs_no_lease(run: Obedience) -> None:
    run.end()
    assert run.hold(own()) == IGNORE
