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

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import exp, log, pi, sqrt
from operator import add

from msgspec import Struct

from detectors.split_screen import LogScreen, MixScreen, RateScreen, Screen

MOST_CALLS = 500  # that one observation counts for, however long the run
UNIT = 256  # fixed point of logarithms: how many make 1.0; a step is 0.4 %
MOST_LOG = 30.0  # of a logarithm's size: what is beyond 1e13 or below 1e-13 is no measurement
LOG_VARIANCE = (
    0.01  # of a logarithm, at least: streams of constants differ from another by 10 % before it means anything
)


class Bucket(Struct, array_like=True, gc=False):
    """Sums over ``count`` observations (runs) in a row, the first of which has the number ``first``.

    sums: what the comparison of the stream needs, additive.
    """

    first: int
    count: int
    sums: list[int]

    def __add__(self, other: Bucket) -> Bucket:
        return Bucket(self.first, self.count + other.count, [a + b for a, b in zip(self.sums, other.sums, strict=True)])

    def __sub__(self, other: Bucket) -> Bucket:
        return Bucket(self.first, self.count - other.count, [a - b for a, b in zip(self.sums, other.sums, strict=True)])

    def absorb(self, other: Bucket) -> None:
        """Become both; ``other`` comes right after."""
        mine, others = self.sums, other.sums
        if len(mine) != len(others):
            raise ValueError(f"buckets of {len(mine)} and {len(others)} sums from run {self.first}: not of one stream")
        self.count += other.count
        if len(mine) == 2:
            mine[0] += others[0]
            mine[1] += others[1]
        else:
            self.sums = list(map(add, mine, others))


class Change(Struct, frozen=True):
    """The recent part differs from the past: ``deviation`` in standard deviations, ``effect`` in the test's unit."""

    past: Bucket
    recent: Bucket
    deviation: float
    effect: float


Measure = Callable[[Bucket, Bucket], float]


class Comparison(Struct, frozen=True):
    """Two measures of past and recent part. ``deviation`` is normally distributed where nothing changed.

    ``effect`` is small for nearly all splits of a stream that does not change; ``screen`` makes, of a stream's parts,
    what finds the few others, in the ``unit`` of their sums.
    """

    effect: Measure
    deviation: Measure
    screen: Callable[[Sequence[Bucket]], Screen]
    unit: int = 1


def observe_counts(number: int, counts: list[int]) -> Bucket:
    """One observation of counts by category. ``sums``: counts, squares, products with the total.

    Of more than `MOST_CALLS` only the shares count.
    """
    total = sum(counts)
    if total > MOST_CALLS:
        counts = [c * MOST_CALLS // total for c in counts]
        total = sum(counts)
    if len(counts) == 2:
        x, y = counts
        return Bucket(number, 1, [x, y, x * x, y * y, x * total, y * total])
    return Bucket(number, 1, [*counts, *[c * c for c in counts], *[c * total for c in counts]])


def observe_kinds(number: int, counts: Mapping[int, int], kinds: int) -> Bucket:
    """`observe_counts` of the categories 0 to ``kinds`` - 1, most of which have none."""
    total = sum(counts.values())
    if total > MOST_CALLS:
        return observe_counts(number, [counts.get(kind, 0) for kind in range(kinds)])
    sums = [0] * (3 * kinds)
    for kind, count in counts.items():
        sums[kind] = count
        sums[kinds + kind] = count * count
        sums[2 * kinds + kind] = count * total
    return Bucket(number, 1, sums)


def observe_log(number: int, value: float) -> Bucket:
    """One observation of a positive, finite number. ``sums``: its logarithm and that squared."""
    size = log(value)
    if not -MOST_LOG < size < MOST_LOG:
        size = MOST_LOG if size > 0.0 else -MOST_LOG
    fixed = round(UNIT * size)
    return Bucket(number, 1, [fixed, fixed * fixed])


def log_mean(bucket: Bucket) -> float:
    """The geometric mean."""
    return exp(bucket.sums[0] / UNIT / bucket.count)


def log_effect(past: Bucket, recent: Bucket) -> float:
    """The logarithm of the ratio of the geometric means."""
    return (recent.sums[0] / recent.count - past.sums[0] / past.count) / UNIT


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


def rate_deviation(past: Bucket, recent: Bucket) -> float:
    """Likelihood-ratio test of two categories."""
    return _normal(sqrt(_g(past, recent) / _design_effect(past, recent)), past.count + recent.count - 2)


def mix_effect(past: Bucket, recent: Bucket) -> float:
    """The total variation distance of the shares of many categories: what share moved from one to another."""
    return sum(abs(x - y) for x, y in zip(shares(past), shares(recent), strict=True)) / 2


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


def _log_screen(parts: Sequence[Bucket]) -> Screen:
    return LogScreen(parts, LOG_VARIANCE * UNIT * UNIT)


LEVEL = Comparison(log_effect, log_deviation, _log_screen, UNIT)
RATE = Comparison(rate_effect, rate_deviation, RateScreen)
MIX = Comparison(mix_effect, mix_deviation, MixScreen)
