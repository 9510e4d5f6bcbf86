"""Progress for the person who waits, and the results as a table."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

WIDE = 140  # columns, where no terminal says how many
_began = time.monotonic()


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(f"{time.monotonic() - _began:6.1f} s  {text}", file=sys.stderr, flush=True)


def table(machine: dict[str, Any], figures: list[Figure], summary: list[str]) -> None:
    """On standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    for name, value in machine.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        elif isinstance(value, list):
            value = " ".join(map(str, value))
        console.print(f"[dim]{name.replace('_', ' '):14}[/] {value}", markup=True)
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("benchmark", "figure"):
        shown.add_column(column)
    shown.add_column("value", justify="right")
    shown.add_column("unit")
    shown.add_column("range", justify="right")
    shown.add_column("aim", justify="right")
    shown.add_column("note")
    before = ""
    for figure in figures:
        if before and figure.benchmark != before:
            shown.add_section()
        span = "" if figure.low is None else f"{number(figure.low)}-{number(figure.high or 0.0)}"
        aim = "" if figure.aim is None else number(figure.aim)
        name = figure.benchmark if figure.benchmark != before else ""
        shown.add_row(name, figure.name, number(figure.value), figure.unit, span, aim, figure.note)
        before = figure.benchmark
    console.print()
    console.print(shown)
    console.print()
    for line in summary:
        console.print(f"- {line}", markup=False)


def number(value: float) -> str:
    """Three significant digits, thousands apart.

    >>> number(12345.6), number(0.04567), number(3.0)
    ('12,346', '0.0457', '3')
    """
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
