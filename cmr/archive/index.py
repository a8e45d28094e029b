"""The index of the archive: one SQLite file that says which video is where.

The files are the truth; every row can be made again from them (`repair`). So a commit need not
reach the disk before the next one: after a power cut the tails of the files are adopted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INDEX_NAME = "index.sqlite"
_VERSION = 1
_BUSY_TIMEOUT_S = 10.0  # repair and writer take turns, each for milliseconds
SCHEMA = f"""
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    camera INTEGER NOT NULL,
    profile TEXT NOT NULL,
    init BLOB NOT NULL,
    start_90k INTEGER NOT NULL,
    end_90k INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
);
CREATE INDEX file_time ON file (camera, profile, start_90k, end_90k);
CREATE INDEX file_age ON file (start_90k);
CREATE TABLE gop (
    file INTEGER NOT NULL REFERENCES file (id),
    offset INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    start_90k INTEGER NOT NULL,
    end_90k INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    PRIMARY KEY (file, offset)
) WITHOUT ROWID;
CREATE TABLE event (camera INTEGER NOT NULL, at_90k INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE INDEX event_time ON event (camera, at_90k);
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True)
class Gop:
    """A group of pictures in a file: where it is, and when (decode times)."""

    offset: int
    size_bytes: int
    start_90k: int
    end_90k: int
    frames: int


@dataclass(frozen=True)
class FileRow:
    """A file of video as the index knows it."""

    id: int
    name: str
    size_bytes: int


@dataclass(frozen=True)
class Growth:
    """Groups of pictures that a file gained; the whole file is new when `file_id` is None."""

    file_id: int | None
    name: str
    camera: int
    profile: str
    init: bytes
    gops: tuple[Gop, ...]


@dataclass(frozen=True)
class Event:
    """Something that explains a gap. Camera 0 stands for all of them."""

    camera: int
    at_90k: int
    reason: str


class IndexBroken(Exception):
    """The index cannot be used; it has to be made again from the files."""


class Index:
    """The index, opened for writing. Raises sqlite3.Error where SQLite does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / INDEX_NAME
        if not self.path.exists():
            _create(self.path)
        self._db = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            raise IndexBroken(f"the index has version {version}")
        if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise IndexBroken("the index is damaged")

    def close(self) -> None:
        """Close it; it is a single file afterwards."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def add(self, growths: Iterable[Growth], events: Iterable[Event] = ()) -> list[int]:
        """Commit in one transaction; the files' ids, in order."""
        with self._transaction() as db:
            ids = [_add(db, growth) for growth in growths]
            rows = [(event.camera, event.at_90k, event.reason) for event in events]
            db.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
        return ids

    def remove(self, file_ids: Iterable[int]) -> None:
        """Forget files, and events older than every file that is left."""
        with self._transaction() as db:
            for file_id in file_ids:
                db.execute("DELETE FROM gop WHERE file = ?", (file_id,))
                db.execute("DELETE FROM file WHERE id = ?", (file_id,))
            db.execute("DELETE FROM event WHERE at_90k < (SELECT min(start_90k) FROM file)")

    def shorten(self, file_id: int, size_bytes: int) -> bool:
        """Forget what lies beyond `size_bytes` of a file; False when nothing is left of it."""
        with self._transaction() as db:
            db.execute(
                "DELETE FROM gop WHERE file = ? AND offset + size_bytes > ?", (file_id, size_bytes)
            )
            size, end = db.execute(
                "SELECT max(offset + size_bytes), max(end_90k) FROM gop WHERE file = ?", (file_id,)
            ).fetchone()
            if size is not None:
                db.execute(
                    "UPDATE file SET size_bytes = ?, end_90k = ? WHERE id = ?", (size, end, file_id)
                )
        return size is not None

    def oldest_first(self) -> Iterator[FileRow]:
        """All files."""
        rows = self._db.execute("SELECT id, name, size_bytes FROM file ORDER BY start_90k")
        return (FileRow(*row) for row in rows)

    def used_bytes(self) -> int:
        """What all files take up."""
        return int(self._db.execute("SELECT ifnull(sum(size_bytes), 0) FROM file").fetchone()[0])

    def oldest_90k(self) -> int | None:
        """Start of the oldest recording."""
        start = self._db.execute("SELECT min(start_90k) FROM file").fetchone()[0]
        return None if start is None else int(start)


def _create(path: Path) -> None:
    """An empty index; appears at once and whole, so that no reader sees half of it."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    db = sqlite3.connect(unfinished)
    db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    db.close()
    for ending in ("-wal", "-shm"):  # of an index that was deleted: they would be played into ours
        path.with_name(path.name + ending).unlink(missing_ok=True)
    unfinished.replace(path)


def _add(db: sqlite3.Connection, growth: Growth) -> int:
    last = growth.gops[-1]
    size, end = last.offset + last.size_bytes, max(gop.end_90k for gop in growth.gops)
    file_id = growth.file_id
    if file_id is None:
        owner = growth.name, growth.camera, growth.profile
        row = (*owner, growth.init, growth.gops[0].start_90k, end, size)
        cursor = db.execute(
            "INSERT INTO file (name, camera, profile, init, start_90k, end_90k, size_bytes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        file_id = int(cursor.lastrowid or 0)
    else:
        db.execute("UPDATE file SET end_90k = ?, size_bytes = ? WHERE id = ?", (end, size, file_id))
    db.executemany(
        "INSERT INTO gop VALUES (?, ?, ?, ?, ?, ?)",
        [(file_id, g.offset, g.size_bytes, g.start_90k, g.end_90k, g.frames) for g in growth.gops],
    )
    return file_id
