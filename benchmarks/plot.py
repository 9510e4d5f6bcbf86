"""Plots as SVG, without a library: lines over a logarithmic scale, and bars. They read on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from msgspec import Struct

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind too
GREY = "#808080"


class Line(Struct, frozen=True):
    """points: (x, y), both above zero. dashed: beside what it belongs to. colour: index."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    dashed: bool = False


def lines(title: str, x_name: str, y_name: str, drawn: Sequence[Line]) -> str:
    """Both scales logarithmic."""
    points = [point for line in drawn for point in line.points]
    if not points:
        return _page([_text(WIDTH / 2, HEIGHT / 2, f"{title}: nothing measured", anchor="middle")])
    x_low, x_high = _span([x for x, _ in points])
    y_low, y_high = _span([y for _, y in points])
    x_at = _scale(x_low, x_high, LEFT, WIDTH - RIGHT)
    y_at = _scale(y_low, y_high, HEIGHT - BOTTOM, TOP)
    parts = [_text(LEFT, 22, title, size=15, weight="bold")]
    for value in _ticks(x_low, x_high):
        parts += [
            _rule(x_at(value), TOP, x_at(value), HEIGHT - BOTTOM),
            _text(x_at(value), HEIGHT - BOTTOM + 18, f"{value:,.0f}", anchor="middle"),
        ]
    for value in _ticks(y_low, y_high):
        parts += [
            _rule(LEFT, y_at(value), WIDTH - RIGHT, y_at(value)),
            _text(LEFT - 8, y_at(value) + 4, f"{value:,g}", anchor="end"),
        ]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_name, anchor="middle"))
    parts.append(_text(LEFT, TOP - 6, y_name))
    for n, line in enumerate(drawn):
        colour = COLOURS[line.colour % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in line.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in line.points]
        y = TOP + 14 + n * 20
        start = WIDTH - RIGHT + 12
        parts.append(
            f'<line x1="{start}" y1="{y - 4}" x2="{start + 22}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts.append(_text(start + 28, y, line.name))
    return _page(parts)


def bars(title: str, values: Sequence[tuple[str, float]], unit: str) -> str:
    """One bar a name, from zero, each with its value."""
    height = TOP + 34 * max(1, len(values)) + 10
    left, right = 230, 110
    most = max((value for _, value in values), default=1.0) or 1.0
    parts = [_text(20, 22, title, size=15, weight="bold")]
    for n, (name, value) in enumerate(values):
        y, width = TOP + n * 34, (WIDTH - left - right) * value / most
        colour = COLOURS[0] if name.startswith("killcord") else GREY
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="22" fill="{colour}"/>')
        parts.append(_text(left - 8, y + 16, name, anchor="end"))
        parts.append(_text(left + width + 6, y + 16, f"{value:,.0f} {unit}"))
    return _page(parts, height)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Rounded out to 1, 2 or 5 times a power of ten."""
    steps = [m * 10.0**e for e in range(-4, 9) for m in (1, 2, 5)]
    low, high = min(values), max(values)
    below = max((step for step in steps if step <= low), default=low)
    return below, min((step for step in steps if step >= high and step > below), default=high)


def _ticks(low: float, high: float) -> list[float]:
    """
    >>> _ticks(1, 20)
    [1.0, 2.0, 5.0, 10.0, 20.0]
    """
    return [m * 10.0**e for e in range(-4, 9) for m in (1, 2, 5) if low * 0.999 <= m * 10.0**e <= high * 1.001]


class _Scale(Struct, frozen=True):
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.start + share * (self.end - self.start)


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    return _Scale(low, high, start, end)


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{GREY}">{escape(text)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GREY}" stroke-opacity="0.25" '
        'stroke-width="1"/>'
    )


def _page(parts: Sequence[str], height: float = HEIGHT) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
            'font-family="system-ui, sans-serif">',
            *parts,
            "</svg>",
            "",
        ]
    )
