"""What a benchmark hands back: figures with their units and targets, and sentences for the README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field


class Figure(Struct, kw_only=True, omit_defaults=True):
    """One measured value. aim: what it should reach, in the same unit: at most, or at least where ``least``.

    low, high: the range of several rounds, whose median is the value. value None: not measured, the note says why.
    """

    benchmark: str
    name: str
    value: float | None
    unit: str
    aim: float | None = None
    least: bool = False
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach."""
        if self.aim is None or self.value is None:
            return None
        return self.value >= self.aim if self.least else self.value <= self.aim


class Result(Struct, kw_only=True):
    """Of one benchmark.

    summary: sentences that can stand in a README as they are. series: points for a plot, each a flat object, by the
    plot's name. settings: what its worker was told beside the defaults.
    """

    figures: list[Figure] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    series: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def add(
        self, benchmark: str, name: str, value: float, unit: str, *, aim: float | None = None, least: bool = False,
        note: str = "",
    ) -> None:  # fmt: skip
        self.rounds(benchmark, name, [value], unit, aim=aim, least=least, note=note)

    def missing(self, benchmark: str, name: str, why: str) -> None:
        """A row for what could not be measured here."""
        self.figures.append(Figure(benchmark=benchmark, name=name, value=None, unit="", note=why))

    def rounds(
        self, benchmark: str, name: str, values: Sequence[float], unit: str, *, aim: float | None = None,
        least: bool = False, note: str = "",
    ) -> float:  # fmt: skip
        """The median of several rounds with their range; returns the median."""
        value = percentile(values, 50)
        low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
        self.figures.append(
            Figure(
                benchmark=benchmark, name=name, value=value, unit=unit, aim=aim, least=least, low=low, high=high,
                note=note,
            )
        )  # fmt: skip
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
