"""One run told in events: what the engine's tests speak in."""

from __future__ import annotations

from typing import Any

import msgspec

from detectors.detector import Detector, Finding, RuleSet, Run
from detectors.event import Event, ToolCall
from monitor.engine import inputs
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState, decode, encode, new
from monitor.messages import Ack, Alert, Command, OperatorDecision
from monitor.policy import Policy

RUN = "run-1"
KILL, PAUSE, SHADOW = "budget.run", "loops.repeat", "blindness.gap"  # real rule ids, played by the actor below


class NoState(msgspec.Struct):
    """An actor remembers nothing."""


class Actor(Detector[NoState]):
    """Finds what a tool call's arguments tell it to: a script for tests."""

    name = "budget"
    kinds = (ToolCall,)
    rules = ()
    State = NoState

    def observe(self, event: Event, state: NoState, run: Run, rules: RuleSet) -> list[Finding]:
        assert isinstance(event, ToolCall)
        if event.tool == "crash":
            raise ZeroDivisionError("a bug")
        if not isinstance(event.arguments, dict):
            return []
        return [
            Finding(title="Found", summary="It was found.", evidence=(run.evidence(event, "x"),), **item)
            for item in event.arguments["find"]
        ]


class Story:
    """One run, told in events; time passes by a second each."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.engine = Engine(policy or Policy.load(None), detectors=[Actor])
        self.state: RunState = new(RUN)
        self.n = 0

    def event(self, event: Event) -> Outcome:
        at = Position("killcord.events", 3, self.n, 1000.0 + self.n)
        self.n += 1
        return self.engine.take(self.state, [event], at)

    def find(self, *found: dict[str, Any], tool: str = "t") -> Outcome:
        event = ToolCall(
            id=f"e{self.n}", time=1000.0 + self.n, run_id=RUN, seq=self.n, agent_id="main", agent_name="coder",
            tool=tool, arguments={"find": list(found)},
        )  # fmt: skip
        return self.event(event)

    def ack(self, status: str, command_id: str | None = None, consumer: str = "guard", **more: Any) -> Outcome:
        fields: dict[str, Any] = {"last_seq": None, "actions_after": None, "detail": "", **more}
        ack = Ack(command_id=command_id, run_id=RUN, status=status, time=2000.0, consumer=consumer, **fields)  # type: ignore[arg-type]
        return inputs.acknowledge(self.state, ack, self.engine.policy.digest)

    def decide(self, decision: str, **more: Any) -> Outcome:
        said = OperatorDecision(
            id=more.pop("id", decision), decision=decision, scope="run", target=RUN, time=1.0, by="ann", **more  # type: ignore[arg-type]
        )  # fmt: skip
        return inputs.decide(self.state, said, self.engine.policy.digest)

    def reload(self) -> None:
        """As a take-over by another worker does."""
        self.state = decode(encode(self.state))


def kill(out: Outcome) -> Command:
    assert [command.action for command in out.commands] == ["kill"]
    return out.commands[0]


def only(out: Outcome) -> Alert:
    assert len(out.alerts) == 1
    return out.alerts[0]
