"""How far behind a worker is, in each partition of the event topic, by the broker's stamps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from monitor.messages import Judged

CAUGHT_UP_S = 2.0
QUIET_S = 5.0  # without a message since the partition came here: had there been any, one would have been judged


class Place(Struct):
    """offset, stamp: of the message last judged. waits: since when some message waits, and behind which offset.
    caught_up: since when nothing old waits; None: something does, or it is not known yet. seen: when first measured."""

    offset: int = -1
    stamp: float = 0.0
    waits: tuple[float, int] | None = None
    caught_up: float | None = None
    seen: float | None = None


class Lag:
    """Told of every message that is judged, and asked a few times a second. Cost: about 0.1 µs a message."""

    def __init__(self) -> None:
        self._places: dict[int, Place] = {}

    def judged(self, partition: int, offset: int, stamp: float) -> None:
        place = self._places.get(partition)
        if place is None:
            place = self._places[partition] = Place()
        place.offset, place.stamp = offset, stamp

    def assigned(self, partitions: Iterable[int]) -> None:
        """These and no others are judged here."""
        self._places = {partition: self._places.get(partition) or Place() for partition in partitions}

    def measure(self, ends: Mapping[int, int | None], done: Mapping[int, int | None], now: float) -> list[Judged]:
        """``ends``: offset of the next message to come; ``done``: of the next to be judged; None: not known. ``now`` by
        the broker's clock.

        A message that has just come to a quiet partition is as old as the time since it was first seen waiting, not
        as the one that was judged an hour before it.
        """
        found = []
        for partition, place in sorted(self._places.items()):
            end, position = ends.get(partition), done.get(partition)
            if place.offset >= 0:
                position = max(position or 0, place.offset + 1)
            waiting = None if end is None or position is None else max(0, end - position)
            behind = self._behind(place, waiting, now)
            place.seen = place.seen or now
            if waiting is not None or (end is not None and now - place.seen > QUIET_S):
                place.caught_up = None if behind > CAUGHT_UP_S else place.caught_up or now
            found.append(Judged(partition=partition, waiting=waiting, behind_s=round(behind, 3)))
        return found

    def _behind(self, place: Place, waiting: int | None, now: float) -> float:
        if not waiting:
            place.waits = None
            return 0.0
        if place.waits is None:
            place.waits = (now, place.offset)
        since, offset = place.waits
        return max(0.0, now - (place.stamp if place.offset > offset else since))

    def caught_up(self, partition: int) -> float | None:
        """Since when (broker's clock) this partition is read to its end; None: it is not."""
        place = self._places.get(partition)
        return None if place is None else place.caught_up
