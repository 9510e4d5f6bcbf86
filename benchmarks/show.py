"""Progress for the person who waits, and the results as a table."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from benchmarks.report import Report

WIDE = 160  # columns, where no terminal says how many
_began = time.monotonic()


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(f"{time.monotonic() - _began:6.1f} s  {text}", file=sys.stderr, flush=True)


def table(report: Report) -> None:
    """On standard output: machine, settings, figures, sentences."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    for name, value in {**report.machine, "quick": report.quick}.items():
        console.print(f"[dim]{name.replace('_', ' '):14}[/] {flat(value)}", markup=True)
    for settings, names in settings_of(report).items():
        console.print(f"[dim]{'settings':14}[/] {', '.join(names)}: {settings or 'defaults'}", markup=True)
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("benchmark", "figure"):
        shown.add_column(column)
    shown.add_column("value", justify="right")
    shown.add_column("unit")
    shown.add_column("range", justify="right")
    shown.add_column("target", justify="right")
    shown.add_column("reached")
    shown.add_column("note")
    before = ""
    for figure in report.figures:
        if before and figure.benchmark != before:
            shown.add_section()
        name = figure.benchmark if figure.benchmark != before else ""
        verdict = {None: "", True: "yes", False: "[bold]no[/]"}[figure.reached]
        shown.add_row(
            name, figure.name, number(figure.value), figure.unit, span(figure), target(figure), verdict, figure.note
        )
        before = figure.benchmark
    console.print()
    console.print(shown)
    console.print()
    for line in report.summary:
        console.print(f"- {line}", markup=False)


def flat(value: Any) -> str:
    """A value of the machine's description on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def settings_of(report: Report) -> dict[str, list[str]]:
    """Benchmarks by what their worker was told."""
    found: dict[str, list[str]] = {}
    for name, measured in report.benchmarks.items():
        if measured.result.settings:
            told = " ".join(f"{key}={value}" for key, value in sorted(measured.result.settings.items()))
            found.setdefault(told, []).append(name)
    return found


def span(figure: Figure) -> str:
    """The range of several rounds.

    >>> span(Figure(benchmark="b", name="n", value=2, unit="", low=1.5, high=1234.5))
    '1.5-1,234'
    """
    return "" if figure.low is None else f"{number(figure.low)}-{number(figure.high or 0.0)}"


def target(figure: Figure) -> str:
    """
    >>> target(Figure(benchmark="b", name="n", value=2, unit="", aim=0.8, least=True))
    '≥ 0.8'
    """
    return "" if figure.aim is None else f"{'≥' if figure.least else '≤'} {number(figure.aim)}"


def number(value: float | None) -> str:
    """Three significant digits, thousands apart.

    >>> number(12345.6), number(0.04567), number(3.0), number(None)
    ('12,346', '0.0457', '3', '-')
    """
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
