"""Signs of life of one run: when its agent last said anything, and who of it publishes heartbeats. Pure.

Kept for runs that publish heartbeats alone. All times are the broker's stamps, in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from detectors.event import Event, Heartbeat

GUARD = "guard"
LONGEST_S = 3600.0  # between two heartbeats that are still taken for a rhythm


class Beat(Struct, array_like=True):
    """Heartbeats of one publisher. every: seconds between them, 0 before the second. told: when its loss was."""

    last: float
    every: float = 0.0
    told: float = 0.0

    def beats(self, stamp: float) -> None:
        # Slow to shorten: a burst after an outage is no quicker rhythm.
        self.every = min(max(stamp - self.last, 0.9 * self.every), LONGEST_S)
        self.last = max(self.last, stamp)


class Signs(Struct, array_like=True):
    """agent: its last event. own, guard: heartbeats of the agent, and of the guard that sees its processes.
    since: of the guard's first. silent: when it was told that the agent publishes nothing."""

    agent: float = 0.0
    own: Beat | None = None
    guard: Beat | None = None
    since: float = 0.0
    silent: float = 0.0

    @property
    def told(self) -> bool:
        """An alert is open."""
        return bool(self.silent or (self.own and self.own.told) or (self.guard and self.guard.told))

    def silence(self, stamp: float) -> float:
        """How long whoever of the two beats, and was not heard now, has been silent."""
        own = stamp - max(self.own.last, self.agent) if self.own is not None else 0.0
        return max(own, stamp - self.guard.last if self.guard is not None else 0.0)


def note(signs: Signs | None, events: Iterable[Event], stamp: float) -> Signs | None:
    """What the events of one message say about life; None as long as no heartbeat was seen."""
    for event in events:
        beat = type(event) is Heartbeat
        if signs is None:
            if not beat:
                continue
            signs = Signs()
        if event.publisher == GUARD:
            if not beat:
                continue
            if signs.guard is None:
                signs.guard, signs.since = Beat(stamp), stamp
            else:
                signs.guard.beats(stamp)
            continue
        signs.agent = max(signs.agent, stamp)
        if beat:
            if signs.own is None:
                signs.own = Beat(stamp)
            else:
                signs.own.beats(stamp)
    return signs
