"""``killcord worker`` with an engine that judges nothing: what is left is the lane.

    python -m benchmarks.lane_worker                         (settings by KILLCORD_...)

It fetches, decodes, keeps and checkpoints the state of each run, and acknowledges.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.event import Event
from monitor.engine.engine import Engine
from monitor.engine.outcome import Outcome, Position
from monitor.engine.state import RunState


class NoEngine(Engine):
    """Notes where and when the run's last event lay, and finds nothing."""

    def take(self, state: RunState, events: Sequence[Event], at: Position) -> Outcome:
        state.partition = at.partition if at.partition is not None else state.partition
        state.offset = at.offset
        state.stamp = at.stamp or 0.0
        return Outcome()


def main() -> None:
    from monitor.settings import load
    from monitor.worker import judge
    from monitor.worker.start import start

    judge.Engine = NoEngine  # type: ignore[misc]
    start(load().settings)


if __name__ == "__main__":
    main()
