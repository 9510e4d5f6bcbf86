"""Typed states over a table's store: decoded once, cut together without a pause, and written by the checkpoint.

A write through ``table[key]`` costs 0.3 ms. A ledger keeps decoded states and remembers which have changed. A cut marks
those; their bytes are made afterwards, a few at a time, and always before one of them changes again: so the cut is of
one moment, and no event waits for 80,000 states to be encoded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import faust

from monitor.worker.fence import Entries
from monitor.worker.store import Store

MOST_DECODED = 20_000  # states that are kept decoded between checkpoints; the others wait as bytes

SLICE_S = 0.002

S = TypeVar("S")


class Ledger(Generic[S]):
    """States by partition and key (UTF-8 of the table's key).

    Parameters: ``decode`` raises ValueError for bytes that are no state of this version; ``on_corrupt(partition, key,
    bytes, error)`` hears of it, and the key starts anew. ``new(key)`` makes the first state.
    """

    def __init__(
        self,
        table: faust.Table,
        new: Callable[[str], S],
        encode: Callable[[S], bytes],
        decode: Callable[[bytes], S],
        on_corrupt: Callable[[int, str, bytes, Exception], None],
    ) -> None:
        self.table = table
        self._new = new
        self._encode = encode
        self._decode = decode
        self._on_corrupt = on_corrupt
        self._decoded: dict[tuple[int, str], S] = {}
        # In the order in which they changed, as they lie in memory: by a set's order, encoding takes twice as long.
        self._dirty: dict[tuple[int, str], None] = {}
        self._cutting: dict[tuple[int, str], S | None] = {}  # marked by the cut under way, not yet bytes; None: dropped
        self._cut: dict[int, dict[bytes, bytes | None]] = {}
        self._marked: dict[tuple[int, str], None] = {}  # of a cut that Kafka does not have yet

    @property
    def changelog(self) -> str:
        return str(self.table.changelog_topic.get_topic_name())

    @property
    def store(self) -> Store:
        return self.table.data  # type: ignore[no-any-return]

    def find(self, partition: int, key: str) -> S | None:
        """The state of ``key``, or None if there is none in this partition. Whoever changes it calls `put`."""
        place = partition, key
        if self._cutting and place in self._cutting:
            self._seal(place)
        state = self._decoded.get(place)
        if state is not None:
            return state
        data = self.store.get(partition, key.encode())
        if data is None:
            return None
        try:
            state = self._decode(data)
        except ValueError as error:
            self.store.hold(partition, key.encode(), None)  # said once
            self._on_corrupt(partition, key, data, error)
            return None
        self._decoded[place] = state
        return state

    def get(self, partition: int, key: str) -> S:
        """The state of ``key``, a new one if there is none."""
        state = self.find(partition, key)
        if state is None:
            state = self._decoded[partition, key] = self._new(key)
        return state

    def put(self, partition: int, key: str, state: S) -> None:
        """Has changed: goes into the next cut."""
        place = partition, key
        self._decoded[place] = state
        self._dirty[place] = None

    def drop(self, partition: int, key: str) -> None:
        """Evicted: its tombstone goes into the next cut."""
        place = partition, key
        if place in self._cutting:
            self._seal(place)
        self._decoded.pop(place, None)
        self.store.hold(partition, key.encode(), None)
        self._dirty[place] = None

    def recovered(self, partitions: Iterable[int]) -> None:
        """These were recovered. What their last writer may not have committed goes into the next cut."""
        for partition in partitions:
            for raw in self.store.unsettled(partition):
                if (key := _key(raw)) is None:
                    continue
                if self.store.get(partition, raw) is None:
                    self._dirty[partition, key] = None  # a tombstone
                elif (state := self.find(partition, key)) is not None:
                    self.put(partition, key, state)

    def changed(self, partition: int, key: str) -> bool:
        """Whether what is stored of ``key`` is older than what is known."""
        place = partition, key
        return place in self._dirty or place in self._cutting

    def unchanged(self, partition: int, key: str, data: bytes) -> bool:
        """Whether ``data`` is still all that is known of ``key``."""
        return not self.changed(partition, key) and self.store.get(partition, key.encode()) == data

    # The cut

    def mark(self) -> int:
        """Begins a cut: everything that has changed, as it is now. Returns how many states that are.

        What a cut that was given up had marked is in this one again.
        """
        self._dirty |= self._marked
        if len(self._decoded) > MOST_DECODED + len(self._dirty):
            self._decoded = {place: self._decoded[place] for place in self._dirty if place in self._decoded}
        self._cutting = {place: self._decoded.get(place) for place in self._dirty}
        self._marked, self._dirty, self._cut = self._dirty, {}, {}
        return len(self._cutting)

    def written(self) -> None:
        """Ends a cut: Kafka has it."""
        self._marked = {}

    def marked(self) -> Mapping[int, Sequence[str]]:
        """The partitions of the cut under way, with the keys in them that are not bytes yet."""
        found: dict[int, list[str]] = {partition: [] for partition in self._cut}
        for partition, key in self._cutting:
            found.setdefault(partition, []).append(key)
        return found

    async def made(self, partition: int, keys: Iterable[str]) -> Entries:
        """The bytes of what was marked in one partition: it is out of the cut. Events are judged meanwhile."""
        clock = time.monotonic
        until = clock() + SLICE_S
        for key in keys:
            if (place := (partition, key)) in self._cutting:
                self._seal(place)
            if clock() > until:
                await asyncio.sleep(0)
                until = clock() + SLICE_S
        return list(self._cut.pop(partition, {}).items())

    def _seal(self, place: tuple[int, str]) -> None:
        partition, key = place
        state = self._cutting.pop(place)
        raw, data = key.encode(), None
        if state is not None:
            try:
                data = self._encode(state)
            except (ValueError, OverflowError, TypeError) as error:
                # One state that cannot be written must not keep all others from being written.
                self._on_corrupt(partition, key, b"", error)
                self._decoded.pop(place, None)
                return
            self.store.hold(partition, raw, data)
        self._cut.setdefault(partition, {})[raw] = data

    def forget(self, partitions: Iterable[int], bytes_too: bool = False) -> None:
        """These partitions were given back, after a cut. ``bytes_too``: what is stored of them is void as well.

        Their bytes stay otherwise: every rebalance takes all partitions away for a moment, and of those that come back
        only what is newer is recovered.
        """
        gone = set(partitions)
        for held in (self._decoded, self._cutting):
            for place in [place for place in held if place[0] in gone]:
                del held[place]
        self._dirty = {place: None for place in self._dirty if place[0] not in gone}
        self._marked = {place: None for place in self._marked if place[0] not in gone}
        for partition in gone:
            self._cut.pop(partition, None)
            if bytes_too:
                self.store.forget(partition)

    def each(self, partition: int) -> Iterator[tuple[str, S]]:
        """(key, state) of all that is known in a partition. Decodes it all: for what people do, not for events."""
        keys = {key for place, key in self._decoded if place == partition}
        keys.update(key for _, key, _ in self.stored([partition]))
        for key in sorted(keys):
            state = self.find(partition, key)
            if state is not None:
                yield key, state

    def stored(self, partitions: Iterable[int]) -> Iterator[tuple[int, str, bytes]]:
        """(partition, key, bytes) of everything in these partitions that was cut or recovered."""
        for partition in partitions:
            for raw, data in self.store.each(partition):
                if (key := _key(raw)) is not None:
                    yield partition, key, data


def _key(raw: bytes) -> str | None:
    """None for what no worker wrote."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
