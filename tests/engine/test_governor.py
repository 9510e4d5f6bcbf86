"""Kills are limited: a minute's number, and a deployment's share."""

from __future__ import annotations

import pytest

from monitor.engine.governor import MOST_RUNS, Deployment, Governor, RecordedGovernor
from monitor.policy import Governor as Limits

WIDE = Limits(kills_per_minute=1000, share_of_runs=0.25, share_after_kills=5)


def kills(governor: Governor, n: int, limits: Limits, at: float = 0.0, name: str = "coder") -> list[str | None]:
    return [governor.refuses(f"r{at}-{i}", name, at, limits, "a", 0) for i in range(n)]


def test_the_31st_kill_of_a_minute_is_refused_and_the_next_minute_is_free() -> None:
    governor = Governor()
    limits = Limits(kills_per_minute=30, share_of_runs=1.0, share_after_kills=1000)
    answers = kills(governor, 31, limits)
    assert answers[:30] == [None] * 30
    assert "30 kills in the last minute, the limit is 30" in (answers[30] or "")
    assert kills(governor, 1, limits, at=60.1) == [None]


def test_a_quarter_of_a_deployment() -> None:
    governor = Governor()
    for run in range(40):
        governor.saw(f"healthy-{run}", "coder", 0.0)
    answers = [governor.refuses(f"healthy-{run}", "coder", 1.0, WIDE, "a", 0) for run in range(11)]
    assert answers[:10] == [None] * 10
    assert "10 of the 40 runs of coder were killed within an hour" in (answers[10] or "")


def test_the_share_leaves_a_small_deployment_its_first_kills() -> None:
    assert kills(Governor(), 6, WIDE)[:5] == [None] * 5


def test_another_deployment_has_its_own_share() -> None:
    governor = Governor()
    assert kills(governor, 6, WIDE, name="a")[5] is not None
    assert kills(governor, 1, WIDE, name="b") == [None]


def test_runs_of_more_than_an_hour_ago_do_not_count() -> None:
    governor = Governor()
    for run in range(400):
        governor.saw(f"old-{run}", "coder", 0.0)
    assert kills(governor, 6, WIDE, at=3700.0)[5] is not None


def test_one_page_a_minute() -> None:
    governor = Governor()
    assert [governor.pages(at) for at in (0.0, 1.0, 59.0, 60.0, 61.0)] == [True, False, False, True, False]


def test_a_replay_decides_as_the_journal_says() -> None:
    governor = RecordedGovernor({("held", 7): "30 kills in the last minute"})
    assert governor.refuses("r", "coder", 0.0, WIDE, "held", 7) == "30 kills in the last minute"
    assert governor.refuses("r", "coder", 60.0, WIDE, "held", 8) is None, "a minute later it was let through"
    assert all(governor.refuses("r", "coder", 0.0, WIDE, f"a{i}", 7) is None for i in range(100))


def test_a_large_deployment_is_counted_in_little_memory() -> None:
    deployment = Deployment()
    for n in range(1_000):
        deployment.saw(f"run-{n}", 0.0)
    assert deployment.runs == 1_000
    for n in range(200_000):
        deployment.saw(f"run-{n}", n / 1_000)
    assert deployment.runs == pytest.approx(200_000, rel=0.12)
    assert len(deployment._seen) <= MOST_RUNS


def test_a_deployment_that_becomes_small_is_counted_one_by_one_again() -> None:
    deployment = Deployment()
    for n in range(50_000):
        deployment.saw(f"run-{n}", 0.0)
    for hour in range(1, 20):
        for n in range(200):
            deployment.saw(f"late-{n}", hour * 3_601.0)
    assert deployment.runs == 200
