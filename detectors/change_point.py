"""Whether and where a stream of observations changed, for streams that are judged for years by a small state.

The change-point model of Hawkins, Qiu and Kang [^1]: after each observation, every split of the stream into a past and
a recent part is tested for a difference, with the variance learned from the stream itself. Nothing need be known of
the stream beforehand, and the error of a baseline learned from few runs is part of the test.

The stream is kept as sums over buckets that double in size as they age, as in ADWIN [^2]: recent splits exact, old ones
coarse. All sums here are integers in fixed point: any order of merging gives the same numbers, nothing non-finite can
get in, and a year adds no rounding error.

river's detectors were measured beside this one (``python -m benchmarks.drift``; 320 made-up changes, 100,000 runs
without one). ADWIN with its default delta, in the unit interval that its bound is for, found 16 % of the changes within
100 runs; in standard deviations it found 99 %, without a false alarm, but took 15 runs in place of 7 to see a change of
cost or latency, and 21 in place of 12 of steps. Of the error rate it was the better one (17 runs in place of 32 at held
values, and 70 % in place of 63 % of changes between recorded models), since here a run with two results says less than
one with fifty, while runs differ more in luck than in size. So the error rate asks both (`detectors.adaptive_window`):
20 runs, 77 % of the recorded changes. Page-Hinkley, which needs six floats, is as quick as this test on cost, latency
and steps and quicker on error rates (6 to 9 runs), but its threshold gives no false alarm rate: of the mildest setting
tried they were 0.3 in 10,000 quiet runs, 3 where one run in 150 was terrible and 30 in the recorded error rates, and
0.4 in 10,000 quiet error rates even where values were held to 4 standard deviations; no stream uses it. Where errors
are rare or one run in 150 is terrible, this test's own false alarms of the error rate were 0.8 in 10,000 runs, eight
times what the limit promises.

[^1]: D. M. Hawkins, P. Qiu, C. W. Kang: The changepoint model for statistical process control. J. Quality Technology
      35(4), 2003.
[^2]: A. Bifet, R. Gavaldà: Learning from time-changing data with adaptive windowing. SDM 2007.
[^3]: D. Siegmund, E. S. Venkatraman: Using the generalized likelihood ratio statistic for sequential detection of a
      change-point. Annals of Statistics 23(1), 1995.
[^4]: J. N. K. Rao, A. J. Scott: On simple adjustments to chi-square tests with sample survey data. Annals of Statistics
      15(1), 1987.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from math import exp, log, pi, sqrt

from msgspec import Struct, field

MOST_CALLS = 500  # that one observation counts for, however long the run
UNIT = 256  # fixed point of logarithms: how many make 1.0; a step is 0.4 %
MOST_LOG = 30.0  # of a logarithm's size: what is beyond 1e13 or below 1e-13 is no measurement
LOG_VARIANCE = (
    0.01  # of a logarithm, at least: streams of constants differ from another by 10 % before it means anything
)


class Bucket(Struct, array_like=True):
    """Sums over ``count`` observations (runs) in a row, the first of which has the number ``first``.

    sums: what the comparison of the stream needs, additive.
    """

    first: int
    count: int
    sums: list[int]

    def __add__(self, other: Bucket) -> Bucket:
        sums = [a + b for a, b in zip(self.sums, other.sums, strict=True)]
        return Bucket(self.first, self.count + other.count, sums)

    def __sub__(self, other: Bucket) -> Bucket:
        sums = [a - b for a, b in zip(self.sums, other.sums, strict=True)]
        return Bucket(self.first, self.count - other.count, sums)


class Change(Struct, frozen=True):
    """The recent part differs from the past: ``deviation`` in standard deviations, ``effect`` in the test's unit."""

    past: Bucket
    recent: Bucket
    deviation: float
    effect: float


Measure = Callable[[Bucket, Bucket], float]


Quick = Callable[[list[int], list[list[int]]], Iterable[float]]
"""The effect at every split: of the runs up to each part, and up to each part the first sums, one list a sum."""


class Comparison(Struct, frozen=True):
    """Two measures of past and recent part. ``deviation`` is normally distributed where nothing changed.

    ``effect`` is small for nearly all splits of a stream that does not change. ``quick`` is the same number, of the
    first of the sums: one in ``looks_at`` of them is enough for it (1: one sum).
    """

    effect: Measure
    deviation: Measure
    quick: Quick
    looks_at: int = 3


class Stream(Struct, array_like=True):
    """One stream's past. anchor: all that is older than the buckets. said: sign of the change a pinned stream is in.

    Memory: at most ``width`` buckets of each size up to 128 observations and the anchor, so 49.
    """

    anchor: Bucket | None = None
    buckets: list[Bucket] = field(default_factory=list)
    said: int = 0

    def add(self, bucket: Bucket, *, pinned: bool = False, width: int = 6, largest: int = 128) -> None:
        """Append one observation. A pinned stream lets the oldest go instead of adding it to the anchor."""
        self.buckets.append(bucket)
        size, end = 1, len(self.buckets)
        while True:
            start = end
            while start > 0 and self.buckets[start - 1].count == size:
                start -= 1
            if end - start <= width:
                return
            if size >= largest:
                oldest = self.buckets.pop(start)
                if not pinned:
                    self.anchor = oldest if self.anchor is None else self.anchor + oldest
                return
            self.buckets[start : start + 2] = [self.buckets[start] + self.buckets[start + 1]]
            size, end = size * 2, start + 1

    @property
    def runs(self) -> int:
        """Observations in it."""
        return sum([bucket.count for bucket in self.buckets]) + (self.anchor.count if self.anchor is not None else 0)

    def pin(self) -> None:
        """Make the anchor of everything."""
        for bucket in self.buckets:
            self.anchor = bucket if self.anchor is None else self.anchor + bucket
        self.buckets = []

    def change(
        self, test: Comparison, limit: float, least: float, past: int, recent: int, pinned: bool
    ) -> Change | None:
        """The split with the largest deviation above ``limit`` whose effect is at least ``least``, if there is one.

        past, recent: runs that the two parts must have. Where the largest deviation is at a split with fewer recent
        runs, it is too early to say where the change began. Of a pinned stream the past is always the anchor.
        """
        best: Change | None = None
        for before, after in self._pinned_splits() if pinned else self._splits(test, least, past):
            if before.count < past or after.count < 2:
                continue
            effect = test.effect(before, after)
            if abs(effect) < least:
                continue
            deviation = abs(test.deviation(before, after))
            if deviation > (best.deviation if best else limit):
                best = Change(before, after, deviation, effect)
        return best if best and best.recent.count >= recent else None

    def restart(self, change: Change) -> None:
        """What came after the change is the new past."""
        self.anchor = None
        self.buckets = [bucket for bucket in self.buckets if bucket.first >= change.recent.first]

    def latest(self, runs: int) -> Bucket | None:
        """The most recent buckets that hold so many runs together, None while there are fewer."""
        found: Bucket | None = None
        for bucket in reversed(self.buckets):
            found = bucket if found is None else bucket + found
            if found.count >= runs:
                return found
        return None

    def _splits(self, test: Comparison, least: float, past: int) -> Iterator[tuple[Bucket, Bucket]]:
        """Those whose effect is at least ``least``, by a first look at few of the sums."""
        parts = self.buckets if self.anchor is None else [self.anchor, *self.buckets]
        if len(parts) < 2:
            return
        width = max(1, len(parts[0].sums) // test.looks_at)
        runs = list(accumulate([part.count for part in parts]))
        upto = [list(accumulate(column)) for column in zip(*[part.sums[:width] for part in parts], strict=True)]
        most = runs[-1] - 2
        for n, effect in enumerate(test.quick(runs, upto), start=1):
            if abs(effect) >= least and past <= runs[n - 1] <= most:
                yield _joined(parts[:n]), _joined(parts[n:])

    def _pinned_splits(self) -> Iterator[tuple[Bucket, Bucket]]:
        after: Bucket | None = None
        if self.anchor is not None:
            for bucket in reversed(self.buckets):
                after = bucket if after is None else bucket + after
                yield self.anchor, after


def _joined(parts: Sequence[Bucket]) -> Bucket:
    sums = [sum(column) for column in zip(*[part.sums for part in parts], strict=True)]
    return Bucket(parts[0].first, sum([part.count for part in parts]), sums)


def observe_counts(number: int, counts: list[int]) -> Bucket:
    """One observation of counts by category. ``sums``: counts, squares, products with the total.

    Of more than `MOST_CALLS` only the shares count.
    """
    total = sum(counts)
    if total > MOST_CALLS:
        counts = [c * MOST_CALLS // total for c in counts]
        total = sum(counts)
    sums = [*counts, *[c * c for c in counts], *[c * total for c in counts]]
    return Bucket(number, 1, sums)


def observe_log(number: int, value: float) -> Bucket:
    """One observation of a positive, finite number. ``sums``: its logarithm and that squared."""
    fixed = round(UNIT * min(max(log(value), -MOST_LOG), MOST_LOG))
    return Bucket(number, 1, [fixed, fixed * fixed])


def log_mean(bucket: Bucket) -> float:
    """The geometric mean."""
    return exp(bucket.sums[0] / UNIT / bucket.count)


def log_effect(past: Bucket, recent: Bucket) -> float:
    """The logarithm of the ratio of the geometric means."""
    return (recent.sums[0] / recent.count - past.sums[0] / past.count) / UNIT


def _quick_log(runs: list[int], upto: list[list[int]]) -> Iterable[float]:
    everything, total = runs[-1], upto[0][-1]
    return [
        ((total - past) / (everything - n) - past / n) / UNIT for n, past in zip(runs[:-1], upto[0][:-1], strict=True)
    ]


def log_deviation(past: Bucket, recent: Bucket) -> float:
    """Student's t test of the logarithms' means.

    Of the pooled variance and Welch's the larger counts, so that one run far off cannot pass for a change.
    """
    n, m = past.count, recent.count
    a, b = past.sums[0] / n, recent.sums[0] / m
    a_squares, b_squares = past.sums[1] - n * a * a, recent.sums[1] - m * b * b
    pooled = max((a_squares + b_squares) / (n + m - 2), LOG_VARIANCE * UNIT * UNIT) * (1 / n + 1 / m)
    welch = a_squares / max(n - 1, 1) / n + b_squares / max(m - 1, 1) / m
    return _normal((b - a) / sqrt(max(pooled, welch)), n + m - 2)


def shares(bucket: Bucket) -> list[float]:
    """Of each category."""
    counts = _counts(bucket)
    total = sum(counts)
    return [c / total for c in counts]


def rate_effect(past: Bucket, recent: Bucket) -> float:
    """The difference of the second of two categories' share."""
    return shares(recent)[1] - shares(past)[1]


def _quick_rate(runs: list[int], upto: list[list[int]]) -> Iterable[float]:
    total, calls = upto[1][-1], upto[0][-1] + upto[1][-1]
    pairs = zip(upto[0][:-1], upto[1][:-1], strict=True)
    return [(total - y) / (calls - x - y) - y / (x + y) if 0 < x + y < calls else 0.0 for x, y in pairs]


def rate_deviation(past: Bucket, recent: Bucket) -> float:
    """Likelihood-ratio test of two categories."""
    return _normal(sqrt(_g(past, recent) / _design_effect(past, recent)), past.count + recent.count - 2)


def mix_effect(past: Bucket, recent: Bucket) -> float:
    """The total variation distance of the shares of many categories: what share moved from one to another."""
    return sum(abs(x - y) for x, y in zip(shares(past), shares(recent), strict=True)) / 2


def _quick_mix(runs: list[int], upto: list[list[int]]) -> Iterable[float]:
    calls = [sum(counts) for counts in zip(*upto, strict=True)]
    every, moved = calls[-1], [0.0] * (len(runs) - 1)
    for column in upto:
        if total := column[-1]:
            moved = [
                so_far + abs(x / n - (total - x) / (every - n))
                for so_far, x, n in zip(moved, column, calls, strict=False)
            ]
    return [share / 2 for share in moved]


def mix_deviation(past: Bucket, recent: Bucket) -> float:
    """Likelihood-ratio test of many categories."""
    freedom = sum(1 for x, y in zip(_counts(past), _counts(recent), strict=True) if x or y) - 1
    if freedom < 1:
        return 0.0
    # Wilson and Hilferty: the cube root of a chi-square variable is nearly normal.
    spread = 2 / (9 * freedom)
    return float(((_g(past, recent) / _design_effect(past, recent) / freedom) ** (1 / 3) - 1 + spread) / sqrt(spread))


def _g(past: Bucket, recent: Bucket) -> float:
    a, b = _counts(past), _counts(recent)
    n, m = sum(a), sum(b)
    total = 0.0
    for x, y in zip(a, b, strict=True):
        if x:
            total += x * log(x / n * (n + m) / (x + y))
        if y:
            total += y * log(y / m * (n + m) / (x + y))
    return max(0.0, 2 * total)


def _design_effect(past: Bucket, recent: Bucket) -> float:
    """How much more the shares vary than those of independent calls would (Rao and Scott [^4]), at least 1.

    Calls of one run are alike, so a run is not as many observations as it has calls, and long runs less so. Measured
    around each part's own shares, in units of what the shares of both together let expect: a part without errors says
    nothing of how errors cluster. As in `log_deviation`, the larger of pooled and separate variances counts.
    """
    a, b = _counts(past), _counts(recent)
    n, m = sum(a), sum(b)
    norm = [(x + y) / (n + m) for x, y in zip(a, b, strict=True)]
    x, y = _scatter(past, norm), _scatter(recent, norm)
    pooled = (x * (past.count - 1) + y * (recent.count - 1)) / (past.count + recent.count - 2)
    pooled *= (past.count + recent.count) / (n + m)
    separate = (x * past.count / n * m + y * recent.count / m * n) / (n + m)
    return max(1.0, pooled, separate)


def _scatter(bucket: Bucket, norm: list[float]) -> float:
    """Variance of a run's counts around the bucket's own shares, in units of the variance of one independent call."""
    kinds = len(norm)
    counts, squares, products = (bucket.sums[n * kinds : (n + 1) * kinds] for n in range(3))
    total, sizes = sum(counts), sum(products)
    scatter = expected = 0.0
    for count, square, product, share in zip(counts, squares, products, norm, strict=True):
        if 0.0 < share < 1.0:
            own = count / total
            scatter += max(0.0, square - 2 * own * product + own * own * sizes) / share
            expected += 1 - share
    return scatter / expected / max(bucket.count - 1, 1) if expected else 0.0


def _counts(bucket: Bucket) -> list[int]:
    return bucket.sums[: len(bucket.sums) // 3]


def _normal(t: float, freedom: int) -> float:
    """The normal deviate as improbable as Student's t (D. L. Wallace, 1959; within 0.2 % from 10 degrees on)."""
    size = sqrt(freedom * log(1 + t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return size if t >= 0 else -size


def run_length(deviation: float) -> float:
    """Observations until a two-sided scan of an unchanged normal stream passes ``deviation``, on average [^3]."""
    return sqrt(2 * pi) * exp(min(deviation * deviation / 2, 700.0)) / (2 * deviation * 0.736)


@lru_cache(maxsize=64)
def limit_for(observations: int) -> float:
    """The deviation whose `run_length` is ``observations``.

    >>> round(limit_for(100_000), 2), round(limit_for(1_000), 2)
    (5.02, 3.94)
    """
    low, high = 1.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle) < observations else (low, middle)
    return high


LEVEL = Comparison(log_effect, log_deviation, _quick_log, looks_at=2)
RATE = Comparison(rate_effect, rate_deviation, _quick_rate)
MIX = Comparison(mix_effect, mix_deviation, _quick_mix)
