"""States by partition, and their copy on disk: what a restart finds there, and what it must not believe."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord

from monitor.worker import disk
from monitor.worker.disk import Disk, DiskError


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
