"""Trajectories of mini-swe-agent, one run a line: steps with thought, command, exit code, output, cumulative cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from detectors.event import Event, Message, ModelCall, RunFinished, RunStarted, ToolCall, ToolResult

AGENT_NAME = "mini-swe-agent"


class Step(Struct):
    """``t``: seconds of an arbitrary clock. ``cost_usd``: of the run so far."""

    t: float | None = None
    cost_usd: float | None = None
    thought: str | None = None
    cmd: str | None = None
    exit_code: int | None = None
    output: str | None = None


class Row(Struct):
    run: str
    steps: list[Step]
    task: str | None = None
    submitted: bool | None = None
    failure_mode: str | None = None


def events_of(row: Row) -> Iterator[Event]:
    """The run as its events: a model call, a thought, a tool call and its result for each step."""
    time = next((step.t for step in row.steps if step.t is not None), 0.0)
    seq = 0

    def common() -> dict[str, Any]:
        nonlocal seq
        seq += 1
        return {
            "id": f"{row.run}/{seq}", "time": time, "run_id": row.run[:256], "agent_id": "main",
            "agent_name": AGENT_NAME, "publisher": "replay", "seq": seq,
        }  # fmt: skip

    yield RunStarted(**common(), task=row.task)
    spent = 0.0
    for number, step in enumerate(row.steps):
        time = max(time, step.t if step.t is not None else time)
        total = step.cost_usd if step.cost_usd is not None else spent
        yield ModelCall(**common(), cost_usd=max(0.0, total - spent))
        spent = max(spent, total)
        if step.thought:
            yield Message(**common(), role="assistant", text=step.thought)
        if step.cmd is not None:
            yield ToolCall(**common(), tool="bash", call_id=str(number), arguments={"command": step.cmd})
            status = None if step.exit_code is None else "ok" if step.exit_code == 0 else "error"
            output = step.output or ""
            yield ToolResult(
                **common(),
                call_id=str(number),
                status=status,
                exit_code=step.exit_code,
                output=output,
                output_bytes=len(output.encode("utf-8", "replace")),
            )
    yield RunFinished(**common(), outcome="submitted" if row.submitted else row.failure_mode or "unknown")
