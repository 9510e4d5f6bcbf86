"""How the demo shows itself: live on a terminal, plain lines elsewhere, JSON lines for scripts."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from monitor.demo.observe import Seen
from monitor.messages import Ack, Alert, Command
from monitor.terminal import clean

PICTURE_WIDTH = 132
LINES = 12  # of the log that the live view keeps below its table


class Show(Protocol):
    """What a demo is shown by."""

    def begin(self, fleet: dict[str, Seen]) -> None: ...
    def says(self, line: str) -> None: ...
    def message(self, run_id: str, message: Alert | Command | Ack) -> None: ...
    def state(self, fleet: dict[str, Seen]) -> None: ...
    def end(self, fleet: dict[str, Seen], seconds: float) -> None: ...


def told(run_id: str, message: Alert | Command | Ack) -> str:
    """One line on one message."""
    match message:
        case Alert():
            again = f" (revision {message.revision})" if message.revision > 1 else ""
            return f"alert    {run_id}: {message.rule} → {message.mode}{again}. {message.summary}"
        case Command():
            return f"command  {run_id}: {message.action}, epoch {message.epoch}"
        case Ack():
            detail = f" ({message.detail})" if message.detail else ""
            return f"ack      {run_id}: {message.status} by {message.consumer}{detail}"


def verdict(seen: Seen) -> str:
    missing = seen.missing()
    return "as it must be" if missing is None else missing


def row(seen: Seen) -> dict[str, Any]:
    """One run, for the table and for JSON. seconds: from the event to the proven stop."""
    caught, command, proof = seen.caught, seen.command, seen.proof
    answered = None if command is None else command.action
    if answered is not None and seen.cast.resumed and seen.resumed:
        answered = "pause, resume"
    if seen.cast.escalated and seen.escalated:
        answered = f"{answered}, escalated"
    return {
        "run": seen.cast.run_id,
        "agent_name": seen.cast.agent_name,
        "did": seen.cast.did,
        "caught_by": None if caught is None else caught.rule,
        "command": answered,
        "seconds": None if seen.seconds is None else round(seen.seconds, 3),
        "actions_after": seen.actions_after,
        "proof": None if proof is None else proof.detail,
        "passed": seen.missing() is None,
        "missing": seen.missing(),
    }


def table(fleet: dict[str, Seen], title: str) -> Table:
    drawn = Table(title=title, title_justify="left", expand=False)
    for column in ("run", "what it did", "what caught it", "command", "event to proven stop", "actions after", ""):
        drawn.add_column(column, overflow="fold")  # no name is cut in a narrow window
    for seen in fleet.values():
        cells = row(seen)
        seconds = cells["seconds"]
        drawn.add_row(
            cells["run"],
            cells["did"],
            cells["caught_by"] or "–",
            cells["command"] or "–",
            "–" if seconds is None else f"{seconds * 1000:.0f} ms",
            "–" if cells["actions_after"] is None else str(cells["actions_after"]),
            Text("✓", style="green") if cells["passed"] else Text(cells["missing"] or "", style="yellow"),
        )
    return drawn


class Plain:
    """One line as it comes, and the table at the end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()

    def begin(self, fleet: dict[str, Seen]) -> None:
        self.says(f"killcord demo: a worker and {len(fleet)} agents, each under a kill-switch")

    def says(self, line: str) -> None:
        self._print(line)

    def message(self, run_id: str, message: Alert | Command | Ack) -> None:
        minor = isinstance(message, Ack) and message.status in ("watching", "received")
        if not (minor or (isinstance(message, Alert) and message.revision > 1)) or not self._console.record:
            self._print(told(run_id, message))

    def state(self, fleet: dict[str, Seen]) -> None:
        return

    def end(self, fleet: dict[str, Seen], seconds: float) -> None:
        self._console.print(table(fleet, f"Killcord, after {seconds:.0f} s"))
        wrong = {run: seen.missing() for run, seen in fleet.items() if seen.missing() is not None}
        for run, missing in wrong.items():
            self._console.print(f"[red]{run}: {escape(missing or '')}[/]", highlight=False)
        self._console.print("passed" if not wrong else f"failed: {len(wrong)} of {len(fleet)} runs", highlight=False)

    def _print(self, line: str) -> None:
        recording = self._console.record
        drawn = Text.assemble(
            (f"{datetime.now():%H:%M:%S} ", "dim"), clean(line), overflow="ellipsis", no_wrap=recording
        )
        self._console.print(drawn, highlight=False, soft_wrap=not recording)


class OnTerminal(Plain):
    """The table live, with the latest lines below it."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._lines: list[str] = []
        self._began = time.monotonic()

    def begin(self, fleet: dict[str, Seen]) -> None:
        self._live.start()
        super().begin(fleet)
        self.state(fleet)

    def state(self, fleet: dict[str, Seen]) -> None:
        lines = (Text(line, overflow="ellipsis", no_wrap=True) for line in self._lines)
        drawn = table(fleet, f"Killcord, {time.monotonic() - self._began:.0f} s")
        self._live.update(Group(drawn, *lines))

    def end(self, fleet: dict[str, Seen], seconds: float) -> None:
        self.close()
        super().end(fleet, seconds)

    def close(self) -> None:
        self._live.stop()

    def _print(self, line: str) -> None:
        self._lines = [*self._lines[-(LINES - 1) :], f"{datetime.now():%H:%M:%S} {clean(line)}"]


class Json:
    """A line for each run, then one with ``passed``; progress goes to standard error."""

    def begin(self, fleet: dict[str, Seen]) -> None:
        return

    def says(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def message(self, run_id: str, message: Alert | Command | Ack) -> None:
        return

    def state(self, fleet: dict[str, Seen]) -> None:
        return

    def end(self, fleet: dict[str, Seen], seconds: float) -> None:
        for seen in fleet.values():
            _line(row(seen))
        _line({"passed": all(seen.missing() is None for seen in fleet.values()), "seconds": round(seconds, 1)})


def recorder() -> Console:
    """A console that also remembers, in the width of the picture."""
    return Console(record=True, width=PICTURE_WIDTH)


def picture(console: Console, path: str) -> None:
    """What a recording console showed, as SVG."""
    drawn = console.export_svg(title="killcord demo", font_aspect_ratio=0.61)
    # Fonts from elsewhere: a picture must not call anyone.
    Path(path).write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))


def _line(value: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()
