"""What an agent tells of itself, in its own words: one method for each kind of event. Nothing here blocks or raises."""

from __future__ import annotations

import os
import secrets
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from detectors.event import (
    CommitPoint,
    Decision,
    Event,
    Heartbeat,
    Labels,
    Message,
    Metric,
    ModelCall,
    RunFinished,
    RunStarted,
    ToolCall,
    ToolResult,
)  # fmt: skip
from monitor.client.connection import log
from monitor.client.encoding import Unfit, cut_output, encode

REMEMBERED = 65_536  # tool calls whose seq is kept, to say how many came after one


class Call(Struct, frozen=True):
    """A tool call that was told, to tell its result with."""

    call_id: str
    tool: str
    started: float


class Emitter(ABC):
    """Gives events their ids and numbers. Events of one emitter have one run, one agent and one publisher.

    What is not given is read from KILLCORD_RUN_ID, KILLCORD_AGENT_ID, KILLCORD_AGENT_NAME and so on; an id that is
    nowhere given is made up. ``seq`` counts from 1 and is given before the buffer decides, so a drop is a hole in it.
    A restarted program must have another agent_id: what repeats a seq is taken for a repeat.
    """

    def __init__(
        self,
        run_id: str | None = None,
        *,
        agent_id: str | None = None,
        parent_agent_id: str | None = None,
        agent_name: str | None = None,
        agent_version: str | None = None,
        team: str | None = None,
        environment: str | None = None,
        publisher: str = "sdk",
        limit: int,
    ) -> None:
        env = os.environ.get
        self.run_id = (run_id or env("KILLCORD_RUN_ID") or f"run-{secrets.token_hex(8)}")[:256]
        self.agent_id = (agent_id or env("KILLCORD_AGENT_ID") or f"agent-{secrets.token_hex(6)}")[:256]
        self.parent_agent_id = parent_agent_id or env("KILLCORD_PARENT_AGENT_ID")
        self.agent_name = agent_name or env("KILLCORD_AGENT_NAME")
        self.agent_version = agent_version or env("KILLCORD_AGENT_VERSION")
        self.team = team or env("KILLCORD_TEAM")
        self.environment = environment or env("KILLCORD_ENVIRONMENT")
        self.publisher = publisher
        self.refused = 0
        self._limit = limit
        self._seq = 0
        self._last_kept: int | None = None
        self._tool_calls: deque[int] = deque(maxlen=REMEMBERED)
        self._nonce = secrets.token_hex(8)
        self._numbering = threading.Lock()

    @abstractmethod
    def _put(self, value: bytes) -> bool:
        """Buffers; False if there was no room."""

    @property
    @abstractmethod
    def dropped(self) -> int:
        """Events that were never sent: refused, or no room for them. Each is a hole in ``seq``."""

    @property
    def last_seq(self) -> int | None:
        """Of the last event that was taken; None before the first."""
        return self._last_kept

    def tool_calls_since(self, seq: int) -> int:
        """How many tool calls were told after the event with this seq (at most 65,536 are remembered)."""
        with self._numbering:
            calls = list(self._tool_calls)
        return len(calls) - bisect_right(calls, seq)

    def publish(self, event: Event) -> bool:
        """Any event; what it leaves empty of id, seq, agent and deployment is filled in. False if it was dropped."""
        try:
            with self._numbering:
                return self._publish(event)
        except Unfit as error:
            self.refused += 1
            if self.refused == 1:
                log.warning("an event cannot be told and is dropped: %s; further ones are only counted", error)
            return False

    def _publish(self, event: Event) -> bool:
        self._seq += 1
        event.seq = self._seq
        event.id = event.id or f"{self._nonce}-{self._seq}"
        event.publisher = event.publisher or self.publisher
        event.agent_id = event.agent_id or self.agent_id
        event.parent_agent_id = event.parent_agent_id or self.parent_agent_id
        event.agent_name = event.agent_name or self.agent_name
        event.agent_version = event.agent_version or self.agent_version
        event.team = event.team or self.team
        event.environment = event.environment or self.environment
        if event.run_id != self.run_id:
            raise Unfit(f"{event.kind}: run_id is {event.run_id!r}, this publisher's is {self.run_id!r}")
        if not self._put(encode(event, self._limit)):
            return False
        self._last_kept = self._seq
        if isinstance(event, ToolCall):
            self._tool_calls.append(self._seq)
        return True

    def _common(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "time": time.time()}

    def run_started(
        self,
        task: str | None = None,
        *,
        workspace: str | None = None,
        labels: Labels | None = None,
        parent_run_id: str | None = None,
        schedule_id: str | None = None,
    ) -> bool:
        return self.publish(
            RunStarted(**self._common(), task=task, workspace=workspace, labels=labels, parent_run_id=parent_run_id,
                       schedule_id=schedule_id)
        )  # fmt: skip

    def tool_call(
        self, tool: str, arguments: Mapping[str, Any] | str | None = None, call_id: str | None = None
    ) -> Call:
        """Before the tool runs. The answer goes to `tool_result`."""
        call = Call(call_id or f"call-{self._nonce}-{self._seq + 1}", tool, time.monotonic())
        given = dict(arguments) if isinstance(arguments, Mapping) else arguments
        self.publish(ToolCall(**self._common(), tool=tool, call_id=call.call_id, arguments=given))
        return call

    def tool_result(
        self,
        call: Call | str,
        status: Literal["ok", "error", "denied", "timeout"] = "ok",
        output: str | bytes | None = None,
        exit_code: int | None = None,
        duration_s: float | None = None,
    ) -> bool:
        """``output`` is cut at 64 KiB. The duration is measured from the call, unless given."""
        if isinstance(call, Call) and duration_s is None:
            duration_s = round(time.monotonic() - call.started, 6)
        kept, size, digest = (None, None, None) if output is None else cut_output(output)
        return self.publish(
            ToolResult(**self._common(), call_id=call.call_id if isinstance(call, Call) else call, status=status,
                       exit_code=exit_code, output=kept, output_bytes=size, output_sha256=digest,
                       duration_s=duration_s)
        )  # fmt: skip

    def model_call(
        self,
        model: str | None = None,
        *,
        provider: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_input_tokens: int | None = None,
        cache_write_input_tokens: int | None = None,
        reasoning_output_tokens: int | None = None,
        cost_usd: float | None = None,
        duration_s: float | None = None,
        finish_reason: str | None = None,
    ) -> bool:
        """After the model answered. Both cache counts are parts of input_tokens."""
        return self.publish(
            ModelCall(**self._common(), model=model, provider=provider, input_tokens=input_tokens,
                      output_tokens=output_tokens, cache_read_input_tokens=cache_read_input_tokens,
                      cache_write_input_tokens=cache_write_input_tokens,
                      reasoning_output_tokens=reasoning_output_tokens, cost_usd=cost_usd, duration_s=duration_s,
                      finish_reason=finish_reason)
        )  # fmt: skip

    def message(self, text: str, role: str = "assistant") -> bool:
        return self.publish(Message(**self._common(), role=role, text=text))

    def decision(self, name: str, chosen: str, alternatives: Sequence[str] = ()) -> bool:
        return self.publish(Decision(**self._common(), name=name, chosen=chosen, alternatives=list(alternatives)))

    def commit_point(self, name: str, revert: str | None = None) -> bool:
        return self.publish(CommitPoint(**self._common(), name=name, revert=revert))

    def metric(self, name: str, value: float, unit: str | None = None, labels: Labels | None = None) -> bool:
        return self.publish(Metric(**self._common(), name=name, value=value, unit=unit, labels=labels))

    def heartbeat(self) -> bool:
        return self.publish(Heartbeat(**self._common()))

    def run_finished(self, outcome: str | None = None, claim: str | None = None) -> bool:
        return self.publish(RunFinished(**self._common(), outcome=outcome, claim=claim))
