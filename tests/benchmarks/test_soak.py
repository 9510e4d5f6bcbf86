"""What a soak calls flat, and a soak that is over in seconds."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest

from benchmarks import trend
from benchmarks.machine import ROOT
from benchmarks.trend import Sample

TIMES = [n * 2.0 for n in range(180)]

AMOUNTS = [  # the value by seconds, flat, why
    (lambda at: 1000.0, True, "never changes"),
    (lambda at: 1000.0 + 50 * math.sin(at / 7), True, "rises and falls with the evictions"),
    (lambda at: 1000.0 + at / 60, True, "gains 0.6 % in six minutes: below what is tolerated"),
    (lambda at: 1000.0 + at / 2, False, "gains 18 %"),
    (lambda at: 1000.0 + at / 2 + 50 * math.sin(at / 7), False, "gains 18 % while it rises and falls"),
    (lambda at: 1000.0 - at / 2, True, "shrinks"),
]
COUNTS = [  # by seconds, flat by its most, flat by its least, why
    (lambda at: 12.0, True, True, "never changes"),
    (lambda at: 12.0 + (at > 200), False, False, "one that stays"),
    (lambda at: 12.0 + 90 * (at == 350), False, True, "a peak at the end"),
]


def series(value: object) -> list[Sample]:
    return [(at, value(at)) for at in TIMES]  # type: ignore[operator]


@pytest.mark.parametrize(("value", "flat", "why"), AMOUNTS, ids=[case[-1] for case in AMOUNTS])
def test_amounts(value: object, flat: bool, why: str) -> None:
    assert trend.amount(series(value), 0.02).flat is flat


@pytest.mark.parametrize(("value", "most", "least", "why"), COUNTS, ids=[case[-1] for case in COUNTS])
def test_counts(value: object, most: bool, least: bool, why: str) -> None:
    assert trend.count(series(value), 0).flat is most
    assert trend.least(series(value), 0).flat is least


def test_too_few_samples_are_not_called_flat() -> None:
    assert trend.amount([(0.0, 1.0), (1.0, 1.0)], 0.02) == trend.Verdict(
        False, "2 samples in 1 s are too few for a slope"
    )


def test_a_short_soak_tells_every_series(kafka: tuple[str, ...]) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.1", "--runs", "200", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
        env=env | {"KILLCORD_TEST_BROKERS": ",".join(kafka)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr  # so short, it is still warming up
    told = json.loads(done.stdout)
    names = {
        "resident memory", "runs known", "tasks", "open file descriptors", "label sets on /metrics",
        "worker's own files",
    }  # fmt: skip
    assert names <= told["verdicts"].keys()
    assert done.returncode == (0 if all(verdict["flat"] for verdict in told["verdicts"].values()) else 1)
    assert told["sent"] > 0
    assert told["samples"]["runs known"][-1][1] > 0
