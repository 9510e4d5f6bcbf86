"""What a run under way did so far: the observation that `detectors.drift` makes of it."""

from __future__ import annotations

from math import inf

from msgspec import Struct, field

from detectors.rollup import Rollup

MAX_NAME = 48  # bytes of a tool's name
TOOLS = 8  # the last is all others
MOST = 65_535  # of anything in one observation


class Open(Struct, array_like=True):
    """What a run under way did so far. done: it was counted before its end, so what it does now is not."""

    rollups: int = 0
    done: bool = False
    results: int = 0
    errors: int = 0
    steps: int = 0
    model_calls: int = 0
    cost_usd: float = 0.0
    tools: dict[int, int] = field(default_factory=dict)
    timed: int = 0
    seconds: float = 0.0

    def count(self, rollup: Rollup, names: list[str]) -> None:
        """Add a rollup. names: of the tools that have a place of their own; new ones are appended."""
        self.rollups += 1
        if not 0 <= (results := self.results + rollup.results) <= MOST:
            results = _bounded(results)
        if not 0 <= (errors := self.errors + rollup.errors) <= results:
            errors = min(_bounded(errors), results)
        if not 0 <= (steps := self.steps + rollup.steps) <= MOST:
            steps = _bounded(steps)
        if not 0 <= (model_calls := self.model_calls + rollup.model_calls) <= MOST:
            model_calls = _bounded(model_calls)
        self.results, self.errors, self.steps, self.model_calls = results, errors, steps, model_calls
        if 0.0 < rollup.cost_usd < inf:
            self.cost_usd += rollup.cost_usd
        if rollup.timed_results > 0 and 0.0 <= rollup.tool_seconds < inf:
            self.timed = _bounded(self.timed + rollup.timed_results)
            self.seconds += rollup.tool_seconds
        tools = self.tools
        for name, calls in rollup.tools.items():
            if len(name) > MAX_NAME or not name.isascii():
                name = utf8(name)[:MAX_NAME].decode("utf-8", "ignore")
            if name in names:
                slot = names.index(name)
            elif len(names) < TOOLS - 1:
                slot = len(names)
                names.append(name)
            else:
                slot = TOOLS - 1
            tools[slot] = _bounded(tools.get(slot, 0) + calls)


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _bounded(count: int) -> int:
    return count if 0 <= count <= MOST else min(max(count, 0), MOST)
