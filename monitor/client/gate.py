"""A gate in the agent's own process: every tool call is judged before it runs, with Kafka far away or down.

The same engine, detectors and policy as the worker's, so both give the same verdict. The gate refuses what the policy
answers with deny, pause or kill; the worker, which sees the published call too, issues the commands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from detectors.detector import MODES, Mode, Severity, shorten
from detectors.event import Event, RunStarted, ToolCall, ToolResult
from monitor.client.circumstances import Circumstances, applied, circumstances, with_context
from monitor.client.encoding import Unfit, cut_output, encoded
from monitor.decode import MAX_EVENT_BYTES
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.rules import DETECTOR_FAILED
from monitor.engine.state import new
from monitor.policy import Policy
from monitor.terminal import clean

REFUSING = frozenset({"deny", "pause", "kill"})
MOST_REASON = 1200  # characters
Word = Literal["allow", "alert", "deny", "pause", "kill"]
WORDS: dict[Mode, Word] = {
    "off": "allow", "shadow": "allow", "notice": "allow", "alert": "alert", "deny": "deny", "pause": "pause",
    "kill": "kill",
}  # fmt: skip
INSTEAD: dict[Mode, str] = {
    "deny": "Do not try the same in another way: take a step that destroys nothing, or ask a person.",
    "pause": "Stop here and ask a person how to go on.",
    "kill": "This run is over: call no more tools.",
}


class Verdict(Struct, frozen=True):
    """What the gate says of one call. mode: the strongest answer of the policy; ``off``: nothing was found.

    reason: for the agent, why it was refused and what it may do instead; empty if it wasn't. effects: what the call
    would destroy, as JSON values. explanation: for people, what was found, whatever the answer.
    """

    allowed: bool
    mode: Mode = "off"
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""
    effects: tuple[dict[str, Any], ...] = ()
    explanation: str = ""

    @property
    def verdict(self) -> Word:
        """The mode in the words of `killcord judge`: ``allow`` is also what is only recorded, or told in passing."""
        return WORDS[self.mode]


class Denied(Exception):
    """A call was refused. The text is meant for the agent: give it back as the tool's result."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Gate:
    """Judges the calls of one run.

    Parameters: who runs (``agent_name``, ``team``, ``environment`` choose the policy's rules); ``workspace``: the
    directory that is the run's own; ``policy``: a file, or None for the shipped one. Raises PolicyError for a bad file,
    and ValueError for a run_id that no event may have. Not safe for several threads at once: calls of one run are
    judged in order. Once a call was answered with a kill, every later one is refused.

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
        self._engine = Engine(Policy.load(None if policy is None else str(policy)), on_error=self._detector_failed)
        self._failed: str | None = None
        self._state = new(run_id)
        self._killed: Verdict | None = None
        self._held: Verdict | None = None
        self._judge(RunStarted(id=_id(), time=time.time(), run_id=run_id, workspace=workspace, **self._who))

    def check(
        self,
        tool: str,
        arguments: Mapping[str, Any] | str | None,
        context: Circumstances | Mapping[str, Any] | None = None,
        *,
        call_id: str | None = None,
        agent_id: str = "",
    ) -> Verdict:
        """Judges a call that is about to run. Never raises for what an agent gives: what can't be judged is refused.

        context: of this call, where it differs from the run's: ``cwd``, ``environment``, ``workspace``, ``labels``,
        ``agent_name``, ``team``, and ``annotations`` of the tool. It is the caller's word, so what an agent may choose
        does not belong there. Raises ValueError for a context that is none.

        >>> gate = Gate("run-2", workspace="/src/app")
        >>> gate.check("bash", {"command": "rm -rf data"}, {"cwd": "/"}).effects[0]["target"]
        '/data'
        """
        where = circumstances(context)
        if where.run_id not in (None, self.run_id):
            raise ValueError(
                f"context: run_id is {where.run_id!r}, and this is the gate of {self.run_id!r}: leave it out"
            )
        if self._killed is not None:
            return self._killed
        held, self._held = self._held, None
        if held is not None:
            return held
        call = ToolCall(
            id=_id(),
            time=time.time() if where.time is None else where.time,
            run_id=self.run_id,
            agent_id=agent_id,
            tool=tool,
            call_id=call_id,
            arguments=with_context(tool, arguments, where),
            **self._who,
        )
        self._failed = None
        try:
            with applied(self._state.run, where):
                verdict = _verdict(self._judge(call))
        except Unfit as error:
            return _refused("deny", None, "warning", f"this call can't be judged, since {error}")
        if self._failed is not None and verdict.allowed:
            why = f"this call can't be judged, since {self._failed}"
            verdict = _refused("deny", DETECTOR_FAILED.id, "warning", why)
        self._after(verdict)
        return verdict

    def enforce(self, tool: str, arguments: Mapping[str, Any] | str | None, **more: Any) -> None:
        """`check`, and raises `Denied` for a call that is refused."""
        verdict = self.check(tool, arguments, **more)
        if not verdict.allowed:
            raise Denied(verdict)

    def result(
        self, call_id: str | None, *, exit_code: int | None = None, output: str | None = None, agent_id: str = ""
    ) -> None:
        """What came of a call: loops are seen by results, and what the run made is its own to delete.

        What it leads to, such as a pause for a loop, refuses the next call; the one after is judged by itself again.
        Raises ValueError for what no event may say, such as an exit code beyond 64 bits.
        """
        kept, size, _ = cut_output(output) if output is not None else (None, None, None)
        out = self._judge(
            ToolResult(
                id=_id(),
                time=time.time(),
                run_id=self.run_id,
                agent_id=agent_id,
                call_id=call_id,
                exit_code=exit_code,
                status=None if exit_code is None else "ok" if exit_code == 0 else "error",
                output=kept,
                output_bytes=size,
                **self._who,
            )
        )
        verdict = _verdict(out)
        self._after(verdict)
        if not verdict.allowed:
            self._held = verdict

    def _detector_failed(self, name: str, error: Exception) -> None:
        self._failed = f"{name} failed on it ({type(error).__name__}: {error})"

    def _after(self, verdict: Verdict) -> None:
        if verdict.mode == "kill":
            self._killed = verdict

    def _judge(self, event: Event) -> Outcome:
        """Judges what the worker will read of this event: the same bytes, decoded by the same code."""
        _, read = encoded(event, MAX_EVENT_BYTES)
        return self._engine.process(self._state, read.events[0], Position(None, None, -1))


def _verdict(out: Outcome) -> Verdict:
    if not out.alerts:
        return Verdict(True)
    worst = max(out.alerts, key=lambda alert: MODES.index(alert.mode))
    found = next((finding.summary for finding in out.findings if finding.rule == worst.rule), worst.title)
    effects = tuple(effect for finding in out.findings for effect in finding.facts.get("effects", ()))
    explanation = clean(shorten("; ".join(finding.summary for finding in out.findings), MOST_REASON))
    if worst.mode not in REFUSING:
        return Verdict(True, worst.mode, worst.rule, worst.severity, "", effects, explanation)
    refused = _refused(worst.mode, worst.rule, worst.severity, found)
    return msgspec.structs.replace(refused, effects=effects, explanation=explanation)


def _refused(mode: Mode, rule: str | None, severity: Severity, why: str) -> Verdict:
    """``why`` quotes what the agent wrote: nothing in it may speak to a terminal."""
    text = clean(shorten(why, MOST_REASON))
    named = f" ({rule})" if rule else ""
    return Verdict(False, mode, rule, severity, f"Refused by Killcord{named}: {text} {INSTEAD[mode]}")


def _id() -> str:
    return os.urandom(16).hex()
