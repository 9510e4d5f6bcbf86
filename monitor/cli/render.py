"""Runs, alerts and time lines as people read them: rich on a terminal, plain lines otherwise. Reads nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from detectors.event import Event, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult
from monitor.cli.records import Seen
from monitor.counted import counted
from monitor.engine.canary import canary_alert
from monitor.messages import Ack, Alert, Command, JournalEntry, OperatorDecision
from monitor.terminal import clean

TEXT = 160
STYLES = {"alert": "yellow", "command": "bold red", "ack": "green", "operator": "cyan", "journal": "dim"}


class Run:
    """What is known of one run, summed up."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.agent_name: str | None = None
        self.first, self.last = float("inf"), 0.0
        self.events = self.tool_calls = self.alerts = 0
        self.usd = 0.0
        self.task: str | None = None
        self.state = "running"
        self.watched = False
        self._canary = False

    @property
    def canary(self) -> bool:
        """The watchdog's own, and nothing but that: another event, and it is shown."""
        return self._canary and self.events <= 1

    def take(self, one: Seen) -> None:
        value = one.value
        if isinstance(value, Event):
            self.first, self.last = min(self.first, one.time), max(self.last, one.time)
            self.events += 1
            self.agent_name = value.agent_name or self.agent_name
            self.tool_calls += isinstance(value, ToolCall)
            self.usd += (value.cost_usd or 0.0) if isinstance(value, ModelCall) else 0.0
            if isinstance(value, RunStarted):
                self.task = value.task
            if isinstance(value, RunFinished) and self.state == "running":
                self.state = "finished"
        elif isinstance(value, Alert):
            self.alerts += value.revision <= 1 and value.mode != "shadow"
            self._canary |= canary_alert(value)
        elif isinstance(value, Ack):
            self._ack(value)

    def _ack(self, ack: Ack) -> None:
        self.last = max(self.last, ack.time)
        self.first = min(self.first, ack.time)
        match ack.status:
            case "watching":
                self.watched = True
            case "stopped":
                self.state, self.watched = "killed", False
            case "ended":
                self.watched = False
                self.state = self.state if self.state in ("killed", "finished") else "ended"
            case "paused":
                self.state = "paused"
            case "resumed":
                self.state = "running"

    def as_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id, "agent_name": self.agent_name, "state": self.state, "watched": self.watched,
            "first": self.first, "last": self.last, "events": self.events, "tool_calls": self.tool_calls,
            "usd": round(self.usd, 6), "alerts": self.alerts, "task": self.task,
        }  # fmt: skip


def print_runs(runs: Sequence[Run]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("run", "deployment", "state", "watched", "seen", "events", "tools", "USD", "alerts", "task"):
        numbers = name in ("events", "tools", "USD", "alerts")
        table.add_column(name, justify="right" if numbers else "left", no_wrap=name not in ("task", "run"))
    for run in runs:
        table.add_row(
            escape(run.run_id), escape(run.agent_name or ""), run.state, "yes" if run.watched else "no",
            clock(run.last), str(run.events), str(run.tool_calls), f"{run.usd:.2f}", str(run.alerts),
            escape(_short(run.task or "", 60)),
        )  # fmt: skip
    console = Console()
    if not console.is_terminal:
        console.width = 200  # whoever reads a pipe cuts it himself
    console.print(table if runs else "no runs were seen: --since looks further back", highlight=False)


def alert_line(alert: Alert) -> str:
    where = alert.run_id or alert.key
    command = f"  command {alert.command_id}" if alert.command_id else ""
    state = "" if alert.status == "open" else f"  {alert.status}"
    head = f"{clock(alert.time)}  {alert.severity:8}  {alert.mode:6}  {alert.rule}  {where}{state}{command}"
    return f"{head}\n    {clean(alert.title)}: {clean(alert.summary)}"


def print_time_line(run: str, found: Sequence[Seen]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"run {run}", style="bold"))
    for one in found:
        head, more = _words(one.value)
        line = Text(f"{clock(one.time, exact=True)}  {one.kind:12} ")
        line.append(head, style=STYLES.get(one.kind, ""))
        console.print(line)
        for text in more:
            console.print(Text(f"{'':28}{text}", style="dim"))


def _words(value: Any) -> tuple[str, list[str]]:
    match value:
        case Alert():
            evidence = [f"evidence: {entry.event_id} {_at(entry)} {_short(entry.excerpt)}" for entry in value.evidence]
            head = f"{value.severity} {value.rule} ({value.mode}, revision {value.revision}, {value.status}): "
            return head + clean(value.title), [clean(value.summary), *evidence]
        case Command():
            by = f"by {value.issued_by}, command {value.id}, epoch {value.epoch}"
            cause = f"after event {value.event_id} (seq {value.seq}), alert {value.alert_id}"
            more = [by, cause] if value.event_id else [by]
            return f"{value.action} {value.standing_key}{_why(value.reason)}", more
        case Ack():
            after = value.actions_after
            counts = "" if after is None else f", {counted(after, 'action')} after the event"
            of = f" command {value.command_id}" if value.command_id else ""
            return f"{value.status}{of}{counts}", [f"{clean(value.detail)} ({clean(value.consumer)})".strip()]
        case OperatorDecision():
            what = value.rule or ", ".join(f"{name}={limit:g}" for name, limit in value.limits.items())
            return f"{' '.join(filter(None, (value.decision, what)))} by {value.by}{_why(value.reason)}", []
        case JournalEntry():
            place = "before its first event" if value.offset < 0 else f"after offset {value.offset}"
            return f"{value.kind} took effect {place}", [f"digest {value.digest}"]
        case ToolCall():
            return f"{value.tool} {_short(_arguments(value.arguments))}", []
        case ToolResult():
            return f"{value.status or ''} {_short(value.output or '')}", []
        case Event():
            import msgspec

            common = {*Event.__struct_fields__, "kind"}
            own = {name: item for name, item in msgspec.structs.asdict(value).items() if name not in common}
            return _short(" ".join(f"{name}={item}" for name, item in own.items() if item is not None)), []
    return _short(str(value)), []


def _why(reason: str) -> str:
    return f": {clean(reason)}" if reason else ""


def _arguments(given: dict[str, Any] | str | None) -> str:
    return given if isinstance(given, str) else " ".join(f"{name}={item}" for name, item in (given or {}).items())


def _at(entry: Any) -> str:
    return "" if entry.offset is None else f"{entry.topic}[{entry.partition}]@{entry.offset}"


def clock(unix: float, exact: bool = False) -> str:
    try:
        local = time.strftime("%H:%M:%S" if exact else "%m-%d %H:%M:%S", time.localtime(unix))
    except (ValueError, OverflowError, OSError):  # an agent may say any time
        return f"{unix:g}"
    return f"{local}.{round(unix % 1 * 1000) % 1000:03d}" if exact else local


def _short(text: str, most: int = TEXT) -> str:
    return clean(text if len(text) <= most else f"{text[: most - 1]}…")
