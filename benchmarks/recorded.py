"""Events made from real runs: recordings of mini-swe-agent where they lie beside the checkout, else made-up runs.

There are fewer recorded runs than a benchmark needs, so they come again in copies. Each copy is other runs, and its
commands begin with a comment of their own: nothing that was parsed in one copy is remembered in the next. (At the end
it would be behind what closes a here-document, which then ends nowhere.)
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from benchmarks.machine import ROOT
from benchmarks.runs import fleet
from detectors.event import Event, ToolCall, encode
from monitor.replay.read import Batch, reader_for

RECORDED = ROOT.parent / "shared" / "corpora" / "trajectories" / "mini_swe_agent.jsonl"
CONCURRENT = 200  # runs at a time

Keyed = tuple[bytes, bytes]
"""A message's key and value."""


def source() -> str:
    return "recorded runs of mini-swe-agent" if RECORDED.exists() else "made-up runs"


def messages(count: int, begin: float) -> list[Keyed]:
    """The first ``count`` messages of a fleet at work. ``begin``: Unix seconds of each run's first event."""
    events = copies(begin) if RECORDED.exists() else fleet(7, begin=begin)
    return [(event.run_id.encode(), encode(event)) for event in itertools.islice(events, count)]


@cache
def runs() -> tuple[tuple[Event, ...], ...]:
    """The recorded runs, each in order."""
    found: dict[str, list[Event]] = {}
    with Path(RECORDED).open("rb") as lines:
        reader = reader_for(lines.readline())
        lines.seek(0)
        for batch in reader.read(lines):
            if isinstance(batch, Batch):
                found.setdefault(batch.run_id, []).extend(batch.events)
    return tuple(tuple(events) for events in found.values())


def copies(begin: float) -> Iterator[Event]:
    """Copies of the recorded runs, ``CONCURRENT`` at a time, mixed, without end."""
    chance = random.Random(7)
    waiting = (copy(events, n, begin) for n in itertools.count() for events in runs())
    active = list(itertools.islice(waiting, CONCURRENT))
    while True:
        place = chance.randrange(len(active))
        event = next(active[place], None)
        if event is None:
            active[place] = next(waiting)
        else:
            yield event


def copy(events: tuple[Event, ...], n: int, begin: float) -> Iterator[Event]:
    """The ``n``-th copy of a run, as if it began at ``begin``."""
    later = begin - events[0].time
    for event in events:
        run_id = f"{event.run_id[:200]}~{n}"
        arguments = getattr(event, "arguments", None)
        if n and isinstance(event, ToolCall) and isinstance(arguments, dict) and "command" in arguments:
            event = replace(event, arguments={**arguments, "command": f"# {n}\n{arguments['command']}"})
        yield replace(event, id=f"{event.id[:200]}~{n}", run_id=run_id, time=event.time + later)
