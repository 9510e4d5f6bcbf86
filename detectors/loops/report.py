"""The parts of a finding that all rules share."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.detector import Evidence, Run
from detectors.event import Event, ToolResult
from detectors.loops.state import NANO, Agent, Place


@dataclass(frozen=True, slots=True)
class Spent:
    """seconds of event time; usd: None if the agent's model calls carry no cost."""

    seconds: float
    usd: float | None

    @classmethod
    def since(cls, first: Place, event: Event, agent: Agent) -> Spent:
        usd = (agent.nano_usd - first.nano_usd) / NANO if agent.nano_usd else None
        return cls(round(max(0.0, event.time - first.time), 3), usd)

    @property
    def usd_per_hour(self) -> float | None:
        """What an hour more of it costs, as it went so far; None where that is not known."""
        if self.usd is None or self.seconds < 1.0:
            return None
        return round(self.usd * 3600 / self.seconds, 2)

    def facts(self) -> dict[str, float | None]:
        return {"seconds": self.seconds, "cost_usd": self.usd, "usd_per_hour": self.usd_per_hour}

    def forecast(self) -> str:
        """A sentence, or nothing."""
        return f" Going on costs ${self.usd_per_hour:.2f} an hour." if self.usd and self.usd_per_hour else ""

    def __str__(self) -> str:
        time = f"{self.seconds:.0f} s" if self.seconds < 120 else f"{self.seconds / 60:.0f} min"
        return time if self.usd is None else f"{time} for ${self.usd:.2f}"


def who(event: Event) -> str:
    return f"Run {event.run_id}" + (f", agent {event.agent_id}," if event.agent_id else "")


def occurrences(run: Run, event: Event, label: str, *places: Place | None) -> tuple[Evidence, ...]:
    """The places whose event ids are known, each once, and the event at hand with what came back."""
    shown = {place.event_id: place for place in places if place is not None and place.event_id}
    shown.pop(event.id, None)
    calls = tuple(Evidence(place.event_id, place.offset, label) for place in shown.values())
    text = (event.output or "") if isinstance(event, ToolResult) else label
    return (*calls, run.evidence(event, text))
