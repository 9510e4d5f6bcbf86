"""Screens: which splits of a stream may show a change, at a fraction of what it costs to test them all.

A split shows a change if the parts' effect is at least ``least`` and its deviation above ``limit``. Nearly always no
split does, and that can be proven without looking at each: the mean of a split's past never changes, so its effect
moves only by what came since. A screen errs on one side alone: what it leaves out cannot pass, what it names must
still be tested. It is made of a stream's parts whenever there is none, so it is no part of the stream's state.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf, log, sqrt
from operator import add, sub
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from detectors.change_point import Bucket

SURE = 1.0 - 1e-6  # of a bound: what rounding may take from it
AHEAD = 3  # observations between tests, for which a rate's screen can be asked without being told of them
MOST_NEXT = 64  # splits that wait until their recent part is long enough
MARGIN = 1 / 16  # of the smallest effect: how far the means of later pasts may lie outside those seen


class Asked(NamedTuple):
    """What a change must have: an effect of at least ``least``, and so many runs before it and since."""

    least: float
    past: int
    recent: int


class Screen(Protocol):
    """Of one stream. Places count the parts of the stream, the anchor included.

    scans: how often all splits were looked at.
    """

    scans: int

    def extend(self, buckets: Sequence[Bucket]) -> None:
        """More parts at the end."""

    def merge(self, places: slice) -> None:
        """The parts at ``places`` now each hold the next one too."""

    def quiet(self, asked: Asked) -> bool:
        """Whether it is proven, without a look at all splits, that none with ``recent`` runs passes."""

    def candidates(self, parts: Sequence[Bucket], limit: float, asked: Asked) -> list[int]:
        """Of each split that may pass the place of its past's last part; none if none with ``recent`` runs may pass."""


class MeanScreen:
    """Of a stream whose parts are compared by a mean: of logarithms, or a share of calls.

    With ``lo`` the smallest mean of a past, a split's effect is under ``least`` while the sum of what its recent part
    has above ``lo + least`` is negative. Of all splits the largest such sum is kept (``up``; ``down`` below): what
    comes is added to it, and only splits whose recent part has just become long enough are looked at.
    """

    __slots__ = (
        "_above", "_asked", "_below", "_bounds", "_down", "_runs", "_seen", "_sums", "_total", "_up", "_weight",
        "_weights", "scans",
    )  # fmt: skip

    def __init__(self, parts: Sequence[Bucket]) -> None:
        self._runs: list[int] = []
        self._weights: list[int] = []
        self._sums: list[int] = []
        self.scans = 0
        self._asked: Asked | None = None  # for what the bounds hold
        self._bounds = (inf, -inf)
        self._above = self._below = 0.0
        self._up = self._down = 0.0
        self._seen = 0  # runs before the latest split that up and down know
        self._weight = self._total = 0  # of the stream when they were made
        self.extend(parts)

    def extend(self, buckets: Sequence[Bucket]) -> None:
        raise NotImplementedError

    def _deviation(self, place: int, effect: float) -> float:
        """At least that of the split."""
        raise NotImplementedError

    def merge(self, places: slice) -> None:
        del self._runs[places], self._weights[places], self._sums[places]

    def quiet(self, asked: Asked) -> bool:
        runs = self._runs
        past, recent = asked.past, asked.recent
        latest = runs[-1] - recent
        if latest < past:
            return True
        if self._asked != asked:
            return False
        weight, total, above, below = self._weights[-1], self._sums[-1], self._above, self._below
        more, came = weight - self._weight, total - self._total
        up = self._up + came - more * above
        down = self._down + more * below - came
        place, seen = len(runs) - 2, self._seen
        while place >= 0 and runs[place] > latest:
            place -= 1
        if place >= 0 and runs[place] > seen:
            self._seen = runs[place]
            lo, hi = self._bounds
            while place >= 0 and runs[place] > seen:
                if runs[place] >= past:
                    w, x = self._weights[place], self._sums[place]
                    if not lo * w <= x <= hi * w:
                        self._asked = None
                        return False
                    rest, rise = weight - w, total - x
                    if (sum_above := rise - rest * above) > up:
                        up = sum_above
                    if (sum_below := rest * below - rise) > down:
                        down = sum_below
                place -= 1
        self._up, self._down, self._weight, self._total = up, down, weight, total
        return up < 0.0 and down < 0.0

    def candidates(self, parts: Sequence[Bucket], limit: float, asked: Asked) -> list[int]:
        least, past, recent = asked
        least *= SURE
        limit *= SURE
        found = self._scan(asked, least, past, recent)
        if not found or not any(self._deviation(place, effect) > limit for place, effect in found):
            return []
        passing = self._passing(least, past, 2)
        return [place for place, effect in passing if self._deviation(place, effect) > limit]

    def _scan(self, asked: Asked, least: float, past: int, recent: int) -> list[tuple[int, float]]:
        """All splits whose effect is large enough, and new bounds."""
        self.scans += 1
        self._asked = None
        weight, total, latest = self._weights[-1], self._sums[-1], self._runs[-1] - recent
        splits = [
            (w, x)
            for n, w, x in zip(self._runs, self._weights, self._sums, strict=True)
            if past <= n <= latest and w > 0
        ]
        if splits:
            means = [x / w for w, x in splits]
            lo, hi = min(means) - MARGIN * least, max(means) + MARGIN * least
            above, below = lo + least, hi - least
            self._up = max([total - x - (weight - w) * above for w, x in splits])
            self._down = max([(weight - w) * below - total + x for w, x in splits])
            self._bounds, self._above, self._below, self._asked = (lo, hi), above, below, asked
            self._seen, self._weight, self._total = latest, weight, total
            if self._up < 0.0 and self._down < 0.0:
                return []
        return self._passing(least, past, recent)

    def _passing(self, least: float, past: int, recent: int) -> list[tuple[int, float]]:
        weight, total, latest = self._weights[-1], self._sums[-1], self._runs[-1] - recent
        return [
            (place, effect)
            for place, (n, w, x) in enumerate(zip(self._runs, self._weights, self._sums, strict=True))
            if past <= n <= latest and 0 < w < weight and abs(effect := (total - x) / (weight - w) - x / w) >= least
        ]


class LogScreen(MeanScreen):
    """Of logarithms in fixed point. floor: the variance that is assumed at least, of the fixed point's squares."""

    __slots__ = ("_floor", "_squares")

    def __init__(self, parts: Sequence[Bucket], floor: float) -> None:
        self._floor, self._squares = floor, 0
        super().__init__(parts)
        self._weights = self._runs

    def extend(self, buckets: Sequence[Bucket]) -> None:
        runs, sums = self._runs, self._sums
        n, total = (runs[-1], sums[-1]) if runs else (0, 0)
        for bucket in buckets:
            x, square = bucket.sums
            n += bucket.count
            total += x
            runs.append(n)
            sums.append(total)
            self._squares += square

    def merge(self, places: slice) -> None:
        del self._runs[places], self._sums[places]

    def _deviation(self, place: int, effect: float) -> float:
        """With the pooled variance alone."""
        n, every, total = self._runs[place], self._runs[-1], self._sums[-1]
        m, freedom = every - n, every - 2
        within = self._squares - total * total / every - n * m / every * effect * effect
        variance = max(within / freedom, self._floor) * (1 / n + 1 / m)
        return _improbable(effect * effect / variance, freedom)


class RateScreen(MeanScreen):
    """Of the second of two categories' share."""

    __slots__ = ("_ahead", "_near_down", "_near_up")

    def __init__(self, parts: Sequence[Bucket]) -> None:
        self._ahead: Asked | None = None  # for what the next two hold
        self._near_up = self._near_down = 0.0
        super().__init__(parts)

    def quiet(self, asked: Asked) -> bool:
        if not super().quiet(asked):
            self._ahead = None
            return False
        if self._asked == asked:
            self._look_ahead(asked)
        return True

    def calm(self, latest: Bucket, asked: Asked) -> bool:
        """Whether it is quiet after one more observation, which it need not know yet; of up to `AHEAD` in a row."""
        if self._ahead != asked:
            return False
        right, wrong = latest.sums[:2]
        self._near_up += wrong - (right + wrong) * self._above
        self._near_down += (right + wrong) * self._below - wrong
        if self._near_up < 0.0 and self._near_down < 0.0:
            return True
        self._ahead = None
        return False

    def _look_ahead(self, asked: Asked) -> None:
        """Up and down, with the splits whose recent part is long enough after `AHEAD` more observations."""
        runs, weights, sums, (lo, hi) = self._runs, self._weights, self._sums, self._bounds
        weight, total, above, below = weights[-1], sums[-1], self._above, self._below
        up, down, latest = self._up, self._down, runs[-1] - asked.recent
        place, soon = len(runs) - 2, min(latest + AHEAD, runs[-1] - 1)
        while place >= 0 and runs[place] > latest:
            if asked.past <= runs[place] <= soon:
                w, x = weights[place], sums[place]
                if not lo * w <= x <= hi * w:
                    self._ahead = None
                    return
                rest, rise = weight - w, total - x
                up = max(up, rise - rest * above)
                down = max(down, rest * below - rise)
            place -= 1
        self._ahead, self._near_up, self._near_down = asked, up, down

    def extend(self, buckets: Sequence[Bucket]) -> None:
        runs, weights, sums = self._runs, self._weights, self._sums
        n, weight, total = (runs[-1], weights[-1], sums[-1]) if runs else (0, 0, 0)
        for bucket in buckets:
            other, x = bucket.sums[:2]
            n += bucket.count
            weight += other + x
            total += x
            runs.append(n)
            weights.append(weight)
            sums.append(total)

    def _deviation(self, place: int, effect: float) -> float:
        """As if calls were independent."""
        weight, total, w, x = self._weights[-1], self._sums[-1], self._weights[place], self._sums[place]
        return _improbable(_g((w - x, x), (weight - total, total), w, weight), self._runs[-1] - 2)


class MixScreen:
    """Of the shares of many categories, whose effect is the distance of the recent shares from the past's.

    With ``radius`` the largest distance of a past from fixed shares, a split's effect is under ``least`` while its
    recent calls, by runs, are nearer to those shares than ``least - radius`` on average, since distances are convex.
    ``slack`` is the smallest sum of calls times what is left.
    """

    __slots__ = ("_asked", "_before", "_calls", "_kinds", "_next", "_radius", "_runs", "_shares", "_slack", "scans")

    def __init__(self, parts: Sequence[Bucket]) -> None:
        self._kinds = len(parts[0].sums) // 3
        self._runs = 0
        self._calls = [0] * self._kinds  # so far, by category
        self._before = self._calls  # those that slack knows
        self._next: list[tuple[int, list[int]]] = []  # splits that slack does not know: runs and calls of their past
        self._asked: Asked | None = None
        self._shares: list[float] = []
        self._radius = self._slack = 0.0
        self.scans = 0
        self.extend(parts)

    def extend(self, buckets: Sequence[Bucket]) -> None:
        for bucket in buckets:
            self._runs += bucket.count
            self._calls = list(map(add, self._calls, bucket.sums))  # as many as there are categories
            self._next.append((self._runs, self._calls))
        if len(self._next) > MOST_NEXT:
            self._next, self._asked = [], None

    def merge(self, places: slice) -> None:
        pass  # a split that is no more does no harm

    def quiet(self, asked: Asked) -> bool:
        least, past, recent = asked
        latest = self._runs - recent
        if latest < past:
            return True
        if self._asked != asked:
            return False
        calls, shares, radius = self._calls, self._shares, self._radius
        room = least * SURE - radius
        came: list[int] = list(map(sub, calls, self._before))
        slack = self._slack + sum(came) * room - _distance(came, shares)
        self._before = calls
        waiting = self._next
        while waiting and waiting[0][0] <= latest:
            n, past_calls = waiting.pop(0)
            if n >= past:
                if _distance(past_calls, shares) > radius * sum(past_calls):
                    self._asked = None
                    return False
                rest: list[int] = list(map(sub, calls, past_calls))
                slack = min(slack, sum(rest) * room - _distance(rest, shares))
        self._slack = slack
        return slack > 0.0

    def candidates(self, parts: Sequence[Bucket], limit: float, asked: Asked) -> list[int]:
        least, past, recent = asked
        self._asked = None
        runs = list(accumulate([part.count for part in parts]))
        by_kind = zip(*[part.sums[: self._kinds] for part in parts], strict=True)
        columns = [list(accumulate(column)) for column in by_kind]
        self._look(runs, columns, asked)
        columns = [column for column in columns if column[-1]]
        freedom = len(columns) - 1
        if freedom < 1:
            return []
        self.scans += 1
        # The least chi-square that the cube root makes of the limit (Wilson and Hilferty).
        spread = 2 / (9 * freedom)
        chi = freedom * (1 - spread + limit * sqrt(spread)) ** 3 * SURE
        start, end = bisect_left(runs, past), bisect_right(runs, runs[-1] - 2)
        every = [column[-1] for column in columns]
        columns = [column[start:end] for column in columns]
        counts = list(zip(*columns, strict=True))
        calls, total = list(map(sum, counts)), sum(every)
        moved = [-2 * least * SURE * n * (total - n) for n in calls]
        for column, most in zip(columns, every, strict=True):
            moved = [so_far + abs(x * total - most * n) for so_far, x, n in zip(moved, column, calls, strict=True)]
        if max(moved[: bisect_right(runs, runs[-1] - recent) - start], default=-1.0) < 0.0:
            return []
        return [
            place
            for place, (more, row, n) in enumerate(zip(moved, counts, calls, strict=True), start)
            if more >= 0.0 and _g(row, every, n, total) > chi
        ]

    def _look(self, runs: list[int], columns: list[list[int]], asked: Asked) -> None:
        """New shares, radius and slack."""
        start, end = bisect_left(runs, asked.past), bisect_right(runs, runs[-1] - asked.recent)
        calls = self._before = [column[-1] for column in columns]
        total = sum(calls)
        shares = self._shares = [count / total for count in calls]
        pasts = list(zip(*[column[start:end] for column in columns], strict=True))
        if not pasts:
            return
        self._radius = max([_distance(past, shares) / sum(past) for past in pasts]) + MARGIN * asked.least
        room = asked.least * SURE - self._radius
        rests = [list(map(sub, calls, past)) for past in pasts]
        self._slack = min([sum(rest) * room - _distance(rest, shares) for rest in rests])
        self._next = [(n, list(row)) for n, row in list(zip(runs, zip(*columns, strict=True), strict=True))[end:]]
        self._asked = asked


def _distance(calls: Sequence[int], shares: Sequence[float]) -> float:
    """The calls that went elsewhere than ``shares`` says."""
    total = sum(calls)
    return sum([abs(count - total * share) for count, share in zip(calls, shares, strict=True)]) / 2


def _g(past: Sequence[int], every: Sequence[int], calls: int, total: int) -> float:
    """The likelihood-ratio statistic of the past's counts against the rest."""
    rest = total - calls
    found = 0.0
    for x, both in zip(past, every, strict=True):
        if x:
            found += x * log(x / calls * total / both)
        if y := both - x:
            found += y * log(y / rest * total / both)
    return 2 * found


def _improbable(square: float, freedom: int) -> float:
    """At least the normal deviate of Student's t whose square is given."""
    return sqrt(freedom * log(1 + max(square, 0.0) / freedom))
