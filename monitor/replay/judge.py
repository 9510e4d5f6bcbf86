"""Runs recorded events through the engine, as the worker does: the same code, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from detectors.event import Event
from detectors.fleet import FleetState
from monitor.engine.engine import Engine
from monitor.engine.fleet import FleetEngine
from monitor.engine.governor import Governor
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, new
from monitor.messages import Alert, Command
from monitor.policy import Policy


class Judged(NamedTuple):
    """What one message led to. ``time``: event time of its run."""

    time: float
    run_id: str
    alerts: list[Alert]
    commands: list[Command]


class FileJudge:
    """Judges messages of files. States stay in memory: as many as there are runs in the files."""

    def __init__(self, policy: Policy, on_error: Callable[[str, Exception], None]) -> None:
        self.engine = Engine(policy, Governor(), on_error=on_error)
        self.fleet = FleetEngine(policy)
        self.runs: dict[str, RunState] = {}
        self._fleet_states: dict[str, FleetState] = {}

    def take(self, run_id: str, events: list[Event], at: Position) -> Judged:
        state = self.runs.get(run_id)
        if state is None:
            state = self.runs[run_id] = new(run_id)
        out = self.engine.take(state, events, at)
        self._second_stage(out)
        return Judged(state.run.now, run_id, out.alerts, out.commands)

    def _second_stage(self, out: Outcome) -> None:
        for rollup in out.rollups:
            state = self._fleet_states.setdefault(rollup.key, FleetState())
            more = self.fleet.process(state, rollup)
            out.alerts.extend(more.alerts)
            out.commands.extend(more.commands)


def lines(judged: Judged) -> Iterator[tuple[str, Alert | Command]]:
    """``alert`` and ``command`` in the order that they are said in: the alert, then the command that it led to."""
    left = list(judged.commands)
    for alert in judged.alerts:
        yield "alert", alert
        for command in [command for command in left if command.id == alert.command_id]:
            left.remove(command)
            yield "command", command
    for command in left:
        yield "command", command
