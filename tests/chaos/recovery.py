"""How long nobody was killed: from each fault to the first kill that answers an event after it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

from tests.chaos.load import Place


class Fault(NamedTuple):
    """at: Unix seconds. orphaned: the partitions of whoever was hit; None: all of them."""

    at: float
    orphaned: frozenset[int] | None


class Recovery(NamedTuple):
    """Seconds; None where nothing was measured. Of each fault the slowest partition counts."""

    orphaned: list[float]
    elsewhere: list[float]


def recovery(faults: Iterable[Fault], places: dict[str, Place], first: dict[str, Place]) -> Recovery:
    """``places``: of the fatal events by run, ``first``: of their kills."""
    answered = sorted(
        (place.stamp, place.partition, first[run].stamp) for run, place in places.items() if run in first
    )
    found = Recovery([], [])
    for fault in faults:
        waited: dict[int, float] = {}
        for event, partition, kill in answered:
            if event >= fault.at:
                waited[partition] = min(waited.get(partition, 1e9), kill - fault.at)
        hit = [s for p, s in waited.items() if fault.orphaned is None or p in fault.orphaned]
        others = [s for p, s in waited.items() if fault.orphaned is not None and p not in fault.orphaned]
        found.orphaned.extend([max(hit)] if hit else [])
        found.elsewhere.extend([max(others)] if others else [])
    return found


def shown(seconds: list[float]) -> str:
    """
    >>> shown([1.0, 2.0, 3.04]), shown([0.5]), shown([])
    ('2.0 (1.0-3.0)', '0.5', '')
    """
    if len(seconds) < 2:
        return "".join(f"{one:.1f}" for one in seconds)
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f}-{max(seconds):.1f})"
