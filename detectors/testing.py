"""For whoever writes a detector: a story in, its findings out, the way the engine does it, without Kafka.

>>> from detectors.blindness import Blindness
>>> story = Stream()
>>> events = [story.call("ls"), story.result("a b"), story.skip(3).call("ls")]
>>> [finding.rule for finding in watch(Blindness(), events)]
['blindness.gap']
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeVar

from msgspec import Struct

from detectors.detector import Detector, Example, Finding, RuleSet, Run, Thresholds
from detectors.event import Event, Message, ModelCall, RunFinished, ToolCall, ToolResult
from detectors.sequence import Sequences

E = TypeVar("E", bound=Event)


class Stream:
    """Builds the events of one run in order. ``step``: seconds from an event to the next."""

    def __init__(self, run_id: str = "run", *, at: float = 1_755_000_000.0, step: float = 1.0, **common: Any) -> None:
        self.run_id, self.now, self.step, self.common = run_id, at, step, common
        self._seq = 0
        self._call = ""

    def skip(self, events: int) -> Stream:
        """As if so many events were lost."""
        self._seq += events
        return self

    def wait(self, seconds: float) -> Stream:
        self.now += seconds
        return self

    def call(self, command: str | None = None, *, tool: str = "bash", **given: Any) -> ToolCall:
        if command is not None:
            given.setdefault("arguments", {"command": command})
        self._call = f"c{self._seq}"
        return self._event(ToolCall, tool=tool, **{"call_id": self._call, **given})

    def result(self, output: str | None = None, exit_code: int | None = 0, **given: Any) -> ToolResult:
        given = {"call_id": self._call, "output": output, "exit_code": exit_code, **given}
        given.setdefault("status", None if exit_code is None else "error" if exit_code else "ok")
        return self._event(ToolResult, **given)

    def model(self, usd: float | None = None, tokens: int | None = None, **given: Any) -> ModelCall:
        return self._event(ModelCall, cost_usd=usd, input_tokens=tokens, **given)

    def says(self, text: str, role: str = "assistant", **given: Any) -> Message:
        return self._event(Message, role=role, text=text, **given)

    def finish(self, **given: Any) -> RunFinished:
        return self._event(RunFinished, **given)

    def steps(self, *pairs: tuple[str, str] | tuple[str, str, int | None], took: float = 0.0) -> list[Event]:
        """Calls with their results: ``(command, output)`` or ``(command, output, exit_code)``."""
        events: list[Event] = []
        for command, output, *code in pairs:
            events.append(self.call(command))
            self.wait(took)
            events.append(self.result(output, code[0] if code else 0))
        return events

    def _event(self, kind: type[E], **given: Any) -> E:
        self._seq += 1
        self.now += self.step
        common = {"id": f"{self.run_id}-{self._seq}", "time": self.now, "run_id": self.run_id, "seq": self._seq}
        return kind(**{**common, **self.common, **given})


class Watch:
    """One detector on one run. ``seen``: the events that the detector was shown."""

    def __init__(
        self, detector: Detector[Any], run: Run | None = None, thresholds: dict[str, Thresholds] | None = None
    ) -> None:
        self.detector = detector
        self.run = deepcopy(run) if run is not None else Run(run_id="run")
        self.rules = RuleSet.defaults(type(detector)).replace(thresholds or {})
        self.state: Struct = detector.State()
        self.sequences = Sequences()

    def see(self, event: Event) -> list[Finding]:
        missing = self.sequences.observe(event)
        if missing is None:
            return []
        run = self.run
        run.started_at = run.started_at or event.time
        run.now, run.missing = event.time, missing
        run.offset += 1
        if not isinstance(event, self.detector.kinds):
            return []
        return list(self.detector.observe(event, self.state, run, self.rules))


def watch(
    detector: Detector[Any],
    events: Iterable[Event],
    run: Run | None = None,
    thresholds: dict[str, Thresholds] | None = None,
) -> list[Finding]:
    """All findings of a detector on the events of one run."""
    watching = Watch(detector, run, thresholds)
    return [finding for event in events for finding in watching.see(event)]


def watch_example(detector: Detector[Any], example: Example) -> list[Finding]:
    return watch(detector, example.events, example.run, example.thresholds)
