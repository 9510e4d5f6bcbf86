"""One stream of observations, kept as sums over buckets that double in size as they age, and asked for a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from msgspec import Struct, field

from detectors.change_point import Bucket, Change, Comparison
from detectors.split_screen import AHEAD, Asked, RateScreen, Screen

MOST_LOOSE = 16  # observations before they are merged


class Stream(Struct, array_like=True, dict=True):
    """One stream's past. anchor: all that is older than the buckets. said: sign of the change a pinned stream is in.

    Memory: at most ``width`` buckets of each size up to 128 observations and the anchor, so 49. Beside what is saved,
    the stream's `Screen`, made anew where it is missing.
    """

    anchor: Bucket | None = None
    buckets: list[Bucket] = field(default_factory=list)
    said: int = 0

    def __post_init__(self) -> None:
        self._screen: Screen | None = None
        self._runs = -1  # not counted
        self._unseen = 0  # observations that the screen does not know
        self._loose = 0  # observations that are not settled

    @property
    def runs(self) -> int:
        """Observations in it."""
        if self._runs < 0:
            self._runs = sum([part.count for part in self.parts])
        return self._runs

    @property
    def parts(self) -> list[Bucket]:
        """All, oldest first."""
        return self.buckets if self.anchor is None else [self.anchor, *self.buckets]

    @property
    def scans(self) -> int:
        """How often all splits were looked at since the screen was made."""
        return self._screen.scans if self._screen is not None else 0

    def add(self, bucket: Bucket) -> int:
        """Append one observation, and return how many there are. It is merged when the stream is settled."""
        self._runs = runs = self.runs + 1
        self._unseen += 1
        self._loose += 1
        self.buckets.append(bucket)
        return runs

    def settle(self, *, pinned: bool = False, width: int = 6, largest: int = 128) -> None:
        """Merge what is old enough; whenever this is done, it gives the same buckets.

        A pinned stream lets the oldest go instead of adding it to the anchor.
        """
        self._show()
        buckets, screen = self.buckets, self._screen
        self._loose = 0
        size, end = 1, len(buckets)
        while end > width and buckets[end - width - 1].count == size:
            start = end - width - 1
            while start > 0 and buckets[start - 1].count == size:
                start -= 1
            if size >= largest:
                self._let_go(start, end - start - width, pinned)
                return
            pairs = (end - start - width + 1) // 2
            stop = start + 2 * pairs
            for n in range(start, stop, 2):
                buckets[n].absorb(buckets[n + 1])
            del buckets[start + 1 : stop : 2]
            if screen is not None:
                first = start + (self.anchor is not None)
                screen.merge(slice(first, first + 2 * pairs, 2))
            start += pairs
            size, end = size * 2, start

    def _let_go(self, start: int, count: int, pinned: bool) -> None:
        for _ in range(count):
            oldest = self.buckets.pop(start)
            if pinned:
                self._screen, self._runs = None, -1
            elif self.anchor is None:
                self.anchor = oldest
            else:
                self.anchor.absorb(oldest)
                if self._screen is not None:
                    self._screen.merge(slice(0, 1))
        if start:  # no state of ours: larger buckets before it
            self._screen = None

    def calm(self, latest: Bucket, asked: Asked) -> bool:
        """Whether `change` of a stream of rates would find nothing: by the observation just added alone."""
        screen = self._screen
        return isinstance(screen, RateScreen) and self._unseen <= AHEAD and screen.calm(latest, asked)

    def _show(self) -> None:
        """The screen what it does not know."""
        if self._screen is not None and self._unseen:
            self._screen.extend(self.buckets[-self._unseen :])
        self._unseen = 0

    def pin(self) -> None:
        """Make the anchor of everything."""
        for bucket in self.buckets:
            self.anchor = bucket if self.anchor is None else self.anchor + bucket
        self.forget()

    def forget(self) -> None:
        """All but the anchor."""
        self.buckets, self._screen, self._runs, self._unseen, self._loose = [], None, -1, 0, 0

    def change(self, test: Comparison, limit: float, asked: Asked, width: int = 6) -> Change | None:
        """The split with the largest deviation above ``limit`` whose effect is at least ``least``, if there is one.

        asked: with the runs that the two parts must have. Where the largest deviation is at a split with fewer recent
        runs, it is too early to say where the change began.
        """
        if len(self.buckets) + (self.anchor is not None) < 2:
            return None
        self._show()
        scaled = asked if test.unit == 1 else Asked(asked.least * test.unit, asked.past, asked.recent)
        if self._screen is not None and self._screen.quiet(scaled):
            if self._loose >= MOST_LOOSE:
                self.settle(width=width)
            return None
        self.settle(width=width)
        parts = self.parts
        if self._screen is None:
            self._screen = test.screen(parts)
            if self._screen.quiet(scaled):
                return None
        places = self._screen.candidates(parts, limit, scaled)
        return _largest(_split(parts, places), test, limit, asked) if places else None

    def change_from_anchor(self, test: Comparison, limit: float, asked: Asked) -> Change | None:
        """`change` of a pinned stream, whose past is always the anchor."""
        return _largest(self._pinned_splits(), test, limit, asked)

    def restart(self, change: Change) -> None:
        """What came after the change is the new past."""
        self.anchor = self._screen = None
        self._runs, self._unseen, self._loose = -1, 0, 0
        self.buckets = [bucket for bucket in self.buckets if bucket.first >= change.recent.first]

    def latest(self, runs: int) -> Bucket | None:
        """The most recent buckets that hold so many runs together, None while there are fewer."""
        found: Bucket | None = None
        for bucket in reversed(self.buckets):
            found = bucket if found is None else bucket + found
            if found.count >= runs:
                return found
        return None

    def _pinned_splits(self) -> Iterator[tuple[Bucket, Bucket]]:
        after: Bucket | None = None
        if self.anchor is not None:
            for bucket in reversed(self.buckets):
                after = bucket if after is None else bucket + after
                yield self.anchor, after


def _largest(splits: Iterable[tuple[Bucket, Bucket]], test: Comparison, limit: float, asked: Asked) -> Change | None:
    least, past, recent = asked
    best: Change | None = None
    for before, after in splits:
        if before.count < past or after.count < 2:
            continue
        effect = test.effect(before, after)
        if abs(effect) < least:
            continue
        deviation = abs(test.deviation(before, after))
        if deviation > (best.deviation if best else limit):
            best = Change(before, after, deviation, effect)
    return best if best and best.recent.count >= recent else None


def _split(parts: Sequence[Bucket], places: Sequence[int]) -> Iterator[tuple[Bucket, Bucket]]:
    upto = list(accumulate(parts, Bucket.__add__))
    for place in places:
        after = upto[-1] - upto[place]
        after.first = parts[place + 1].first
        yield upto[place], after
