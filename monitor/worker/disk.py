"""A copy of one partition's states on the worker's own disk: what a restart need not read from the changelog again.

A cache: states and the changelog's offset they stand for are one SQLite transaction, so the copy is always a state that
was, and what it lacks is read from the changelog. It may be lost, or taken away, at any time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from monitor.settings import Settings

log = structlog.get_logger("killcord.disk")

FORMAT = 1
# The changelog forgets that a key was deleted after Kafka's delete.retention.ms, a day by default: an older copy would
# bring it back.
OLDEST_S = 12 * 3600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS upto (one INTEGER PRIMARY KEY CHECK (one = 1), offset INTEGER, written REAL);
"""


def folder(settings: Settings, cluster: str) -> Path:
    """Where the copies of a worker's states lie: another cluster's are never taken for this one's."""
    return Path(settings.data_dir) / "states" / (cluster or "cluster") / settings.app_id


class DiskError(RuntimeError):
    """Why the copy cannot be used, with its path."""


class Disk:
    """One file, held exclusively. Raises `DiskError`, also where another process holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise DiskError(f"{path}: {error}. Give each worker a data_dir of its own that it may write to.") from error

    def _open(self) -> sqlite3.Connection:
        # Written from a thread beside the event loop, one write at a time.
        db = sqlite3.connect(self.path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            if db.execute("PRAGMA user_version").fetchone()[0] not in (0, FORMAT):
                db.executescript("DROP TABLE IF EXISTS state; DROP TABLE IF EXISTS upto;")
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA user_version={FORMAT}")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def load(self) -> tuple[dict[bytes, bytes], int | None]:
        """(value by key, offset up to which they stand); nothing and None where there is no copy, or one too old."""
        try:
            row = self._db.execute("SELECT offset, written FROM upto").fetchone()
            if row is None:
                return {}, None
            offset, written = row
            if not 0 <= time.time() - written < OLDEST_S:
                self._db.executescript("DELETE FROM state; DELETE FROM upto;")
                return {}, None
            return dict(self._db.execute("SELECT key, value FROM state")), int(offset)
        except sqlite3.Error as error:
            self.remove()
            raise DiskError(f"{self.path}: {error}") from error

    def write(self, entries: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """In one transaction; of a key's values the last counts, and None deletes."""
        latest = dict(entries)
        put = [(key, value) for key, value in latest.items() if value is not None]
        gone = [(key,) for key, value in latest.items() if value is None]
        try:
            db = self._db
            db.execute("BEGIN")
            db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", put)
            db.executemany("DELETE FROM state WHERE key = ?", gone)
            db.execute("INSERT OR REPLACE INTO upto VALUES (1, ?, ?)", (offset, time.time()))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise DiskError(f"{self.path}: {error}") from error

    def close(self) -> None:
        self._db.close()

    def remove(self) -> None:
        """The copy is no longer what the changelog says."""
        self._db.close()
        for suffix in ("", "-wal", "-shm"):
            path = self.path.with_name(self.path.name + suffix)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:  # a disk that went read-only
                log.error("copy on disk not removed: remove it before the next start", path=str(path), error=str(error))
