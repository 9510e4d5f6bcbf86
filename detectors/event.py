"""The events that agents publish: one typed struct a kind.

Names follow OpenTelemetry's GenAI semantic conventions without the ``gen_ai.`` prefix. Units: seconds, US dollars,
tokens, bytes. These structs are the one source of the decoder, the JSON Schemas and the AsyncAPI document. Unknown
fields are skipped while decoding and cost nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

RunId = Annotated[str, Meta(min_length=1, max_length=256, description="The run: a top-level task and its sub-agents.")]
Name = Annotated[str, Meta(max_length=256)]
Seconds = Annotated[float, Meta(ge=0, description="Seconds.")]
UnixTime = Annotated[float, Meta(ge=0, le=253_402_300_799, description="Unix seconds, UTC; at most the year 9999.")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Dollars = Annotated[float, Meta(ge=0, description="US dollars.")]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Labels: TypeAlias = dict[str, str | Whole | float | bool | None]


class Event(Struct, kw_only=True, tag_field="kind", omit_defaults=True):
    """What every event carries.

    ``id`` may be left out by a producer; the decoder then derives one from the bytes, so a replay gives the same.
    ``seq`` counts up by one per run, agent and publisher: gaps are blindness, repeats are dropped.
    """

    kind: ClassVar[str] = ""

    id: Annotated[Name, Meta(description="Left out: derived from the bytes.")] = ""
    time: UnixTime
    run_id: RunId
    agent_id: Annotated[Name, Meta(description="A sub-agent has its own.")] = ""
    parent_agent_id: Annotated[Name | None, Meta(description="The agent that started this one.")] = None
    agent_name: Annotated[Name | None, Meta(description="The deployment: the baseline for drift.")] = None
    agent_version: Name | None = None
    team: Name | None = None
    environment: Name | None = None
    publisher: Annotated[Name, Meta(description="Who wrote it: sdk, hook, guard, otlp.")] = ""
    seq: Annotated[Count | None, Meta(description="Counts up by one per run, agent and publisher.")] = None


class RunStarted(Event, tag="run.started", kw_only=True):
    """A task begins."""

    kind: ClassVar[str] = "run.started"
    task: str | None = None
    workspace: str | None = None
    labels: Labels | None = None
    parent_run_id: Annotated[Name | None, Meta(description="Of a restarted or spawned run.")] = None
    schedule_id: Annotated[Name | None, Meta(description="Of a run started by a timer.")] = None


class ModelCall(Event, tag="model.call", kw_only=True):
    """A model answered. Both cache counts are parts of ``input_tokens``, reasoning is part of ``output_tokens``."""

    kind: ClassVar[str] = "model.call"
    provider: Name | None = None
    model: Name | None = None
    input_tokens: Annotated[Count | None, Meta(description="Tokens, those from and to the cache included.")] = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Annotated[Count | None, Meta(description="Part of input_tokens.")] = None
    cache_write_input_tokens: Annotated[Count | None, Meta(description="Part of input_tokens.")] = None
    reasoning_output_tokens: Annotated[Count | None, Meta(description="Part of output_tokens.")] = None
    cost_usd: Dollars | None = None
    duration_s: Seconds | None = None
    finish_reason: Name | None = None


class ToolCall(Event, tag="tool.call", kw_only=True):
    """The agent asks for a tool, before it runs. ``arguments`` is what the tool takes: an object, or one text."""

    kind: ClassVar[str] = "tool.call"
    tool: Name
    call_id: Name | None = None
    arguments: dict[str, Any] | str | None = None


class ToolResult(Event, tag="tool.result", kw_only=True):
    """The tool came back. ``output`` may be cut; ``output_bytes`` is its whole length."""

    kind: ClassVar[str] = "tool.result"
    call_id: Name | None = None
    status: Literal["ok", "error", "denied", "timeout"] | None = None
    exit_code: Whole | None = None
    output: Annotated[str | None, Meta(description="May be cut.")] = None
    output_sha256: Name | None = None
    output_bytes: Annotated[Count | None, Meta(description="Of the whole output.")] = None
    duration_s: Seconds | None = None


class Message(Event, tag="message", kw_only=True):
    """Text by the agent or the user."""

    kind: ClassVar[str] = "message"
    role: Name | None = None
    text: str | None = None


class Decision(Event, tag="decision", kw_only=True):
    """A branch was chosen."""

    kind: ClassVar[str] = "decision"
    name: str | None = None
    chosen: str | None = None
    alternatives: list[str] | None = None


class CommitPoint(Event, tag="commit_point", kw_only=True):
    """A state that can be returned to."""

    kind: ClassVar[str] = "commit_point"
    name: str | None = None
    revert: Annotated[str | None, Meta(description="How to return to it.")] = None


class RunFinished(Event, tag="run.finished", kw_only=True):
    """The agent says it is done."""

    kind: ClassVar[str] = "run.finished"
    outcome: Name | None = None
    claim: Annotated[str | None, Meta(description="What the agent says it achieved.")] = None


class Heartbeat(Event, tag="heartbeat", kw_only=True):
    """The agent lives."""

    kind: ClassVar[str] = "heartbeat"


class Metric(Event, tag="metric", kw_only=True):
    """Any number worth watching."""

    kind: ClassVar[str] = "metric"
    name: Name
    value: float
    unit: Name | None = None
    labels: Labels | None = None


KINDS: tuple[type[Event], ...] = (
    RunStarted, ModelCall, ToolCall, ToolResult, Message, Decision, CommitPoint, RunFinished, Heartbeat, Metric,
)  # fmt: skip

AnyEvent: TypeAlias = (
    RunStarted | ModelCall | ToolCall | ToolResult | Message | Decision | CommitPoint | RunFinished | Heartbeat | Metric
)


class UnknownEvent(Struct, kw_only=True):
    """An event of a kind that this version doesn't know: counted, never judged."""

    kind: str
    run_id: RunId
    time: UnixTime
    id: Name = ""


def encode(event: Event) -> bytes:
    """The event as JSON, without the fields that were not given."""
    return msgspec.json.encode(event)
