"""What came of each scenario: a row for people, and the same for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from tests.chaos.recovery import Recovery, shown

WIDE = 150  # columns, where no terminal says how many


@dataclass(kw_only=True)
class Row:
    """recovery in seconds: of the partitions that were hit, and of the others. repeated: the same message again.

    torn: messages under one identity that do not say the same.
    """

    scenario: str
    events: int = 0
    should_die: int = 0
    killed: int = 0
    faults: int = 0
    repeated_commands: int = 0
    repeated_alerts: int = 0
    torn: int = 0
    recovery: Recovery = field(default_factory=lambda: Recovery([], []))
    seconds: float = 0.0
    note: str = ""
    problems: list[str] = field(default_factory=list)

    def held(self) -> Row:
        """Fails with everything that did not hold."""
        assert not self.problems, f"{self.scenario}:\n" + "\n".join(f"  {problem}" for problem in self.problems)
        return self


def as_json(rows: list[Row]) -> dict[str, Any]:
    """What it ran on, and one object a scenario."""
    scenarios = [
        asdict(row) | {"recovery": {"hit_s": row.recovery.orphaned, "elsewhere_s": row.recovery.elsewhere}}
        for row in rows
    ]
    return {"machine": machine(), "scenarios": scenarios}


def table(rows: list[Row]) -> None:
    """On standard output; what did not hold below it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    found = machine()
    load = "load averages " + ", ".join(map(str, found["load_average"]))
    console.print(f"{found['cpu']}, {found['cores']} cores, Python {found['python']}, {found['commit']}, {load}")
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    drawn.add_column("scenario")
    for column in ("faults", "events", "to kill", "killed", "commands again", "alerts again", "torn",
                   "first kill, hit (s)", "elsewhere (s)", "took (s)"):  # fmt: skip
        drawn.add_column(column, justify="right")
    drawn.add_column("held")
    for row in rows:
        drawn.add_row(
            row.scenario, str(row.faults or ""), f"{row.events:,}", f"{row.should_die:,}", f"{row.killed:,}",
            str(row.repeated_commands), str(row.repeated_alerts), str(row.torn), shown(row.recovery.orphaned),
            shown(row.recovery.elsewhere), f"{row.seconds:.0f}", "NO" if row.problems else f"yes {row.note}".strip(),
        )  # fmt: skip
    console.print(drawn)
    for row in rows:
        for problem in row.problems:
            console.print(f"{row.scenario}: {problem}", style="red", markup=False)
