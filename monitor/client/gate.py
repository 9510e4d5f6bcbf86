"""A gate in the agent's own process: every tool call is judged before it runs, with Kafka far away or down.

The same engine, detectors and policy as the worker's, so both give the same verdict. The gate refuses what the policy
answers with deny, pause or kill; the worker, which sees the published call too, issues the commands.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from detectors.detector import MODES, Mode, Severity
from detectors.event import Event, RunStarted, ToolCall, ToolResult
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import new
from monitor.policy import Policy

REFUSING = frozenset({"deny", "pause", "kill"})


class Verdict(Struct, frozen=True):
    """What the gate says of one call. mode: the strongest answer of the policy; ``off``: nothing was found.

    reason: for the agent, why it was refused and what it may do instead; empty if it wasn't.
    """

    allowed: bool
    mode: Mode = "off"
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""


class Denied(Exception):
    """A call was refused. The text is meant for the agent: give it back as the tool's result."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Gate:
    """Judges the calls of one run.

    Parameters: who runs (``agent_name``, ``team``, ``environment`` choose the policy's rules); ``workspace``: the
    directory that is the run's own; ``policy``: a file, or None for the shipped one. Raises PolicyError for a bad file.
    Not safe for several threads at once: calls of one run are judged in order.

    >>> gate = Gate("run-1", workspace="/src/app")
    >>> gate.check("bash", {"command": "ls -la"}).allowed
    True
    >>> gate.check("bash", {"command": "rm -rf / --no-preserve-root"}).mode
    'kill'
    """

    def __init__(
        self,
        run_id: str,
        *,
        agent_name: str | None = None,
        team: str | None = None,
        environment: str | None = None,
        workspace: str | None = None,
        policy: str | Path | None = None,
    ) -> None:
        self.run_id = run_id
        self._who: dict[str, Any] = {"agent_name": agent_name, "team": team, "environment": environment}
        self._engine = Engine(Policy.load(None if policy is None else str(policy)))
        self._state = new(run_id)
        self._judge(RunStarted(id=_id(), time=time.time(), run_id=run_id, workspace=workspace, **self._who))

    def check(
        self, tool: str, arguments: Mapping[str, Any] | str | None, *, call_id: str | None = None, agent_id: str = ""
    ) -> Verdict:
        """Judges a call that is about to run."""
        call = ToolCall(
            id=_id(),
            time=time.time(),
            run_id=self.run_id,
            agent_id=agent_id,
            tool=tool,
            call_id=call_id,
            arguments=dict(arguments) if isinstance(arguments, Mapping) else arguments,
            **self._who,
        )
        return _verdict(self._judge(call))

    def enforce(self, tool: str, arguments: Mapping[str, Any] | str | None, **more: Any) -> None:
        """`check`, and raises `Denied` for a call that is refused."""
        verdict = self.check(tool, arguments, **more)
        if not verdict.allowed:
            raise Denied(verdict)

    def result(
        self, call_id: str | None, *, exit_code: int | None = None, output: str | None = None, agent_id: str = ""
    ) -> None:
        """What came of a call: loops are seen by results, and what the run made is its own to delete."""
        self._judge(
            ToolResult(
                id=_id(),
                time=time.time(),
                run_id=self.run_id,
                agent_id=agent_id,
                call_id=call_id,
                exit_code=exit_code,
                status=None if exit_code is None else "ok" if exit_code == 0 else "error",
                output=output,
                **self._who,
            )
        )

    def _judge(self, event: Event) -> Outcome:
        return self._engine.process(self._state, event, Position(None, None, -1))


def _verdict(out: Outcome) -> Verdict:
    if not out.alerts:
        return Verdict(True)
    worst = max(out.alerts, key=lambda alert: MODES.index(alert.mode))
    if worst.mode not in REFUSING:
        return Verdict(True, worst.mode, worst.rule, worst.severity)
    found = next((finding.summary for finding in out.findings if finding.rule == worst.rule), worst.title)
    return Verdict(False, worst.mode, worst.rule, worst.severity, f"Refused by Killcord ({worst.rule}): {found}")


def _id() -> str:
    return uuid.uuid4().hex
