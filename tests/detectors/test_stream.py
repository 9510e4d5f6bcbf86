"""A stream finds what a search of all its splits finds, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from detectors.change_point import LEVEL, MIX, RATE, Bucket, Change, Comparison, observe_counts, observe_log
from detectors.split_screen import Asked
from detectors.stream import Stream


def rate(rng: random.Random, changed: float) -> list[int]:
    calls, share = rng.randrange(1, 40), min(1.0, (0.1 + 0.25 * changed) * rng.choice((0.3, 0.7, 1.0, 2.0)))
    wrong = sum(rng.random() < share for _ in range(calls))
    return [calls - wrong, wrong]


def mix(rng: random.Random, changed: float) -> list[int]:
    used = rng.choices(range(4), [6, 3, 1, 4 * changed], k=rng.randrange(1, 40))
    return [used.count(kind) for kind in range(8)]


def level(rng: random.Random, changed: float) -> float:
    return rng.lognormvariate(0.7 * changed, 0.5) * (50 if rng.random() < 0.005 else 1)


KINDS: list[tuple[str, Comparison, Callable[[random.Random, float, int], Bucket], Asked, int]] = [
    ("rate", RATE, lambda rng, changed, n: observe_counts(n, rate(rng, changed)), Asked(0.1, 30, 5), 5),
    ("mix", MIX, lambda rng, changed, n: observe_counts(n, mix(rng, changed)), Asked(0.2, 30, 5), 2),
    ("level", LEVEL, lambda rng, changed, n: observe_log(n, level(rng, changed)), Asked(0.405, 30, 5), 5),
]


def searched(stream: Stream, test: Comparison, limit: float, asked: Asked) -> Change | None:
    """By testing every split."""
    parts, best = stream.parts, None
    for place in range(1, len(parts)):
        before, after = parts[0], parts[place]
        for part in parts[1:place]:
            before = before + part
        for part in parts[place + 1 :]:
            after = after + part
        if before.count < asked.past or after.count < 2 or abs(test.effect(before, after)) < asked.least:
            continue
        deviation = abs(test.deviation(before, after))
        if deviation > (best.deviation if best else limit):
            best = Change(before, after, deviation, test.effect(before, after))
    return best if best and best.recent.count >= asked.recent else None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limit", [1.5, 3.0, 5.0])
@pytest.mark.parametrize(("name", "test", "observe", "asked", "width"), KINDS, ids=[kind[0] for kind in KINDS])
def test_what_the_screen_leaves_out_could_not_have_passed(name, test, observe, asked, width, limit, seed):
    rng, stream, found = random.Random(f"{name}{seed}"), Stream(), 0
    for n in range(700):
        drift = (n // 150) % 2
        runs = stream.add(observe(rng, drift, n))
        whole = msgspec.msgpack.decode(msgspec.msgpack.encode(stream), type=Stream)
        if rng.random() < 0.01:
            stream = msgspec.msgpack.decode(msgspec.msgpack.encode(stream), type=Stream)
        if name == "rate" and rng.random() < 0.7:
            told = None if stream.calm(stream.buckets[-1], asked) else stream.change(test, limit, asked, width)
        elif runs % 4:
            continue
        else:
            told = stream.change(test, limit, asked, width)
        whole.settle(width=width)
        assert told == searched(whole, test, limit, asked)
        if told:
            found += 1
            stream.restart(told)
    assert found


@pytest.mark.parametrize("every", [1, 3, 16, 200])
def test_whenever_a_stream_is_settled_it_gives_the_same_buckets(every):
    rng, often, seldom = random.Random(5), Stream(), Stream()
    for n in range(3000):
        bucket = observe_log(n, level(rng, 0.0))
        often.add(msgspec.msgpack.decode(msgspec.msgpack.encode(bucket), type=Bucket))
        seldom.add(bucket)
        often.settle(width=5)
        if n % every == 0:
            seldom.settle(width=5)
    seldom.settle(width=5)
    assert seldom == often
    assert len(often.parts) <= 41
