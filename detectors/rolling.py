"""Cuts a run's events into rollups: the small sums that the second stage (drift, deployment budgets) sees."""

from __future__ import annotations

from copy import copy
from hashlib import sha256

from msgspec import Struct, field

from detectors.detector import Run
from detectors.event import Event, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult
from detectors.loops.trace import trace_call, trace_result
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

    rollups: how many were cut. cut_at: the offset of the last one, -1 before the first. did, came, changes: of a run
    that a timer started (`detectors.loops.trace`).
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
    did: int = 0
    came: int = 0
    changes: int = 0


class RollupCutter:
    """One rollup for each scope that the run names, every ``steps`` tool results and when the run finishes; of a run
    that another one started, at its start too.

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
        # Written out, since it is done with every event: a call would cost as much as the sums.
        if kind is ToolResult:
            sums.results += 1
            status = event.status  # type: ignore[attr-defined]
            if status != "ok" and (
                status == "error" or status == "timeout" or (status is None and event.exit_code)  # type: ignore[attr-defined]
            ):
                sums.errors += 1
                sums.run_errors += 1
            seconds = event.duration_s  # type: ignore[attr-defined]
            if seconds is not None and 0.0 <= seconds <= MAX_AMOUNT:
                sums.tool_seconds += seconds
                sums.timed_results += 1
            if run.schedule_id is not None:
                trace_result(event, sums)  # type: ignore[arg-type]
            if sums.results < self._results and sums.steps < self._calls and sums.model_calls < self._calls:
                return []
        elif kind is ToolCall:
            sums.steps += 1
            sums.run_steps += 1
            tools = sums.tools
            name = event.tool  # type: ignore[attr-defined]
            if name in tools:
                tools[name] += 1
            else:
                name = name[:MAX_TOOL_NAME]
                if name not in tools and not _room(tools, name):
                    name = OTHER
                tools[name] = tools.get(name, 0) + 1
            if run.schedule_id is not None:
                trace_call(event, sums)  # type: ignore[arg-type]
            if sums.steps < self._calls and sums.results < self._results and sums.model_calls < self._calls:
                return []
        elif kind is ModelCall:
            sums.model_calls += 1
            if count := event.input_tokens:  # type: ignore[attr-defined]
                sums.input_tokens = min(sums.input_tokens + count, MAX_TOKENS)
            if count := event.output_tokens:  # type: ignore[attr-defined]
                sums.output_tokens = min(sums.output_tokens + count, MAX_TOKENS)
            cost = event.cost_usd  # type: ignore[attr-defined]
            if cost is not None and 0.0 <= cost <= MAX_AMOUNT:
                sums.cost_usd += cost
                sums.run_cost_usd += cost
            if sums.model_calls < self._calls and sums.results < self._results and sums.steps < self._calls:
                return []
        elif kind is RunFinished or (kind is RunStarted and run.parent_run_id and not sums.rollups):
            return self._cut(event, sums, run, partition)
        else:
            return []
        if run.offset == sums.cut_at and run.offset >= 0:
            return []  # one a message; the next one carries the rest
        return self._cut(event, sums, run, partition)

    def _cut(self, event: Event, sums: Sums, run: Run, partition: int) -> list[Rollup]:
        kind = type(event)
        finished = kind is RunFinished and not sums.finished
        if not finished and kind is RunFinished:
            return []  # finished a second time: what came in between waits for a full rollup
        targets = [(scope, target) for scope in SCOPES if (target := getattr(run, scope))]
        if run.schedule_id and not run.agent_name:
            targets.insert(0, ("agent_name", run.schedule_id))  # what a timer starts is a deployment of its own
        cut: list[Rollup] = []
        if targets:
            cut.append(_rollup(*targets[0], event, sums, run, partition, finished))
            cut += [_for(scope, target, cut[0]) for scope, target in targets[1:]]
        _begin_again(sums, run.offset, finished)
        return cut


def _rollup(scope: str, target: str, event: Event, sums: Sums, run: Run, partition: int, finished: bool) -> Rollup:
    rollup = Rollup(
        id=_identify(run.run_id, scope, target, event.id),
        scope=scope,
        target=target,
        run_id=run.run_id,
        event_id=event.id,
        time=run.now or event.time,
        partition=partition,
        offset=run.offset,
        agent_version=run.agent_version,
        team=run.team,
        environment=run.environment,
        started=sums.rollups == 0,
        finished=finished,
        steps=sums.steps,
        results=sums.results,
        errors=sums.errors,
        model_calls=sums.model_calls,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost_usd=sums.cost_usd,
        tool_seconds=sums.tool_seconds,
        timed_results=sums.timed_results,
        tools=sums.tools,  # the sums get others
    )
    if run.parent_run_id:
        rollup.parent_run_id, rollup.agent_name = run.parent_run_id, run.agent_name
    if finished:
        rollup.run_steps = sums.run_steps
        rollup.run_errors = sums.run_errors
        rollup.run_cost_usd = sums.run_cost_usd
        rollup.run_seconds = max(0.0, run.now - run.started_at) if run.started_at > 0.0 else 0.0
        if run.schedule_id is not None:
            rollup.schedule_id = run.schedule_id
            rollup.run_did, rollup.run_came, rollup.run_changes = sums.did, sums.came, sums.changes
    return rollup


def _for(scope: str, target: str, first: Rollup) -> Rollup:
    """The same rollup for another scope of its run."""
    rollup = copy(first)
    rollup.id = _identify(first.run_id, scope, target, first.event_id)
    rollup.scope, rollup.target, rollup.tools = scope, target, dict(first.tools)
    return rollup


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


def _identify(run_id: str, scope: str, target: str, event_id: str) -> str:
    text = f"{run_id}\x1f{scope}\x1f{target}\x1f{event_id}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
