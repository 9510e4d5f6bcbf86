"""The second stage: detectors that see the rollups of one deployment, team or environment instead of one run's events.

Pure like the first stage. A new one is one file and one line in `monitor.engine.fleet`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar, cast

import msgspec
from msgspec import Struct, field

from detectors.detector import Evidence, Finding, Rule, RuleSet
from detectors.rollup import Rollup


class Source(Evidence, frozen=True, array_like=True):
    """Evidence of the second stage: a deployment's runs are in many partitions, so it names its own (-1: not known)."""

    partition: int = -1


S = TypeVar("S", bound=Struct)


class FleetDetector(ABC, Generic[S]):
    """Judges one rollup at a time. `Detector`'s rules for state and purity hold here too.

    name: under which its state is kept. State: an msgspec struct with defaults, bounded, that survives msgpack.
    """

    name: ClassVar[str]
    rules: ClassVar[tuple[Rule, ...]]
    State: ClassVar[type[Struct]]

    @abstractmethod
    def observe(self, rollup: Rollup, state: S, rules: RuleSet) -> Iterable[Finding]:
        """Update ``state`` with a rollup that was not seen before, and return what it shows."""

    def settle(self, state: S) -> None:
        """Bring the state into the form in which it is saved. It may be done at any time, and changes no finding."""

    def pin(self, state: S) -> None:
        """From now on what was learned so far is the norm, whatever comes."""

    def unpin(self, state: S) -> None:
        """Learn again."""


class FleetState(Struct, kw_only=True):
    """All that the second stage keeps of one ``scope:target``.

    marks: the last place counted, by source partition: twice the offset, plus one for a run's last rollup. The
    rollups of one key and source partition come in the order of their places, so what is at or below the mark was
    counted before. 12 bytes a partition of the event topic. epoch: commands issued. parts: the detectors' states by
    name, which plain msgpack gives back as lists and mappings until `part` asks for them. failed: when it was last said
    of a detector that it raised, by its name. offset: of the last rollup in its own topic, -1 before the first.
    """

    pinned: bool = False
    epoch: int = 0
    marks: dict[int, int] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)
    offset: int = -1

    def admit(self, rollup: Rollup) -> bool:
        """Whether ``rollup`` is new; if so its place is remembered. One without an offset is always new."""
        if rollup.offset < 0:
            return True
        place = 2 * rollup.offset + rollup.finished
        if place <= self.marks.get(rollup.partition, -1):
            return False
        self.marks[rollup.partition] = place
        return True

    def say_failed(self, detector: str, time: float, every: float) -> bool:
        """Whether it is time (seconds) to say that ``detector`` raised; if so that is remembered.

        >>> state = FleetState()
        >>> [state.say_failed("drift", at, 60.0) for at in (0.0, 59.0, 60.0, 61.0)]
        [True, False, True, False]
        """
        last = self.failed.get(detector)
        if last is not None and abs(time - last) < every:
            return False
        self.failed[detector] = time
        return True

    def part(self, detector: FleetDetector[S]) -> S:
        """The state of ``detector``, a new one before its first rollup.

        Raises msgspec.ValidationError, which names the field, if another version left one of another form.
        """
        found = self.parts.get(detector.name)
        if not isinstance(found, detector.State):
            found = detector.State() if found is None else msgspec.convert(found, detector.State)
            self.parts[detector.name] = found
        return cast(S, found)
