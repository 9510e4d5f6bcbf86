"""What a benchmark hands back: figures with their units, and sentences for the README."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field


class Figure(Struct, kw_only=True, omit_defaults=True):
    """One measured value. aim: what it should reach, in the same unit. low, high: of several rounds."""

    benchmark: str
    name: str
    value: float
    unit: str
    aim: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Result(Struct, kw_only=True):
    """Of one benchmark. summary: sentences that can stand in a README as they are."""

    figures: list[Figure] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)

    def add(
        self, benchmark: str, name: str, value: float, unit: str, *, aim: float | None = None, note: str = ""
    ) -> None:
        self.figures.append(Figure(benchmark=benchmark, name=name, value=value, unit=unit, aim=aim, note=note))

    def rounds(
        self, benchmark: str, name: str, values: Sequence[float], unit: str, *, aim: float | None = None, note: str = ""
    ) -> float:
        """The median of several rounds with their range; returns the median."""
        value = percentile(values, 50)
        low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
        self.figures.append(
            Figure(benchmark=benchmark, name=name, value=value, unit=unit, aim=aim, low=low, high=high, note=note)
        )
        return value


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear between the two nearest values. Raises ValueError where there are none.

    >>> percentile([3.0, 1.0, 2.0], 50), percentile([0.0, 1.0], 99)
    (2.0, 0.99)
    """
    if not values:
        raise ValueError("no values to take a percentile of")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
