"""What a detector is: it sees one run's events in order, keeps a small typed state, and returns findings.

Pure: no I/O, no Kafka, no wall clock, no randomness. Time is `Run.now`, which comes from the events. What a finding
leads to (an alert, a pause, a kill) is decided by the policy, never here.

A new detector is one file, one line in `detectors/__init__.py`, and one case table in ``tests/detectors``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from msgspec import Struct, field

from detectors.event import Event

if TYPE_CHECKING:
    from detectors.allowance import Allowance
    from detectors.destructive.kinds import Kinds

Severity = Literal["info", "warning", "critical"]
Mode = Literal["off", "shadow", "notice", "alert", "deny", "pause", "kill"]
MODES: tuple[Mode, ...] = ("off", "shadow", "notice", "alert", "deny", "pause", "kill")

EXCERPT = 240  # characters of an event that an alert quotes


class Thresholds(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The numbers of one rule that people tune. Each field is a key of the rule in the policy's YAML."""


class Rule(Struct, kw_only=True, frozen=True):
    """One thing a detector can find. ``id`` is ``family.name`` and is never given to anything else later."""

    id: str
    title: str
    severity: Severity
    mode: Mode
    description: str
    thresholds: type[Thresholds] = Thresholds

    @property
    def family(self) -> str:
        return self.id.split(".", 1)[0]


class Evidence(Struct, frozen=True, array_like=True):
    """One event that shows what was found. ``offset`` is its place in the run's partition (-1: not known)."""

    event_id: str
    offset: int
    excerpt: str


class Finding(Struct, kw_only=True, frozen=True):
    """What a detector saw.

    key: tells findings of one rule in one run apart; the same rule and key again updates the same alert.
    score: how sure (0 to 1), or for a limit how much of it was used (1.0: all of it).
    severity: in place of the rule's own, where the thing found says so.
    cap: the strongest answer this finding justifies, whatever the policy's mode (a warning never kills).
    facts: numbers and words for people and for the policy's conditions; JSON values.
    """

    rule: str
    title: str
    summary: str
    key: str = ""
    score: float = 1.0
    severity: Severity | None = None
    cap: Mode | None = None
    evidence: tuple[Evidence, ...] = ()
    facts: dict[str, Any] = {}


class Grants(Struct, kw_only=True, omit_defaults=True):
    """What an operator allowed this run. Only `killcord.operator` fills it: an agent's own word never lowers a verdict.

    approved: rule ids, or ``rule:key``, whose findings are let through.
    limits: raised limits by name, such as ``usd``.
    """

    approved: list[str] = []
    limits: dict[str, float] = {}


class Stopped(Struct, kw_only=True):
    """Proof that this run was stopped: ``last_seq`` of ``agent_id`` as the kill-switch acknowledged it."""

    command_id: str
    time: float
    agent_id: str = ""
    last_seq: int | None = None


class Run(Struct, kw_only=True, omit_defaults=True):
    """What is known of a run; the same for all detectors. They read it and never write it.

    now: event time of the current event, capped by the broker's stamp. offset: the event's, -1 if there is none.
    missing: how many events of the current event's agent and publisher are missing right before it (`Sequences`).
    """

    run_id: str
    agent_name: str | None = None
    agent_version: str | None = None
    team: str | None = None
    environment: str | None = None
    workspace: str | None = None
    schedule_id: str | None = None
    parent_run_id: str | None = None
    labels: dict[str, Any] | None = None
    started_at: float = 0.0
    now: float = 0.0
    offset: int = -1
    missing: int = 0
    finished: bool = False
    grants: Grants = field(default_factory=Grants)
    stopped: Stopped | None = None

    def evidence(self, event: Event, excerpt: str) -> Evidence:
        return Evidence(event.id, self.offset, shorten(excerpt))


def shorten(text: str, limit: int = EXCERPT) -> str:
    """At most ``limit`` characters, of which the end is kept too: that is where errors stand."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 3]} … {text[-tail:]}"


class Example(Struct, kw_only=True, frozen=True):
    """A story that a detector carries to show when it fires and when it stays quiet. The shared checks run it.

    fires: a rule that must fire, or None if nothing may. thresholds: in place of the built-in ones, by rule id.
    """

    name: str
    events: tuple[Event, ...]
    fires: str | None = None
    run: Run = field(default_factory=lambda: Run(run_id="example"))
    thresholds: dict[str, Thresholds] = {}


S = TypeVar("S", bound=Struct)
D = TypeVar("D")


class Detector(ABC, Generic[S]):
    """Judges one event at a time.

    name: the field that holds its state in the run's state. kinds: the events it wants to see, no others come.
    State: an msgspec struct, small and bounded, that survives msgpack. rules: what it may find.
    state_bytes: the most that its state may take in msgpack, whatever comes.
    judges_repeats: also looks at calls that are dropped as repeats, on a copy of its state: a number that is used
    twice must not hide a call. What it finds anew there is answered.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[type[Event], ...]]
    rules: ClassVar[tuple[Rule, ...]]
    State: ClassVar[type[Struct]]
    state_bytes: ClassVar[int] = 4096
    judges_repeats: ClassVar[bool] = False

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Stories that fire and stories that stay quiet."""
        return ()

    @abstractmethod
    def observe(self, event: Event, state: S, run: Run, rules: RuleSet) -> Iterable[Finding]:
        """Update ``state`` with the event and return what it shows. Score before learning."""


class RuleSet:
    """The thresholds that the policy gives the rules for one scope (agent, team, environment), by rule id.

    A rule that is off is not in it, so ``rules.get(ID) is None`` is the cheap way to skip its work.
    allowances: the policy's exceptions that may hold there. tools: kinds (shell, python, ...) and globs
    of tools that take it.
    """

    __slots__ = ("_derived", "_thresholds", "allowances", "get", "tools")

    def __init__(
        self,
        thresholds: dict[str, Thresholds],
        allowances: tuple[Allowance, ...] = (),
        tools: Kinds = (),
    ) -> None:
        self._thresholds = thresholds
        self.allowances = allowances
        self.tools = tools
        self._derived: dict[Any, Any] = {}
        # A method of the dict itself, since it is called with every event. The thresholds of a rule, or None.
        self.get: Callable[[str], Any] = thresholds.get

    def derive(self, compute: Callable[[RuleSet], D]) -> D:
        """``compute(rules)``, done once a scope: what a detector works out of the thresholds alone."""
        try:
            found: D = self._derived[compute]
        except KeyError:
            found = self._derived[compute] = compute(self)
        return found

    def __contains__(self, rule: object) -> bool:
        return rule in self._thresholds

    @classmethod
    def defaults(cls, *detectors: type[Detector[Any]]) -> RuleSet:
        """Every rule of these detectors with its built-in thresholds: for tests and doctests."""
        return cls({rule.id: rule.thresholds() for detector in detectors for rule in detector.rules})

    def replace(self, thresholds: dict[str, Thresholds]) -> RuleSet:
        """The same rules, some with other thresholds."""
        return RuleSet(self._thresholds | thresholds, self.allowances, self.tools)
