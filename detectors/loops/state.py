"""What is remembered of a run's steps: one step is a call with its result."""

from __future__ import annotations

from msgspec import Struct, field

from detectors.detector import Run
from detectors.event import Event

NANO = 1_000_000_000  # money is summed in billionths of a dollar
MOST = 2**53
AGENTS = 4  # of a run that are followed at a time
PENDING = 6  # calls of a run whose results are awaited
LATEST = 8  # steps whose words are remembered, to see how they are reworded
SEEN = 40  # steps that are remembered by what came of them: a cycle of 16 with noise is seen
CALLS = 24
RESULTS = 24
FAILURES = 5
SAID = 8  # messages whose words are remembered
LINEAGE = 16  # agents whose depth is remembered
TOLD = 4  # loops that were told of
LONGEST_ID = 36  # bytes of an event's id, as of a UUID; a longer one is not kept as evidence


class Place(Struct, array_like=True, gc=False):
    """Where something happened. nano_usd: what the agent had cost by then, in billionths of a dollar."""

    event_id: str
    offset: int
    time: float
    nano_usd: int


class Pending(Struct, array_like=True, gc=False):
    """A call whose result is awaited.

    ident, shape, words, own, flags: its `detectors.loops.fingerprint.Fingerprint`. gap: seconds since the step
    before it. idle: those in which the agent did not think. tool: hash of its name.
    """

    agent: int
    call_id: int
    ident: int
    shape: int
    words: int
    own: bytes
    flags: int
    label: str
    gap: float
    idle: float
    at: Place
    tool: int = 0


class Latest(Struct, array_like=True, gc=False):
    """A step by its call's words. outcome: hash of the failure's signature, or of the result."""

    ident: int
    shape: int
    words: int
    outcome: int


class Failure(Struct, array_like=True, gc=False):
    """A failure that was met. template: of all failures of its kind, whatever they name. ident, pair, step: of the last
    step that met it, which is in `LoopsState.seen` as ``pair``; tool: of its call. passing, kind: its
    `detectors.loops.signature.Signature`'s."""

    signature: int
    template: int
    ident: int
    pair: int
    step: int
    passing: bool = False
    kind: int = 0
    tool: int = 0


class Told(Struct, array_like=True, gc=False):
    """A loop that was told of. level: the strongest answer so far. said: its score then."""

    rule: str
    key: str
    level: int
    said: int


class Agent(Struct, array_like=True, gc=False):
    """One agent of the run.

    ended: when its last step did. thought_s: seconds of its model calls since. asked: whether there were any. waited:
    seconds in steps that only wait. spaced: seconds between its last two steps. pace: those that it waited of late,
    averaged. slower: how often in a row the space grew. pair: its last step by what came of it. row: how often in a
    row. again: steps in a row that were done before. density: share of such steps of late. acted: the last step that
    did something new. barren: results in a row that were nothing. score: evidence by kind, in hundredths of a certain
    repeat. steps: that gave it. since: the first of these. last: the call of its last step. moved: the last step in
    which a call that was made before had another answer. thinks: seconds before its new calls, averaged, where its
    model calls don't say how long they took.
    """

    nano_usd: int = 0
    ended: float = 0.0
    thought_s: float = 0.0
    asked: bool = False
    waited: float = 0.0
    spaced: float = 0.0
    pace: float = 0.0
    slower: int = 0
    pair: int = 0
    row: int = 0
    again: int = 0
    density: float = 0.0
    acted: int = 0
    barren: int = 0
    score: list[int] = field(default_factory=list)
    steps: int = 0
    since: Place | None = None
    last: Place | None = None
    told: Told | None = None
    moved: int = 0
    thinks: float = 0.0


class Together(Struct, array_like=True, gc=False):
    """What a run's agents do together: talk, and start each other.

    said, by: the words of the latest messages and who said them. asked: a user was among them. talk, spawn: evidence,
    in hundredths. lineage: depth by agent. agents: that were started. spawned: calls in a row that start agents.
    tasks: shapes of the calls that did. handed: who made the last of them.
    """

    said: list[int] = field(default_factory=list)
    by: list[int] = field(default_factory=list)
    asked: bool = False
    talk: int = 0
    spawn: int = 0
    lineage: dict[int, int] = field(default_factory=dict)
    agents: int = 0
    spawned: int = 0
    tasks: list[int] = field(default_factory=list)
    talk_since: Place | None = None
    spawn_since: Place | None = None
    talk_told: Told | None = None
    spawn_told: Told | None = None
    handed: int = 0


class LoopsState(Struct, omit_defaults=True, gc=False):
    """seen: by step and outcome, 64 times the last step that had it plus how often it was. step: counts up. coded:
    results that carried an exit code, up to 2. called, came: calls, and results, that were seen, the latest at the end.
    silent: messages, or model calls without any, since the last call."""

    followed: dict[int, Agent] = field(default_factory=dict)
    waiting: list[Pending] = field(default_factory=list)
    step: int = 0
    coded: int = 0
    silent: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    called: dict[int, int] = field(default_factory=dict)
    came: dict[int, int] = field(default_factory=dict)
    latest: list[Latest] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    together: Together | None = None

    def agent(self, key: int) -> Agent:
        """The agent's memory. The one that was silent longest makes room, if possible one that repeats nothing."""
        followed = self.followed
        agent = followed.get(key)
        if agent is None:
            if len(followed) >= AGENTS:
                quiet = (key for key, other in followed.items() if not other.score)
                del followed[next(quiet, next(iter(followed)))]
            agent = followed[key] = Agent()
        elif len(followed) > 1:
            followed[key] = followed.pop(key)  # at the end: the order is that of the latest event
        return agent

    def take_call(self, agent: int, call_id: int) -> Pending | None:
        """The call that a result belongs to: by its id, else the oldest of the agent that is waiting."""
        waiting = self.waiting
        for index, pending in enumerate(waiting):
            if pending.agent == agent and (call_id == pending.call_id or not (call_id and pending.call_id)):
                return waiting.pop(index)
        return None


def place(event: Event, agent: Agent, run: Run) -> Place:
    known = event.id
    if len(known) > LONGEST_ID or (not known.isascii() and len(known.encode("utf-8", "replace")) > LONGEST_ID):
        known = ""
    return Place(known, run.offset, event.time, agent.nano_usd)
