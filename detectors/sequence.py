"""Which events of a run came before, and which are missing: one implementation for the engine and for tests."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from msgspec import Struct, field

from detectors.event import Event

STREAMS = 16  # publishers of a run that are followed at a time; the longest silent one makes room
GAPS = 4  # ranges of missing numbers that are remembered for each, so that a late event is told from a repeat


class Stream(Struct, array_like=True):
    """One agent's publisher. high: highest seq seen. time, last: of its latest event. gaps: missing, both ends in.

    absurd: the latest time that was not believed.
    """

    high: int
    time: float
    last: int
    gaps: list[tuple[int, int]] = field(default_factory=list)
    absurd: float = 0.0


class Sequences(Struct):
    """High-water marks by agent and publisher.

    A repeat is an event whose seq was seen and whose time is not newer than the stream's latest: that is what a
    producer sends when it tries again. A lower seq with a newer time is a publisher that was started again and counts
    from the beginning: its events are new, or a restarted agent would be invisible. The first seq that is seen is
    where counting begins, so what was lost before it is not known.

    Memory: at most 16 streams of about 100 bytes. Cost: about 0.5 µs an event.

    >>> from detectors.event import Heartbeat
    >>> numbers, seen = [1, 2, 2, 6, 4, 7], Sequences()
    >>> [seen.observe(Heartbeat(time=1.0, run_id="r", id=str(n), seq=n)) for n in numbers]
    [0, 0, None, 3, 0, 0]
    """

    streams: dict[int, Stream] = field(default_factory=dict)

    def observe(self, event: Event, time: float | None = None) -> int | None:
        """How many events are missing right before this one, or None if this one came before and is to be dropped.

        ``time``: as far as the event's is believed. One that says the year 3000 would make repeats of all that follow.
        """
        time = event.time if time is None else time
        absurd = 0.0 if time == event.time else event.time
        seq = event.seq
        if seq is None:
            return 0
        key = _key(event.agent_id, event.publisher)
        last = crc32(event.id.encode("utf-8", "surrogatepass"))
        streams = self.streams
        stream = streams.get(key)
        if stream is None:
            if len(streams) >= STREAMS:
                del streams[next(iter(streams))]
            streams[key] = Stream(seq, time, last, absurd=absurd)
            return 0
        if len(streams) > 1:
            streams[key] = streams.pop(key)  # back at the end: the order is that of the latest event
        missing = seq - stream.high - 1
        if missing >= 0:
            if missing:
                _add(stream.gaps, stream.high + 1, seq - 1)
            stream.high = seq
        elif not _fill(stream.gaps, seq):
            # A clock that is wrong still tells a repeat from what is new: by its own earlier times.
            older = absurd <= stream.absurd if absurd else time <= stream.time
            if older and not (seq == stream.high and last != stream.last):
                return None
            stream.high = seq
            stream.gaps.clear()
        stream.time, stream.last = time, last
        if absurd > stream.absurd:
            stream.absurd = absurd
        return missing if missing > 0 else 0


@lru_cache(maxsize=1024)
def _key(agent_id: str, publisher: str) -> int:
    return crc32(f"{agent_id}\0{publisher}".encode("utf-8", "surrogatepass"))


def _add(gaps: list[tuple[int, int]], first: int, end: int) -> None:
    gaps.append((first, end))
    if len(gaps) > GAPS:
        # Joined rather than forgotten: a repeat counted twice does less harm than a new event that is dropped.
        gaps[:2] = [(gaps[0][0], gaps[1][1])]


def _fill(gaps: list[tuple[int, int]], seq: int) -> bool:
    for index, (first, end) in enumerate(gaps):
        if first <= seq <= end:
            left = [] if seq == first else [(first, seq - 1)]
            right = [] if seq == end else [(seq + 1, end)]
            gaps[index : index + 1] = left + right
            while len(gaps) > GAPS:
                gaps[:2] = [(gaps[0][0], gaps[1][1])]
            return True
    return False
