"""Cuts a run's events into rollups: the small sums that the second stage (drift, deployment budgets) sees."""

from __future__ import annotations

import hashlib
from typing import Any

from msgspec import Struct, field

from detectors.detector import Run
from detectors.event import Event, ModelCall, RunFinished, ToolCall, ToolResult
from detectors.rollup import STEPS_PER_ROLLUP, Rollup

MAX_TOOLS = 32
MAX_TOOL_NAME = 64  # characters
MAX_NAMES = 1024  # bytes of all tools' names together; rollups are cut before there are many
OTHER = "other"
SCOPES = ("agent_name", "team", "environment")
MAX_AMOUNT = 1e12  # dollars or seconds of one event; what is beyond is no measurement, and sums of it stay finite
MAX_TOKENS = 2**53  # what JSON's readers hold exactly


class Sums(Struct, kw_only=True, omit_defaults=True):
    """What was seen since the run's last rollup, and (``run_*``) since its start. A part of the run's state.

    rollups: how many were cut. cut_at: the offset of the last one, -1 before the first.
    """

    rollups: int = 0
    cut_at: int = -1
    finished: bool = False
    steps: int = 0
    results: int = 0
    errors: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    tool_seconds: float = 0.0
    timed_results: int = 0
    tools: dict[str, int] = field(default_factory=dict)
    run_steps: int = 0
    run_errors: int = 0
    run_cost_usd: float = 0.0


class RollupCutter:
    """One rollup for each scope that the run names, every ``steps`` tool results and when the run finishes.

    A run whose results or tool calls are not published is cut after twice as many tool or model calls. Nothing but the
    run's own events counts, so the same events give the same rollups in any batches and on any worker. An error is a
    result with status error or timeout, or without a status and with an exit code other than 0; a denied call never
    ran and is none. Cost: under 1 µs an event. Memory: under 300 bytes a run, 1.4 KiB at most.

    Positions: a message can hold many events at one offset. At most one rollup is cut there, and after it the one
    that is ``finished``, so (offset, finished) is different for all rollups of a key and source partition and rises.

    >>> cutter, sums, run = RollupCutter(), Sums(), Run(run_id="r", agent_name="coder", team="web")
    >>> def seen(event): return [(r.key, r.steps, r.finished) for r in cutter.observe(event, sums, run, partition=0)]
    >>> seen(ToolCall(id="1", time=1.0, run_id="r", tool="shell"))
    []
    >>> seen(RunFinished(id="2", time=2.0, run_id="r"))
    [('agent_name:coder', 1, True), ('team:web', 1, True)]
    """

    __slots__ = ("_calls", "_results")

    def __init__(self, steps: int = STEPS_PER_ROLLUP) -> None:
        self._results = steps
        self._calls = 2 * steps

    def observe(self, event: Event, sums: Sums, run: Run, partition: int) -> list[Rollup]:
        """Add ``event`` to ``sums`` and return what is due. ``partition``: the event's; its offset is the run's."""
        kind = type(event)
        if kind is ToolResult:
            self._result(event, sums)  # type: ignore[arg-type]
        elif kind is ToolCall:
            sums.steps += 1
            sums.run_steps += 1
            tools = sums.tools
            name = event.tool  # type: ignore[attr-defined]
            if name not in tools:
                name = name[:MAX_TOOL_NAME]
                if name not in tools and not _room(tools, name):
                    name = OTHER
            tools[name] = tools.get(name, 0) + 1
        elif kind is ModelCall:
            self._model(event, sums)  # type: ignore[arg-type]
        elif kind is RunFinished:
            return self._cut(event, sums, run, partition)
        else:
            return []
        if sums.results < self._results and sums.steps < self._calls and sums.model_calls < self._calls:
            return []
        if run.offset == sums.cut_at and run.offset >= 0:
            return []  # one a message; the next one carries the rest
        return self._cut(event, sums, run, partition)

    def _result(self, event: ToolResult, sums: Sums) -> None:
        sums.results += 1
        status = event.status
        if status == "error" or status == "timeout" or (status is None and event.exit_code):
            sums.errors += 1
            sums.run_errors += 1
        seconds = event.duration_s
        if seconds is not None and 0.0 <= seconds <= MAX_AMOUNT:
            sums.tool_seconds += seconds
            sums.timed_results += 1

    def _model(self, event: ModelCall, sums: Sums) -> None:
        sums.model_calls += 1
        if event.input_tokens:
            sums.input_tokens = min(sums.input_tokens + event.input_tokens, MAX_TOKENS)
        if event.output_tokens:
            sums.output_tokens = min(sums.output_tokens + event.output_tokens, MAX_TOKENS)
        cost = event.cost_usd
        if cost is not None and 0.0 <= cost <= MAX_AMOUNT:
            sums.cost_usd += cost
            sums.run_cost_usd += cost

    def _cut(self, event: Event, sums: Sums, run: Run, partition: int) -> list[Rollup]:
        finished = type(event) is RunFinished and not sums.finished
        if not finished and (type(event) is RunFinished or not (sums.steps or sums.results or sums.model_calls)):
            return []  # finished a second time: what came in between waits for a full rollup
        shared: dict[str, Any] = {
            "run_id": run.run_id,
            "event_id": event.id,
            "time": run.now or event.time,
            "partition": partition,
            "offset": run.offset,
            "agent_version": run.agent_version,
            "team": run.team,
            "environment": run.environment,
            "started": sums.rollups == 0,
            "finished": finished,
            "steps": sums.steps,
            "results": sums.results,
            "errors": sums.errors,
            "model_calls": sums.model_calls,
            "input_tokens": sums.input_tokens,
            "output_tokens": sums.output_tokens,
            "cost_usd": sums.cost_usd,
            "tool_seconds": sums.tool_seconds,
            "timed_results": sums.timed_results,
        }
        if finished:
            shared |= {
                "run_steps": sums.run_steps,
                "run_errors": sums.run_errors,
                "run_cost_usd": sums.run_cost_usd,
                "run_seconds": max(0.0, run.now - run.started_at) if run.started_at > 0.0 else 0.0,
            }
        cut = []
        for scope in SCOPES:
            if target := getattr(run, scope):
                ident = _identify(run.run_id, scope, target, event.id)
                cut.append(Rollup(id=ident, scope=scope, target=target, tools=dict(sums.tools), **shared))
        _begin_again(sums, run.offset, finished)
        return cut


def _room(tools: dict[str, int], name: str) -> bool:
    """Whether one more tool may be counted by its name."""
    if len(tools) >= MAX_TOOLS - 1:
        return False
    text = name + "".join(tools)
    return 4 * len(text) <= MAX_NAMES or len(text.encode("utf-8", "replace")) <= MAX_NAMES


def _begin_again(sums: Sums, offset: int, finished: bool) -> None:
    sums.rollups += 1
    sums.cut_at = offset
    sums.finished = sums.finished or finished
    sums.steps = sums.results = sums.errors = sums.model_calls = 0
    sums.input_tokens = sums.output_tokens = sums.timed_results = 0
    sums.cost_usd = sums.tool_seconds = 0.0
    sums.tools = {}


def _identify(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
