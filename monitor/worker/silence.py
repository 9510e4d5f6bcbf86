"""Which runs of this worker have fallen silent: watches those that publish heartbeats, and looks when one is due.

Nothing is said of a partition that is not read to its end: what was not read yet is no silence.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from detectors.event import Event
from monitor.engine import silence
from monitor.engine.outcome import Outcome
from monitor.engine.rules import SILENT
from monitor.engine.signs import note
from monitor.engine.state import RunState
from monitor.policy import Policy

LOOKS = 500  # of runs in one tick, so that a tick stays short

Place = tuple[int, str]
Find = Callable[[int, str], RunState | None]
Publish = Callable[[int, str, RunState, Outcome], None]


class Silence:
    """``find`` gives a run's state, ``publish`` takes what there is to tell and writes the state back."""

    def __init__(self, heartbeat_s: float, find: Find, publish: Publish) -> None:
        self._heartbeat_s = heartbeat_s
        self._find = find
        self._publish = publish
        self._last: OrderedDict[Place, float] = OrderedDict()  # the one longest not looked at first
        self._due: set[Place] = set()

    def saw(self, partition: int, state: RunState, events: Sequence[Event], stamp: float, policy: Policy) -> None:
        """Notes the signs of life in one message."""
        signs = state.signs = note(state.signs, events, stamp)
        if signs is None:
            return
        place = (partition, state.run.run_id)
        self._last[place] = stamp
        self._last.move_to_end(place)
        # Whoever of agent and guard still beats must not hide that the other does not.
        if signs.told or signs.silence(stamp) > self._heartbeat_s:
            self._due.add(place)
        elif signs.guard is not None:
            run = state.run
            rules = policy.resolve(run.agent_name, run.team, run.environment).rules
            if silence.next_look(signs, rules.get(SILENT.id)):
                self._due.add(place)

    def recovered(self, partition: int, run_id: str, stamp: float) -> None:
        """A run that publishes heartbeats was recovered; ``stamp`` of its last event, Unix seconds."""
        self._last.setdefault((partition, run_id), stamp)

    def gave_up(self, partitions: set[int]) -> None:
        for place in [place for place in self._last if place[0] in partitions]:
            del self._last[place]
        self._due = {place for place in self._due if place[0] not in partitions}

    def tick(self, now: float, caught_up: Callable[[int], float | None], policy: Policy) -> None:
        """Looks at runs that are due. ``now`` and ``caught_up`` (of a partition; None: not yet) are the broker's."""
        due, self._due = self._due, set()
        while self._last and len(due) < LOOKS:
            place, last = next(iter(self._last.items()))
            if now - last < self._heartbeat_s:
                break
            del self._last[place]
            due.add(place)
        for place in due:
            since = caught_up(place[0])
            if since is None:
                self._last.setdefault(place, now)
                continue
            state = self._find(*place)
            if state is None or state.signs is None:
                self._last.pop(place, None)
                continue
            run = state.run
            resolved = policy.resolve(run.agent_name, run.team, run.environment)
            out = silence.look(state, silence.Now(now, since, self._heartbeat_s, policy.digest), resolved)
            if out:
                self._publish(*place, state, out)
            if silence.over(state):
                self._last.pop(place, None)
            elif not state.signs.told:
                self._last.setdefault(place, now)

    def __len__(self) -> int:
        return len(self._last)
