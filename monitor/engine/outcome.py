"""What goes into the engine beside an event, and what comes out."""

from __future__ import annotations

from msgspec import Struct

from detectors.detector import Finding
from detectors.rollup import Rollup
from monitor.messages import Alert, Command, JournalEntry


class Position(Struct, frozen=True):
    """Where an event lies. A file's lines have no topic and no partition; their offset is the line, from 0.

    stamp: the broker's time of the event in Unix seconds, None in a file. source: which of several files.
    """

    topic: str | None
    partition: int | None
    offset: int
    stamp: float | None = None
    source: int = 0


class Outcome(Struct):
    """What to publish, in this order: commands first. lifted: keys of standing orders that end.

    findings: what led to it, for counting and for the gate; not published.
    """

    commands: list[Command] = []
    alerts: list[Alert] = []
    lifted: list[str] = []
    rollups: list[Rollup] = []
    journal: list[JournalEntry] = []
    findings: list[Finding] = []

    def __bool__(self) -> bool:
        return bool(self.commands or self.alerts or self.lifted or self.rollups or self.journal)

    def extend(self, other: Outcome) -> None:
        self.commands.extend(other.commands)
        self.alerts.extend(other.alerts)
        self.lifted.extend(other.lifted)
        self.rollups.extend(other.rollups)
        self.journal.extend(other.journal)
        self.findings.extend(other.findings)
