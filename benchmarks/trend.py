"""Whether a series grows: its slope with a 95 % interval, and the rule by which a soak is called flat."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

BLOCKS = 10
# Student's t for 95 % on both sides, by degrees of freedom.
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}

Sample = tuple[float, float]
"""Seconds, and the value then."""


class Slope(Struct, frozen=True):
    """per_min: growth a minute. low, high: its 95 % interval. grown: over the time measured, a share of the mean."""

    per_min: float
    low: float
    high: float
    grown: float


def slope(samples: Sequence[Sample]) -> Slope:
    """Least squares over the means of ten equal stretches of time.

    What a worker holds rises and falls with its evictions, so neighbouring samples are no independent witnesses; means
    over a tenth of the time nearly are. Raises ValueError for fewer than three stretches with samples.

    >>> slope([(float(t), 100.0 + t / 60) for t in range(600)])
    Slope(per_min=1.0, low=1.0, high=1.0, grown=0.095)
    """
    began, ended = samples[0][0], samples[-1][0]
    wide = (ended - began) / BLOCKS
    blocks: list[list[Sample]] = [[] for _ in range(BLOCKS)]
    for at, value in samples:
        blocks[min(BLOCKS - 1, int((at - began) / wide) if wide else 0)].append((at, value))
    points = [_mean(block) for block in blocks if block]
    n = len(points)
    if n < 3:
        raise ValueError(f"{len(samples)} samples in {ended - began:g} s are too few for a slope")
    at, value = _mean(points)
    spread = sum((x - at) ** 2 for x, _ in points)
    rise = sum((x - at) * (y - value) for x, y in points) / spread
    rest = sum((y - value - rise * (x - at)) ** 2 for x, y in points)
    either = _T[n - 2] * math.sqrt(rest / (n - 2) / spread)
    grown = rise * (ended - began) / value if value else 0.0
    return Slope(round(rise * 60, 6), round((rise - either) * 60, 6), round((rise + either) * 60, 6), round(grown, 3))


def _mean(samples: Sequence[Sample]) -> Sample:
    return sum(x for x, _ in samples) / len(samples), sum(y for _, y in samples) / len(samples)


class Verdict(Struct, frozen=True):
    """why: the numbers that decided."""

    flat: bool
    why: str


def amount(samples: Sequence[Sample], tolerated: float) -> Verdict:
    """For what rises and falls, such as memory: grows if the whole interval of its slope is above zero, and it gained
    more than ``tolerated``, a share of its mean, in the time measured."""
    try:
        found = slope(samples)
    except ValueError as error:
        return Verdict(False, str(error))
    grows = found.low > 0 and found.grown > tolerated
    return Verdict(
        not grows,
        f"{found.per_min:+,.1f} a minute (95 %: {found.low:+,.1f} to {found.high:+,.1f}), {found.grown:+.1%} in "
        f"{(samples[-1][0] - samples[0][0]) / 60:.1f} min",
    )


def count(samples: Sequence[Sample], tolerated: int) -> Verdict:
    """For what is counted, such as open files: grows if the most of the last third is more than that of the first by
    over ``tolerated``.

    >>> count([(0.0, 5.0), (1.0, 5.0), (2.0, 6.0)], 0)
    Verdict(flat=False, why='at most 5 in the first third, 6 in the last')
    """
    first, last = _thirds(samples)
    return Verdict(
        max(last) <= max(first) + tolerated,
        f"at most {max(first):,.0f} in the first third, {max(last):,.0f} in the last",
    )


def least(samples: Sequence[Sample], tolerated: int) -> Verdict:
    """The same by the least, for what comes and goes with the work: what leaks stays, and lifts it."""
    first, last = _thirds(samples)
    return Verdict(
        min(last) <= min(first) + tolerated,
        f"at least {min(first):,.0f} in the first third, {min(last):,.0f} in the last",
    )


def _thirds(samples: Sequence[Sample]) -> tuple[list[float], list[float]]:
    third = (samples[-1][0] - samples[0][0]) / 3
    first = [value for at, value in samples if at <= samples[0][0] + third]
    return first, [value for at, value in samples if at >= samples[-1][0] - third]
