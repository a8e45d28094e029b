"""The folder of the archive and its index: opened, lost, opened again, kept within its limits."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cmr.archive import repair
from cmr.archive.files import VideoFile, is_locked
from cmr.archive.index import INDEX_NAME, Event, FileRow, Index, IndexBroken
from cmr.archive.problems import Problems
from cmr.archive.retention import Pins, choose_victims

_MAX_MARGIN_BYTES = 64 * 1024 * 1024  # left free for the index, and for others on the same disk
_MARGIN_PART = 50  # of a small disk: 2 %
_CALM_ROUNDS = 60  # after a minute without a refusal the disk counts as well again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Usage:
    """Space taken by recordings, space they may take, and the start of the oldest one.

    Until the archive was opened nothing is counted yet, and the figures mean nothing.
    """

    used_bytes: int
    capacity_bytes: int
    oldest_90k: int | None
    is_counted: bool = True


class Store:
    """Belongs to the writer's thread. Raises OSError, sqlite3.Error, IndexBroken: call `lose`."""

    def __init__(self, folder: Path, max_bytes: int, pins: Pins, problems: Problems) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._pins = pins
        self._problems = problems
        self._index: Index | None = None
        self._index_inode = 0
        self._place: tuple[int, int] | None = None  # device and inode of the folder we began in
        self._adoption: threading.Thread | None = None
        self._is_closing = False
        self._calm_rounds = 0
        self.usage = Usage(0, max_bytes, None, is_counted=False)

    # Opening and losing

    def check(self) -> bool:
        """Whether the folder is the one we began in; raises OSError when it is missing.

        False means that open files are gone with the old folder. A folder that went away is never
        made again: it may be the mount point of its disk.
        """
        if self._place is None:
            self._folder.mkdir(parents=True, exist_ok=True)
        try:
            status = self._folder.stat()
        except FileNotFoundError:
            raise _missing(f"the folder {self._folder} is missing; is its disk there?") from None
        place = status.st_dev, status.st_ino
        before, is_first = self._place, self._place is None
        if before is not None and before[0] != place[0]:
            raise _missing(f"the disk of the folder {self._folder} is not there")
        self._place = place
        return is_first or before == place

    def open_if_needed(self, being_written: Collection[VideoFile]) -> None:
        """Open the index and make it true; older files it does not know are adopted meanwhile."""
        if self._index is not None and not self._is_index_in_place():
            log.warning("the index of %s is gone; it is made again from the files", self._folder)
            self.lose()
        if self._index is not None:
            return
        index = _open_index(self._folder)
        self._index, self._index_inode = index, index.path.stat().st_ino
        busy = {file.name for file in being_written}
        index.remove([row.id for row in index.oldest_first() if row.name in busy])
        for file in being_written:
            file.forget_indexed()
        repair.repair_known(self._folder, index, busy)
        self._adopt(repair.unknown_files(self._folder, index, busy))
        self._measure()

    def _is_index_in_place(self) -> bool:
        try:
            return (self._folder / INDEX_NAME).stat().st_ino == self._index_inode
        except FileNotFoundError:
            return False

    def lose(self) -> None:
        """Let go of the index; the next `open_if_needed` begins anew."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def close(self) -> None:
        """No more."""
        self._is_closing = True
        self.lose()
        if self._adoption is not None:
            self._adoption.join(1.0)

    def _adopt(self, names: list[str]) -> None:
        """Index files in a thread of its own: reading a large archive takes long."""
        if names and (self._adoption is None or not self._adoption.is_alive()):
            self._adoption = threading.Thread(
                target=self._adopt_all, args=(names,), name="archive adoption", daemon=True
            )
            self._adoption.start()

    def _adopt_all(self, names: list[str]) -> None:
        try:
            index = Index(self._folder)
        except (OSError, sqlite3.Error, IndexBroken):
            return  # the writer finds the same, says so, and asks again
        for name in names:
            if self._is_closing:
                break
            try:
                repair.adopt_file(self._folder, index, name)
            except (OSError, sqlite3.Error) as error:
                self._problems.begin("adoption", f"the recording {name} cannot be read: {error}")
        index.close()
        log.info("files of the archive were indexed again, up to %s", name)

    # Rows

    def add(self, files: list[VideoFile], events: list[Event]) -> None:
        """Tell the index what the files gained; they must have been synced."""
        index = self._opened()
        pairs = [(file, growth) for file in files if (growth := file.growth())]
        if not pairs and not events:
            return
        growths = [growth for _, growth in pairs]
        try:
            ids = index.add(growths, events)
        except sqlite3.OperationalError as error:
            if not _is_full(error) or not self.make_room(_MAX_MARGIN_BYTES, files):
                raise
            ids = index.add(growths, events)
        for (file, growth), file_id in zip(pairs, ids, strict=True):
            file.note_indexed(file_id, len(growth.gops))

    # Room

    def keep_within_limits(self, being_written: Collection[VideoFile]) -> None:
        """Delete the oldest recordings that are too much for the setting or for the disk."""
        used = self._opened().used_bytes()
        free, margin = self._free_and_margin()
        self._calm_rounds += 1
        if free < margin:
            self.tell_full()
        elif self._calm_rounds > _CALM_ROUNDS:
            self._problems.end("full")
        excess = max(used - self._max_bytes, margin - free)
        if excess > 0:
            self.make_room(excess, being_written)
        self._measure()

    def make_room(self, size_bytes: int, being_written: Collection[VideoFile]) -> bool:
        """Delete the oldest recordings, at least `size_bytes` of them; False when none may go."""
        busy = {file.name for file in being_written}

        def is_kept(row: FileRow) -> bool:
            pinned = self._pins.is_pinned(row.name)
            return pinned or row.name in busy or is_locked(self._folder, row.name)

        with self._pins.lock:
            victims = choose_victims(self._opened().oldest_first(), size_bytes, is_kept)
            self._delete(victims)
        return bool(victims)

    def _delete(self, victims: list[FileRow]) -> None:
        """Rows first, so that no row is without its data; a full disk leaves no such choice."""
        ids = [row.id for row in victims]
        try:
            self._opened().remove(ids)
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            self._unlink(victims)
            self._opened().remove(ids)
        self._unlink(victims)

    def _unlink(self, victims: list[FileRow]) -> None:
        for row in victims:
            (self._folder / row.name).unlink(missing_ok=True)

    def tell_full(self) -> None:
        """The disk refused data, or is about to."""
        self._calm_rounds = 0
        self._problems.begin("full", "the disk is full: the oldest recordings are deleted early")

    def _free_and_margin(self) -> tuple[int, int]:
        disk = os.statvfs(self._folder)
        total, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        return free, min(_MAX_MARGIN_BYTES, total // _MARGIN_PART)

    def _measure(self) -> None:
        index = self._opened()
        used = index.used_bytes()
        free, _ = self._free_and_margin()
        self.usage = Usage(used, min(self._max_bytes, used + free), index.oldest_90k())

    def _opened(self) -> Index:
        if self._index is None:
            raise IndexBroken("the index is not open")
        return self._index


def _missing(sentence: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, sentence)


def _is_full(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode == sqlite3.SQLITE_FULL


def _open_index(folder: Path) -> Index:
    """The index; a damaged one is put aside, and an empty one takes its place."""
    try:
        return Index(folder)
    except (sqlite3.DatabaseError, IndexBroken) as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, full or unreadable: not damaged
            raise
        log.warning("the index of %s is put aside: %s", folder, error)
    for ending in ("", "-wal", "-shm"):
        path = folder / (INDEX_NAME + ending)
        if path.exists():
            path.replace(folder / f"damaged-{INDEX_NAME}{ending}")
    return Index(folder)
