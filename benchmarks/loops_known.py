"""What others use against loops, written anew from its description, to be measured beside ours.

Each rule sees a run's calls with their results and says at which of them it would have stopped the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from detectors.event import Event, ToolCall, ToolResult


class Pair(NamedTuple):
    """A call with its result. index: of the call among the run's events. failed: by exit code, status or words."""

    index: int
    call: str
    result: str
    failed: bool


def pairs_of(events: Sequence[Event]) -> list[Pair]:
    """Calls in their order, each with the result of its id, else the next one."""
    found: list[tuple[int, ToolCall]] = []
    results: dict[int, ToolResult] = {}
    for index, event in enumerate(events):
        if isinstance(event, ToolCall):
            found.append((index, event))
        elif isinstance(event, ToolResult):
            match = (n for n, (_, call) in enumerate(found) if n not in results and call.call_id == event.call_id)
            if (number := next(match, None)) is not None:
                results[number] = event
    return [_pair(index, call, results.get(number)) for number, (index, call) in enumerate(found)]


def _pair(index: int, call: ToolCall, result: ToolResult | None) -> Pair:
    text = f"{call.agent_id} {call.tool} {msgspec.json.encode(call.arguments, order='sorted').decode()}"
    output = (result.output or "") if result is not None else ""
    failed = result is not None and (
        bool(result.exit_code)
        or result.status in ("error", "timeout")
        or (result.exit_code is None and result.status is None and output.lower().startswith(("error", "traceback")))
    )
    return Pair(index, text, output, failed)


def in_a_row(times: int) -> Callable[[Sequence[Pair]], int | None]:
    """The same call so many times in a row (5: Gemini CLI, Cline)."""

    def rule(pairs: Sequence[Pair]) -> int | None:
        count = 0
        for n, pair in enumerate(pairs):
            count = count + 1 if n and pair.call == pairs[n - 1].call else 1
            if count >= times:
                return n
        return None

    return rule


def anywhere(times: int) -> Callable[[Sequence[Pair]], int | None]:
    """The same call so many times in a run."""

    def rule(pairs: Sequence[Pair]) -> int | None:
        seen: dict[str, int] = {}
        for n, pair in enumerate(pairs):
            seen[pair.call] = seen.get(pair.call, 0) + 1
            if seen[pair.call] >= times:
                return n
        return None

    return rule


def openhands(pairs: Sequence[Pair]) -> int | None:
    """Four equal calls with equal results, three equal calls that fail, or two in turn over six."""
    for n in range(len(pairs)):
        four = pairs[max(0, n - 3) : n + 1]
        if len(four) == 4 and len({(pair.call, pair.result) for pair in four}) == 1:
            return n
        three = four[-3:]
        if len(three) == 3 and len({pair.call for pair in three}) == 1 and all(pair.failed for pair in three):
            return n
        six = pairs[max(0, n - 5) : n + 1]
        turns = [{(pair.call, pair.result) for pair in six[k::2]} for k in (0, 1)]
        if len(six) == 6 and len(turns[0]) == len(turns[1]) == 1 and turns[0] != turns[1]:
            return n
    return None


KNOWN: dict[str, Callable[[Sequence[Pair]], int | None]] = {
    "5 equal in a row": in_a_row(5),
    "3 equal in a row": in_a_row(3),
    "4 equal, 3 failing, ABABAB": openhands,
    "5 anywhere": anywhere(5),
}
