"""States by partition, and their copy on disk: what a restart finds there, and what it must not believe."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import faust
import pytest
from aiokafka.structs import ConsumerRecord
from faust.tables.recovery import Recovery
from faust.types import TP

from monitor.worker import disk
from monitor.worker.disk import Disk, DiskError
from monitor.worker.store import Store


def record(key: bytes, value: bytes | None, offset: int) -> ConsumerRecord:
    return ConsumerRecord("changelog", 0, offset, 0, 0, key, value, None, len(key), len(value or b""), ())


def test_a_copy_comes_back_with_the_offset_it_stands_for(tmp_path: Path) -> None:
    copy = Disk(tmp_path / "runs-0.sqlite")
    copy.write([(b"a", b"1"), (b"b", b"1"), (b"c", b"1")], 2)
    copy.write([(b"a", b"2"), (b"b", None), (b"c", None), (b"c", b"2")], 6)
    copy.close()
    again = Disk(tmp_path / "runs-0.sqlite")
    assert again.load() == ({b"a": b"2", b"c": b"2"}, 6)
    again.close()


def test_two_workers_cannot_share_a_copy(tmp_path: Path) -> None:
    holder = Disk(tmp_path / "runs-0.sqlite")
    holder.write([(b"a", b"1")], 0)
    with pytest.raises(DiskError, match="data_dir of its own"):
        Disk(tmp_path / "runs-0.sqlite")
    holder.close()


def test_what_is_no_database_is_said_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "runs-0.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DiskError, match=r"runs-0\.sqlite"):
        Disk(path)


def test_a_copy_older_than_the_changelogs_tombstones_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Disk(tmp_path / "runs-0.sqlite")
    copy.write([(b"a", b"1")], 0)
    monkeypatch.setattr(disk, "OLDEST_S", 0.0)
    assert copy.load() == ({}, None)
    copy.close()


def test_a_copy_of_another_format_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "runs-0.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript("CREATE TABLE state (other TEXT); PRAGMA user_version=99;")
    old.close()
    copy = Disk(path)
    assert copy.load() == ({}, None)
    copy.write([(b"a", b"1")], 0)
    copy.close()


def store() -> Store:
    app = faust.App("store", broker="kafka://", store="memory://")
    return Store("killcord://", app, app.Table("runs"))


RESTORED = [  # what is read of a changelog, as (offset, key); keys that may not have been committed
    ([], []),
    ([(0, b"a"), (1, b"b")], [b"a", b"b"]),
    ([(0, b"a"), (1, b"b"), (3, b"c")], [b"c"]),  # 2 was the marker of a transaction
    ([(0, b"a"), (2, b"b"), (3, b"a"), (4, b"c")], [b"a", b"b", b"c"]),
]


@pytest.mark.parametrize(("records", "unsettled"), RESTORED)
@pytest.mark.parametrize("at_once", [1, 100])
def test_what_the_last_writer_may_not_have_committed_is_known(
    records: list[tuple[int, bytes]], unsettled: list[bytes], at_once: int
) -> None:
    kept = store()
    for n in range(0, len(records), at_once):
        kept.restore(0, [record(key, b"state", offset) for offset, key in records[n : n + at_once]])
    assert sorted(kept.unsettled(0)) == unsettled
    assert kept.unsettled(1) == set()


async def test_what_this_worker_wrote_is_settled() -> None:
    kept = store()
    kept.restore(0, [record(b"a", b"state", 0)])
    await kept.written(0, [(b"a", b"again")], 2)
    assert kept.unsettled(0) == set()


async def test_a_partition_that_was_forgotten_is_read_from_the_start_though_it_never_left(tmp_path: Path) -> None:
    app = faust.App("store", broker="kafka://", store="memory://", datadir=str(tmp_path))
    table = app.Table("runs")
    table._data = kept = Store("killcord://", app, table)
    recovery, place = Recovery(app, app.tables), TP("changelog", 0)
    kept.restore(0, [record(b"a", b"state", 41)])
    recovery.add_active(table, place)
    assert recovery.active_offsets[place] == 41
    kept.forget(0)
    recovery.add_active(table, place)  # as in the next rebalance; Faust still knows its 41
    assert recovery.active_offsets[place] == -1


def test_a_copy_on_a_disk_that_went_read_only_is_given_up_and_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Disk(tmp_path / "runs-0.sqlite")

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refused)
    copy.remove()
    with pytest.raises(DiskError, match="closed"):
        copy.write([(b"a", b"1")], 0)
