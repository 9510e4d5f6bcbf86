"""A replay for people: each run, what was found in it, and what would have been done."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape as escape_markup

from detectors.detector import MODES
from monitor.counted import counted
from monitor.messages import Alert, Command
from monitor.replay.judge import Judged
from monitor.terminal import clean

STYLE = {"info": "dim", "warning": "yellow", "critical": "bold red"}


class Report:
    """Collects by run; prints runs in the order in which they came."""

    def __init__(self) -> None:
        self._alerts: dict[str, dict[str, Alert]] = {}
        self._commands: dict[str, list[Command]] = {}
        self._events: dict[str, int] = {}

    def saw(self, run_id: str, events: int) -> None:
        self._events[run_id] = self._events.get(run_id, 0) + events

    def add(self, judged: Judged) -> None:
        for alert in judged.alerts:
            self._alerts.setdefault(alert.key, {})[alert.id] = alert  # the highest revision comes last
        for command in judged.commands:
            self._commands.setdefault(command.key, []).append(command)

    def print(self, console: Console) -> None:
        for run_id in dict.fromkeys([*self._events, *self._alerts]):
            self._run(console, run_id)
        found = sum(len(alerts) for alerts in self._alerts.values())
        console.print(
            f"{counted(len(self._events), 'run')}, {counted(sum(self._events.values()), 'event')}: "
            f"{counted(found, 'alert')}, {counted(sum(map(len, self._commands.values())), 'command')} in "
            f"{counted(sum(run in self._alerts for run in self._events), 'run')}",
            highlight=False,
        )

    def _run(self, console: Console, run_id: str) -> None:
        alerts = list(self._alerts.get(run_id, {}).values())
        events = self._events.get(run_id)
        size = "" if events is None else f" [dim]{events} events[/]"
        if not alerts:
            console.print(f"[bold]{_safe(run_id)}[/]{size}  nothing found", highlight=False)
            return
        worst = max((alert.mode for alert in alerts), key=MODES.index)
        console.print(f"[bold]{_safe(run_id)}[/]{size}  [bold]{worst}[/]", highlight=False)
        for alert in alerts:
            style = STYLE[alert.severity]
            console.print(
                f"  [{style}]{alert.severity:8}[/] {alert.mode:7} {alert.rule}: {_safe(alert.summary)}",
                highlight=False,
            )
            for item in alert.evidence[:3]:
                where = "" if item.offset is None else f" line {item.offset + 1}" if item.topic is None else (
                    f" {item.topic}[{item.partition}]@{item.offset}"
                )  # fmt: skip
                console.print(
                    f"           [dim]{_safe(item.event_id)}{where}: {_safe(item.excerpt)}[/]", highlight=False
                )
        for command in self._commands.get(run_id, []):
            console.print(f"  → {command.action} {_safe(command.target)}", highlight=False)


def _safe(text: str) -> str:
    return escape_markup(clean(text))
