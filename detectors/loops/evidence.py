"""What one step says about whether anything moves: evidence for a loop, or progress.

A sequential test: each step adds its evidence, in hundredths of a certain repeat, news takes some away, and the sum
never falls below nothing. Repetition alone is none: a step counts where both the call and what came of it are known,
where a failure comes again without news in between, or where other calls bring nothing new. Waiting makes a repeat
cheap, so it counts less; doing something new in between explains why a call is made again.
"""

from __future__ import annotations

from copy import copy
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct

from detectors.loops.fingerprint import (
    BARE,
    CHANGES,
    DRAWN,
    NOTES,
    PAGES,
    RETRIES,
    SHELL,
    SPAWNS,
    STEPS_ON,
    WAITS,
    WATCHES,
)
from detectors.loops.hashing import mixed
from detectors.loops.outcome import EMPTY, UNKNOWN, Outcome
from detectors.loops.signature import Signature
from detectors.loops.state import (
    CALLS,
    FAILURES,
    LATEST,
    RESULTS,
    SEEN,
    Agent,
    Failure,
    Latest,
    LoopsState,
    Pending,
)

LONG_AGO = 28  # steps after which a repeat is hardly one: the longest cycle with noise in it
DENSITY, DENSE = 0.2, 0.6  # weight of a step in the share of repeats, and the share that makes a cycle
BACKS_OFF = (1.0, 0.7, 0.35, 0.15)  # of the evidence is left, by how often in a row the wait grew
ROUND = 4  # steps that follow from something new
CERTAIN = 100  # the third time that a step was done with the same result, and each time after


class Kind(IntEnum):
    """What the evidence is for, as an index into `Agent.score`."""

    REPEAT = 0
    POLL = 1
    RETRY = 2
    CYCLE = 3
    FLIP = 4
    FAILURE = 5
    PAGES = 6
    STALL = 7


# A call's relation to an earlier one: the same; words only added or only left out; only words with digits differ; many
# words in common; another one.
SAME, REFINED, NUMBERED, SIMILAR, OTHER = range(5)


class Verdict(Struct, gc=False):
    """evidence: below 0 for progress. pattern: hash of what is repeated."""

    kind: Kind
    evidence: int
    pattern: int = 0
    unknown: bool = False


NOTHING = Verdict(Kind.REPEAT, 0)
CHANGED, LITTLE_NEWS, NEWS, REFILLED = (Verdict(Kind.STALL, -evidence) for evidence in (5, 20, 35, 45))


class Waits(NamedTuple):
    """How waiting counts, by the policy. wait_s: seconds from which a step waits. share: of its evidence that is left
    then."""

    wait_s: float
    share: float


def relation(call: Pending, other: Latest) -> int:
    if other.ident == call.ident:
        return SAME
    if other.shape == call.shape:
        return NUMBERED  # numbered items of one kind are no refinement of each other
    ours, theirs = call.words, other.words
    both = ours & theirs
    common, union = both.bit_count(), (ours | theirs).bit_count()
    if common and both in (ours, theirs) and common < 12 and 3 * common >= union:
        return REFINED  # of longer calls only a sample is known
    return SIMILAR if 2 * common >= union else OTHER


def patience(agent: Agent, call: Pending, waited: float, waits: Waits) -> float:
    """The share of the evidence that is left, as the step or its round waits."""
    wait = max(waited, agent.pace)
    least = 0.3 * waits.wait_s
    if wait <= least:
        share = 1.0
    elif wait < waits.wait_s:
        share = 1.0 - (1.0 - waits.share) * (wait - least) / (waits.wait_s - least)
    else:
        least_share = 0.3 if wait > 20 * waits.wait_s else 0.5
        share = waits.share * max(least_share, min(1.0, 1.2 - 0.1 * wait / waits.wait_s))
    if call.flags & WATCHES and wait > 0.5:
        share = 0.5 * min(share, waits.share)  # it comes back when there is something, or after a while
    elif call.flags & WAITS and wait >= waits.wait_s:
        share *= 0.5
    return share


def backed_off(agent: Agent, call: Pending, waited: float, waits: Waits) -> float:
    """The share that is left of the evidence of what may go away by waiting."""
    return patience(agent, call, waited, waits) * BACKS_OFF[min(agent.slower, 3)]


def weigh(
    state: LoopsState, agent: Agent, call: Pending, outcome: Outcome, waited: float, waits: Waits, rests: bool = False
) -> Verdict:
    """Updates what is known of the run with one step, and says what it shows. waited: seconds of the step. rests: it
    waits by its own words, or the step before it did nothing else."""
    step = state.step = state.step + 1
    signature, failing, flags = outcome.signature, outcome.failing, call.flags
    passing = signature is not None and signature.passing
    # A call that was made before and has another answer now: what it looks at moves.
    moves = call.ident in state.called and outcome.exact not in state.came and outcome.masked not in state.came
    pair, count, last = _count(state, call, outcome, step)
    # What is changed counts for all agents: another's step in between may have changed it back.
    adjacent = agent.pair == pair and (not flags & CHANGES or step - last == 1)
    agent.pair, agent.row = pair, agent.row + 1 if adjacent else 1
    if count >= 2:
        agent.again = min(agent.again + 1, 1000)
        agent.density += DENSITY * (1.0 - agent.density)
    else:
        agent.again = 0
        agent.density *= 1.0 - DENSITY
    if signature is None and not failing and state.failures and _moved(state, call.ident, count):
        verdict = Verdict(Kind.FAILURE, -150)
    elif count >= 2:
        kind = Kind.REPEAT if adjacent else Kind.CYCLE
        fails = failing or signature is not None
        if count >= 3:
            # Looking three times is nothing rare where it goes well; four times is.
            # In turn with news, a look at the same thing is work; among other repeats it is a cycle.
            cycles = (agent.again >= 3 and not outcome.done) or call.flags & CHANGES
            dense = 1.0 if cycles else min(1.0, agent.density / DENSE) ** 2
            if agent.again == 1 and not cycles:
                dense *= 0.5  # right after something new
            if fails:
                evidence = 80 if passing else CERTAIN
            elif adjacent:
                evidence = (50, 85, 110)[min(agent.row, 4) - 2]
            else:
                evidence = round(dense * (100 if count > 3 else 70))
                if outcome.done and not call.flags & CHANGES:
                    evidence //= 2  # that it was done again doesn't say that it came to nothing
        else:
            evidence = (40 if passing else 50) if adjacent else 10 if step - last > 8 else 30 if fails else 20
        if call.flags & CHANGES and not adjacent:
            kind = Kind.FLIP
        new = max(agent.acted, agent.moved)
        if new > last and step - new <= ROUND and not adjacent:
            # Something new was done, or seen, in between: then a look at the result is due, the more so where it went
            # well, and so are the steps that every piece of work takes.
            evidence = (45 if count >= 3 else 15) if fails else 0
        if call.flags & STEPS_ON and outcome.short and not fails:
            evidence = min(evidence, 5)
        if signature is not None and not passing:
            # Who sleeps before each look waits for it to pass, whatever it says; who takes ever longer may do so.
            share = patience(agent, call, waited, waits) if rests else 1.0
            share *= BACKS_OFF[min(agent.slower, 3)] if agent.slower > 1 else 1.0
        else:
            share = patience(agent, call, waited, waits)
            if kind == Kind.FLIP:
                share = (1.0 + share) / 2  # who looks may wait for something; who changes things back does not
        if passing:
            kind = Kind.RETRY if adjacent else kind
            share *= BACKS_OFF[min(agent.slower, 3)]
        elif share < 0.5 and not outcome.failing:
            kind = Kind.POLL
            share *= BACKS_OFF[min(agent.slower, 3)]
        if not outcome.known:
            done = new > last and step - new <= ROUND and not adjacent
            evidence = evidence * 2 // 5 if not call.flags & BARE and not done else 0
        verdict = Verdict(kind, round(evidence * share), mixed(call.ident, pair), not outcome.known)
        if signature is not None:
            _meet(state, signature, call, pair, step)
    elif signature is not None:
        verdict = _failed(state, agent, call, outcome, pair, waited, waits)
    elif outcome.failing or not outcome.known:
        verdict = NOTHING
    else:
        verdict = _went_well(state, agent, call, outcome)
    agent.barren = min(agent.barren + 1, 1000) if outcome.barren else 0
    if not failing:
        if count < 2 and not flags & NOTES:
            if outcome.brief or flags & CHANGES:
                agent.acted = step
            elif moves and not outcome.short:
                agent.moved = step
        if outcome.known and (not outcome.short or outcome.barren or flags & PAGES):
            _remember(state.came, outcome.masked or outcome.exact, RESULTS)
            if outcome.masked:
                _remember(state.came, outcome.exact, RESULTS)
    found = signature.exact if signature is not None else outcome.masked or outcome.exact
    latest = state.latest
    latest.append(Latest(call.ident, call.shape, call.words, found))
    if len(latest) > LATEST:
        del latest[0]
    return verdict


def _moved(state: LoopsState, ident: int, count: int) -> bool:
    """Whether a call that ran into something got through. A result that it had before says so only if what it ran into
    was one that passes: else the two come in turn."""
    moved = False
    for known in state.failures[:]:
        if known.ident == ident and (count < 2 or known.passing):
            state.seen.pop(known.pair, None)
            state.failures.remove(known)
            moved = True
    return moved


def _count(state: LoopsState, call: Pending, outcome: Outcome, step: int) -> tuple[int, int, int]:
    """The step by what came of it, how often it was so by now, and when it last was."""
    seen, ident = state.seen, call.ident
    whose = 0 if call.flags & CHANGES else call.agent
    # Found to the letter or but for volatile parts: both are remembered, for the first of a kind is not yet masked.
    exact = hash((ident, outcome.exact, whose)) & 0xFFFFFFFF or 1
    known = seen.pop(exact, 0)
    pair = exact
    if outcome.masked and outcome.masked != outcome.exact:
        masked = mixed(ident, outcome.masked, whose)
        other = seen.pop(masked, 0)
        if (other & 63) >= (known & 63):
            known = other
        pair = masked
    count, last = (known & 63) + 1, known >> 6
    if count > 2:
        count = 2 if step - last > LONG_AGO else min(count, 63)
    seen[pair] = step << 6 | count
    if count == 1 and exact != pair:
        seen[exact] = step << 6 | 1
    while len(seen) > SEEN:
        del seen[next(iter(seen))]
    _remember(state.called, ident, CALLS)
    return pair, count, last


def _failed(
    state: LoopsState, agent: Agent, call: Pending, outcome: Outcome, pair: int, waited: float, waits: Waits
) -> Verdict:
    """A failure by a step that is not the same as an earlier one."""
    signature = outcome.signature
    assert signature is not None
    same, alike = _meet(state, signature, call, pair, state.step)
    if same is not None and state.step - same.step > LONG_AGO:
        same = None
    near = _nearest(state, call, signature.exact if same is not None else None)
    acted = same is not None and agent.acted > same.step
    if same is not None:
        if near == NUMBERED:
            retries = signature.limit or (signature.passing and call.flags & RETRIES)
            # A word or two are what each of many items came to, rather than an obstacle.
            # Numbers that are drawn, or an edit that fails anywhere, are hardly items of a sweep.
            alone = 10 if call.flags & (DRAWN | CHANGES) else 3
            evidence = 60 if retries else 25 if call.flags & SPAWNS else 0 if outcome.short else alone
        elif acted and near < OTHER:
            evidence = 15  # other words of the same failure after something new was done
        elif near == SAME:
            evidence = 50
        else:
            evidence = 60 if near in (REFINED, SIMILAR) else 50
            if near >= SIMILAR and not signature.passing and not outcome.long:
                # A word or two by which the same tool answers are what this item came to.
                answers = outcome.short and same.tool == call.tool and not call.flags & SHELL
                evidence //= max(_got_through(state, call), 5 if answers else 1)
        if signature.passing:
            evidence = round(evidence * backed_off(agent, call, waited, waits))
        kind = Kind.RETRY if signature.passing and near <= NUMBERED else Kind.FAILURE
        return Verdict(kind, evidence, signature.exact)
    if alike is not None and not signature.counts:
        if near == NUMBERED:
            return NOTHING
        if near == SAME:  # it says the same of other things: by itself, unless something was done
            kind, evidence = Kind.REPEAT, 10 if agent.acted > alike.step else 40
        else:
            kind, evidence = Kind.FAILURE, 20 if near < OTHER else 15
        if signature.passing:
            evidence = round(evidence * backed_off(agent, call, waited, waits))
        return Verdict(kind, evidence, alike.template)
    if signature.kind and near != NUMBERED:
        for known in state.failures:
            if known.kind == signature.kind and 0 < state.step - known.step <= LONG_AGO:
                return Verdict(Kind.FAILURE, 35, signature.kind)
    return Verdict(Kind.FAILURE, -5)


def _meet(
    state: LoopsState, signature: Signature, call: Pending, pair: int, step: int
) -> tuple[Failure | None, Failure | None]:
    """The failure as it was met before, and one of the same template; then it is remembered."""
    same = alike = None
    for known in state.failures:
        if known.signature == signature.exact:
            same = copy(known)
            known.ident, known.pair, known.step, known.tool = call.ident, pair, step, call.tool
            state.failures.remove(known)
            state.failures.append(known)
            break
        if known.template == signature.template:
            alike = known
    if same is None:
        met = Failure(
            signature.exact, signature.template, call.ident, pair, step, signature.passing, signature.kind, call.tool
        )  # fmt: skip
        state.failures.append(met)
        if len(state.failures) > FAILURES:
            del state.failures[0]
    return same, alike


def _went_well(state: LoopsState, agent: Agent, call: Pending, outcome: Outcome) -> Verdict:
    """A step with a result that this call did not have before."""
    known = outcome.exact in state.came or outcome.masked in state.came
    paging = bool(call.flags & PAGES)
    if not known:
        if outcome.exact == UNKNOWN:
            return NOTHING
        if paging and not outcome.ends and any(latest.shape == call.shape for latest in state.latest[-2:]):
            if agent.barren and not outcome.barren:
                return REFILLED
            return Verdict(Kind.PAGES, 30 if agent.barren and outcome.barren else 1 + state.step % 2, call.shape)
        return CHANGED if call.flags & CHANGES else LITTLE_NEWS if outcome.short else NEWS
    near = _nearest(state, call, outcome.masked or outcome.exact)
    if paging and near in (NUMBERED, SIMILAR, REFINED):
        told = outcome.done and outcome.short and not outcome.barren and outcome.exact != EMPTY.exact
        if told or call.flags & CHANGES:
            return NOTHING  # it was put somewhere, and what came back isn't the page
        return Verdict(Kind.PAGES, 40, call.shape)
    if near == REFINED and (outcome.barren or not outcome.short):
        return Verdict(Kind.STALL, 35 if outcome.barren else 50, outcome.exact)
    if outcome.barren or outcome.short:
        return Verdict(Kind.STALL, -10)
    if outcome.long and near == OTHER:
        return Verdict(Kind.STALL, 25, outcome.exact)
    return NOTHING


def _nearest(state: LoopsState, call: Pending, outcome: int | None) -> int:
    """To the latest steps, of those with this outcome (None: any)."""
    near = OTHER
    for latest in state.latest:
        if outcome is None or latest.outcome == outcome:
            found = relation(call, latest)
            if found < near:
                near = found
    return near


def _got_through(state: LoopsState, call: Pending) -> int:
    """1, or more where calls like it went well of late: then the failure is what came of this item."""
    failed = {known.signature for known in state.failures}
    well = 0
    for latest in state.latest:
        if latest.outcome not in failed:
            common, union = (call.words & latest.words).bit_count(), (call.words | latest.words).bit_count()
            well += 3 * common >= union and latest.ident != call.ident
    return 1 + min(2 * well, 5)


def _remember(known: dict[int, int], value: int, most: int) -> None:
    known.pop(value, None)
    known[value] = 1
    if len(known) > most:
        del known[next(iter(known))]
