"""The bytes of a table by partition, in memory, with a copy on the worker's own disk where it has one.

Found by Faust as ``killcord://`` in the namespace ``faust.stores``. Faust's own in-memory store forgets how far it has
read a changelog, so every rebalance and every standby reads it from the start; this one says it, and so resumes there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog
from aiokafka.structs import ConsumerRecord
from faust.stores import base
from faust.types import TP

from monitor.worker.disk import Disk, DiskError

log = structlog.get_logger("killcord.store")


class Shelf:
    """One partition: value by key. offset: of the changelog record up to which it holds everything; None: unknown.
    latest: keys of the last transaction that was restored, which may have been its writer's last and not committed.
    """

    __slots__ = ("data", "disk", "latest", "offset")

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.offset: int | None = None
        self.latest: set[bytes] = set()
        self.disk: Disk | None = None


class Store(base.Store):
    """A table's store. Options of the table: ``disk``, the directory for its copies, None for none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shelves: dict[int, Shelf] = {}
        directory = (self.options or {}).get("disk")
        self._directory: Path | None = Path(directory) if directory else None

    def get(self, partition: int, key: bytes) -> bytes | None:
        shelf = self._shelves.get(partition)
        return shelf.data.get(key) if shelf is not None else None

    def hold(self, partition: int, key: bytes, value: bytes | None) -> None:
        """In memory, before the changelog has it. ``value`` None: no longer there."""
        shelf = self._shelf(partition)
        if value is None:
            shelf.data.pop(key, None)
        else:
            shelf.data[key] = value

    async def written(self, partition: int, entries: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """The changelog has ``entries``, the last of them at ``offset``."""
        shelf = self._shelves.get(partition)
        if shelf is None:
            return  # given back since
        shelf.offset = offset
        shelf.latest.clear()
        if shelf.disk is not None:
            await asyncio.to_thread(self._to_disk, partition, shelf, entries, offset)

    def restore(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """A batch of the changelog, in its order."""
        shelf = self._shelf(partition)
        data, latest = shelf.data, shelf.latest
        follows = -1 if shelf.offset is None else shelf.offset + 1
        for record in records:
            if record.offset > follows:
                latest.clear()  # the marker that ended a transaction lies between
            follows = record.offset + 1
            latest.add(record.key)
            if record.value is None:
                data.pop(record.key, None)
            else:
                data[record.key] = record.value
        shelf.offset = records[-1].offset
        if shelf.disk is not None:
            self._to_disk(partition, shelf, [(record.key, record.value) for record in records], shelf.offset)

    def unsettled(self, partition: int) -> set[bytes]:
        """Keys whose last value may be of a transaction that was not committed.

        Whoever takes over has read it, and goes on from it; but Kafka's log cleaner removes it one day, and what was
        before would come back. So it is to be written again.
        """
        shelf = self._shelves.get(partition)
        return set(shelf.latest) if shelf is not None else set()

    def each(self, partition: int) -> list[tuple[bytes, bytes]]:
        """(key, value) of what is there now."""
        shelf = self._shelves.get(partition)
        return list(shelf.data.items()) if shelf is not None else []

    def forget(self, partition: int) -> None:
        """What is here of a partition may not be what the changelog says: it is read from the start when it is next
        needed."""
        shelf = self._shelves.pop(partition, None)
        if shelf is not None and shelf.disk is not None:
            shelf.disk.remove()

    def count(self, partitions: Iterable[int]) -> int:
        return sum(len(self._shelves[p].data) for p in partitions if p in self._shelves)

    def __len__(self) -> int:
        return self.count(self._shelves)

    def _shelf(self, partition: int) -> Shelf:
        shelf = self._shelves.get(partition)
        if shelf is None:
            shelf = self._shelves[partition] = Shelf()
            self._open(partition, shelf)
        return shelf

    def _open(self, partition: int, shelf: Shelf) -> None:
        if self._directory is None:
            return
        try:
            shelf.disk = Disk(self._directory / f"{self.table_name}-{partition}.sqlite")
            shelf.data, shelf.offset = shelf.disk.load()
        except DiskError as error:
            log.error("no copy on disk, the changelog is read instead", partition=partition, error=str(error))
            shelf.disk, shelf.data, shelf.offset = None, {}, None

    def _to_disk(
        self, partition: int, shelf: Shelf, entries: Iterable[tuple[bytes, bytes | None]], offset: int
    ) -> None:
        if shelf.disk is None:
            return
        try:
            shelf.disk.write(entries, offset)
        except DiskError as error:
            # The copy only spares the changelog's reading: without it, all goes on.
            log.error("copy on disk given up", partition=partition, error=str(error))
            shelf.disk.remove()
            shelf.disk = None

    # What Faust asks.

    def persisted_offset(self, tp: TP) -> int:
        """-1 where nothing is known: for None, Faust goes on from where it was itself when it last read this changelog,
        and what lies before would be missing from a store that has forgotten it."""
        offset = self._shelf(tp.partition).offset
        return -1 if offset is None else offset

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Partitions that went elsewhere leave the memory; their copies on disk stay, to go on from."""
        kept = {tp.partition for tp in active_tps | standby_tps}
        for partition in [partition for partition in self._shelves if partition not in kept]:
            shelf = self._shelves.pop(partition)
            if shelf.disk is not None:
                shelf.disk.close()

    async def on_stop(self) -> None:
        for shelf in self._shelves.values():
            if shelf.disk is not None:
                shelf.disk.close()

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[..., Any], to_value: Callable[..., Any]
    ) -> None:
        """Not how records come here: the transport hands over whole batches, by `restore`."""
        for event in batch:
            self.restore(event.message.partition, [event.message])

    def reset_state(self) -> None:
        for partition in list(self._shelves):
            self.forget(partition)

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        raise NotImplementedError("the changelog is the backup")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        raise NotImplementedError("the changelog is the backup")
