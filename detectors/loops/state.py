"""What is remembered of a run's steps: one step is a call with its result."""

from __future__ import annotations

from msgspec import Struct, field

from detectors.detector import Run
from detectors.event import Event

NANO = 1_000_000_000  # money is summed in billionths of a dollar
MOST = 2**62
LONGEST_CYCLE = 8
AGENTS = 4  # of a run that are followed at a time
PENDING = 6  # calls of a run whose results are awaited
FAILURES = 3  # different ones that are counted for each agent
LOOPS = 2  # that each agent was told of and that are remembered
LONGEST_ID = 40  # bytes of an event's id; a longer one is not kept as evidence


class Place(Struct, array_like=True):
    """Where something happened. nano_usd: what the agent had cost by then, in billionths of a dollar."""

    event_id: str
    offset: int
    time: float
    nano_usd: int


class Pending(Struct, array_like=True):
    """A call whose result is awaited.

    numbers: those in its arguments. steps_on: it moves through something one step at a time, as scrolling does.
    bare: its arguments were not published.
    """

    agent: int
    call_id: int
    call: int
    label: str
    numbers: str
    steps_on: bool
    bare: bool
    at: Place


class Step(Struct, array_like=True):
    """Fingerprints of a call and its result. masked: 0 if it was not needed."""

    call: int
    exact: int
    masked: int
    at: Place

    def same(self, other: Step) -> bool:
        return self.call == other.call and (
            self.exact == other.exact or (self.masked != 0 and self.masked == other.masked)
        )


class Streak(Struct, array_like=True):
    """The last ``length`` steps are each the same as the one ``period`` steps before.

    first: the first of them all. waited: seconds inside tools. unknown: a result in it was not published.
    ended: when the last whole round did. gap: seconds that it took. slower: how often in a row a round took longer.
    """

    period: int
    length: int
    first: Place
    waited: float = 0.0
    unknown: bool = False
    ended: float = 0.0
    gap: float = 0.0
    slower: int = 0

    @property
    def rounds(self) -> int:
        return self.length // self.period + 1

    @property
    def backs_off(self) -> bool:
        """Each round takes longer than the one before, or as long as it did when it had become longer."""
        return self.slower >= min(2, self.rounds - 2)


class Failure(Struct, array_like=True):
    """One failure signature. call: the last that met it. commands: how many times that was another one than before."""

    signature: int
    call: int
    step: int
    first: Place
    previous: Place
    count: int = 1
    commands: int = 1


class Told(Struct, array_like=True):
    """A loop that was told of, by the rule and key of its alert.

    calls: what it consists of. failure: the signature that its results had, or 0. level: the strongest answer so far.
    count: rounds or failures. said: of them when it was told last. step: where it was seen last.
    """

    rule: str
    key: str
    calls: list[int]
    failure: int
    step: int
    level: int = 0
    count: int = 0
    said: int = 0


class Agent(Struct, array_like=True):
    """ended: when the last step did."""

    nano_usd: int = 0
    steps: int = 0
    ended: float = 0.0
    recent: list[Step] = field(default_factory=list)
    streaks: list[Streak] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


class LoopsState(Struct, omit_defaults=True):
    agents: dict[int, Agent] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)

    def agent(self, key: int) -> Agent:
        """The agent's memory. The one that was silent longest makes room, if possible one that repeats nothing."""
        agents = self.agents
        agent = agents.get(key)
        if agent is None:
            if len(agents) >= AGENTS:
                quiet = (key for key, other in agents.items() if not (other.streaks or other.failures or other.told))
                del agents[next(quiet, next(iter(agents)))]
            agent = agents[key] = Agent()
        elif len(agents) > 1:
            agents[key] = agents.pop(key)  # at the end: the order is that of the latest event
        return agent

    def await_result(self, call: Pending) -> Pending | None:
        """Remember a call. Returns the one that is given up for it, if any."""
        self.pending.append(call)
        return self.pending.pop(0) if len(self.pending) > PENDING else None

    def take_call(self, agent: int, call_id: int) -> Pending | None:
        """The call that a result belongs to: by its id, else the oldest of the agent that is waiting."""
        for index, pending in enumerate(self.pending):
            if pending.agent == agent and (call_id == pending.call_id or not (call_id and pending.call_id)):
                return self.pending.pop(index)
        return None


def place(event: Event, agent: Agent, run: Run) -> Place:
    known = event.id
    if len(known) > LONGEST_ID or not (known.isascii() or len(known.encode("utf-8", "replace")) <= LONGEST_ID):
        known = ""
    return Place(known, run.offset, event.time, agent.nano_usd)
