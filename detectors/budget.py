"""What a run may spend: money, tokens, tool calls, writes and wall time, with all its sub-agents."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Annotated, ClassVar

from msgspec import Meta, Struct, field

from detectors.detector import Detector, Example, Finding, Rule, RuleSet, Run, Thresholds
from detectors.event import KINDS, Event, ModelCall, RunStarted, ToolCall
from detectors.writes import changes_something

NANO = 1_000_000_000  # money is summed in whole billionths, or 3 * 0.10 would be more than 0.30
MOST = 2**62
MOST_USD = MOST / NANO

Amount = Annotated[int, Meta(ge=0)]
Number = Annotated[float, Meta(ge=0)]


class Limits(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The most that a run may use; null: no limit. usd in US dollars, wall_time_s in seconds."""

    usd: Number | None = None
    tokens: Amount | None = None
    tool_calls: Amount | None = None
    writes: Amount | None = None
    wall_time_s: Number | None = None


NAMES = Limits.__struct_fields__


class RunBudget(Thresholds, kw_only=True, frozen=True):
    """warn_at: the share of a limit above which a warning is given; null: none."""

    limits: Limits = Limits()
    warn_at: Annotated[float, Meta(gt=0, le=1)] | None = 0.8


RUN = Rule(
    id="budget.run",
    title="Over budget",
    severity="critical",
    mode="kill",
    description="A run with all its sub-agents used more than its limit of money, tokens, tool calls, writes or time.",
    thresholds=RunBudget,
)
UNPRICED = Rule(
    id="budget.unpriced",
    title="Money can't be counted",
    severity="info",
    mode="alert",
    description="A limit in dollars is set, and model calls come without cost_usd: it will not hold.",
)


class BudgetState(Struct, omit_defaults=True):
    """Sums of the run; nano_usd in billionths of a dollar. said: the limit that each finding was last about."""

    nano_usd: int = 0
    tokens: int = 0
    tool_calls: int = 0
    writes: int = 0
    said: dict[str, float] = field(default_factory=dict)
    unpriced: bool = False


class Budget(Detector[BudgetState]):
    """Hard limits of one run, and a warning before each.

    Tokens are input plus output tokens: cache reads and writes, and reasoning, are parts of those. An amount is over
    when it is more than the limit, not when it is equal. Wall time runs from `Run.started_at` to `Run.now` and is
    looked at on every event; once the run said that it finished, on calls only. A tool call counts when it is asked
    for, denied or not. Writes are file tools and plain shell commands (`detectors.writes`): what a script or a remote
    API changes is not seen, so that limit is a coarse one; they are counted while a limit for them is set. Runs that
    this one started under a run_id of their own are not in its sum.

    An operator's raise (`Run.grants.limits`) holds where it is higher than the policy's limit. Each finding comes
    once for a limit, and again once a raised one is passed.

    Memory: 4 integers and at most 10 limits, under 400 bytes. Cost: about 0.5 µs an event; 2 µs near a limit.
    """

    name = "budget"
    kinds = KINDS
    rules = (RUN, UNPRICED)
    State = BudgetState
    state_bytes: ClassVar[int] = 400

    def observe(self, event: Event, state: BudgetState, run: Run, rules: RuleSet) -> Iterable[Finding]:
        floors = rules.derive(_floors)
        kind = type(event)
        if kind is ModelCall or kind is ToolCall:
            _count(event, state, writes=floors.counts_writes)
        if (
            state.nano_usd <= floors.nano_usd
            and run.now - run.started_at <= floors.seconds
            and state.tokens <= floors.tokens
            and state.tool_calls <= floors.tool_calls
            and state.writes <= floors.writes
            and not (isinstance(event, ModelCall) and event.cost_usd is None and not state.unpriced)
        ):
            return ()
        thresholds: RunBudget | None = rules.get(RUN.id)
        if thresholds is None:
            return ()
        findings = []
        for name in NAMES:
            limit = _limit(name, thresholds, run)
            if limit is None:
                continue
            used = _used(name, event, state, run)
            share = thresholds.warn_at
            if used > limit:
                if state.said.get(name, -1.0) < limit:
                    state.said[name] = float(limit)
                    findings.append(_finding(name, used, limit, event, run, over=True))
            elif share is not None and used > share * limit and state.said.get(f"{name}:warn", -1.0) < limit:
                state.said[f"{name}:warn"] = float(limit)
                findings.append(_finding(name, used, limit, event, run, over=False))
        if isinstance(event, ModelCall) and event.cost_usd is None and not state.unpriced:
            money = _limit("usd", thresholds, run)
            if money is not None and UNPRICED.id in rules:
                state.unpriced = True
                findings.append(_unpriced(event, money, run))
        return findings

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        def paid(number: int, usd: float | None, tokens: int | None = None) -> ModelCall:
            return ModelCall(time=float(number), run_id="example", id=f"e{number}", cost_usd=usd, input_tokens=tokens)

        def limits(limits: Limits, warn_at: float | None = None) -> dict[str, Thresholds]:
            return {RUN.id: RunBudget(limits=limits, warn_at=warn_at)}

        thirds = (paid(1, 0.1), paid(2, 0.1), paid(3, 0.1))
        edit = ToolCall(time=1.0, run_id="example", id="e1", tool="Edit", arguments={"file_path": "a"})
        began = RunStarted(time=1.0, run_id="example", id="e0")
        late = RunStarted(time=62.0, run_id="example", id="e9")
        return (
            Example(name="reached is not exceeded", events=thirds, thresholds=limits(Limits(usd=0.3))),
            Example(name="over", events=(*thirds, paid(4, 0.01)), thresholds=limits(Limits(usd=0.3)), fires=RUN.id),
            Example(name="warns early", events=thirds, thresholds=limits(Limits(usd=0.35), 0.8), fires=RUN.id),
            Example(name="read only", events=(edit,), thresholds=limits(Limits(writes=0)), fires=RUN.id),
            Example(name="too long", events=(began, late), thresholds=limits(Limits(wall_time_s=60)), fires=RUN.id),
            Example(name="no limit", events=(*thirds, paid(5, 1e6, 2**40))),
            Example(name="no price", events=(paid(1, None),), thresholds=limits(Limits(usd=1)), fires=UNPRICED.id),
            Example(name="no price, no money limit", events=(paid(1, None, 9),), thresholds=limits(Limits(tokens=10))),
        )


class _Floors(Struct, frozen=True):
    """Amounts up to which nothing can be found, whatever was said or raised before: most events are below."""

    nano_usd: float
    tokens: float
    tool_calls: float
    writes: float
    seconds: float
    counts_writes: bool


def _floors(rules: RuleSet) -> _Floors:
    thresholds: RunBudget | None = rules.get(RUN.id)
    if thresholds is None:
        return _Floors(inf, inf, inf, inf, inf, False)
    limits, share = thresholds.limits, 1.0 if thresholds.warn_at is None else thresholds.warn_at

    def floor(limit: float | None, unit: float = 1.0) -> float:
        """A little lower, since what is compared below is rounded."""
        return inf if limit is None else share * limit * unit * (1 - 1e-9)

    return _Floors(
        floor(limits.usd, NANO),
        floor(limits.tokens),
        floor(limits.tool_calls),
        floor(limits.writes),
        floor(limits.wall_time_s) - 0.001,
        limits.writes is not None,
    )


def _count(event: Event, state: BudgetState, *, writes: bool) -> None:
    if isinstance(event, ModelCall):
        state.tokens = min(state.tokens + (event.input_tokens or 0) + (event.output_tokens or 0), MOST)
        if event.cost_usd:
            state.nano_usd = min(state.nano_usd + round(min(event.cost_usd, MOST_USD) * NANO), MOST)
    elif isinstance(event, ToolCall):
        state.tool_calls += 1
        if writes:
            state.writes += changes_something(event)


def _limit(name: str, thresholds: RunBudget, run: Run) -> float | None:
    limit: float | None = getattr(thresholds.limits, name)
    raised = run.grants.limits.get(name)
    return raised if limit is not None and raised is not None and raised > limit else limit


def _used(name: str, event: Event, state: BudgetState, run: Run) -> float:
    if name == "usd":
        return state.nano_usd / NANO
    if name == "wall_time_s":
        # Nobody's start is at the epoch: 0 is a start that is not known.
        if not run.started_at or (run.finished and not isinstance(event, ModelCall | ToolCall)):
            return 0.0
        return round(run.now - run.started_at, 3)
    used: int = getattr(state, name)
    return used


def _finding(name: str, used: float, limit: float, event: Event, run: Run, *, over: bool) -> Finding:
    minutes = (run.now - run.started_at) / 60 if run.started_at else 0.0
    facts = {"limit": limit, "used": used, "minutes": round(minutes, 2)}
    amounts = f"{WORDS[name][0]} {_show(name, used)} of {_show(name, limit)} {WORDS[name][1]}".strip()
    if name != "wall_time_s" and minutes > 1 / 60:
        rate = used / minutes
        facts["per_minute"] = rate
        amounts += f" in {minutes:.1f} min, {_show(name, rate)} a minute"
        if not over and rate > 0:
            facts["minutes_left"] = (limit - used) / rate
            amounts += f"; at this rate the limit is passed in {(limit - used) / rate:.1f} min"
    return Finding(
        rule=RUN.id,
        key=name if over else f"{name}:warn",
        title=RUN.title if over else "Nearly over budget",
        summary=f"Run {run.run_id} with all its sub-agents {amounts}.",
        score=min(used / limit, 1e6) if limit else 1.0,
        severity=None if over else "warning",
        cap=None if over else "alert",
        evidence=(run.evidence(event, f"{event.kind}: {amounts}"),),
        facts=facts,
    )


def _unpriced(event: ModelCall, limit: float, run: Run) -> Finding:
    model = event.model or "a model without a name"
    return Finding(
        rule=UNPRICED.id,
        title=UNPRICED.title,
        summary=f"Run {run.run_id} has a limit of {_show('usd', limit)}, and calls of {model} come without cost_usd: "
        "they are counted as free. Publish cost_usd, or set a limit in tokens.",
        evidence=(run.evidence(event, f"model.call of {model} without cost_usd"),),
        facts={"model": event.model, "provider": event.provider, "limit": limit},
    )


WORDS = {
    "usd": ("spent", ""),
    "tokens": ("used", "tokens"),
    "tool_calls": ("made", "tool calls"),
    "writes": ("made", "writes"),
    "wall_time_s": ("ran for", ""),
}


def _show(name: str, amount: float) -> str:
    if name == "usd":
        return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"
    if name == "wall_time_s":
        return f"{amount:,.0f} s"
    return f"{amount:,.0f}" if amount >= 10 or amount == int(amount) else f"{amount:.1f}"
