"""Reading the archive: what there is, and the video itself. Everything here blocks."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cmr.archive.index import INDEX_NAME, Event
from cmr.archive.playback import Clip, Piece
from cmr.archive.retention import Pins
from cmr.archive.stretch import (
    EVERYTHING,
    NOISE_90K,
    StoredGop,
    Within,
    cut_at,
    first_stretch,
    inside,
    newest_first_where_double,
    same_format,
)
from cmr.archive.timeline import LIVE_EDGE_90K, Gap, Run, cut_runs, find_gaps, join_runs
from cmr.archive.track import MAX_FILE_90K
from protocol.fragments import SegmentReader

__all__ = ["Archive", "Clip", "Gap", "KeyFrame", "Piece", "Run"]

MAX_KEY_FRAME_AGE_90K = 10 * 90_000
_LONGEST_FILE_90K = 2 * MAX_FILE_90K  # how far back a file may begin that reaches into a range
_BUSY_TIMEOUT_S = 5.0
_GOPS = """
SELECT file.id, file.name, file.init, gop.offset, gop.size_bytes, gop.start_90k, gop.end_90k
FROM file JOIN gop ON gop.file = file.id
WHERE file.camera = ? AND file.profile = ? AND file.start_90k BETWEEN ? AND ? AND file.end_90k > ?
AND gop.start_90k < ? AND gop.end_90k > ?
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyFrame:
    """One picture: `init + fragment` is a file that a decoder opens."""

    codec: str
    at_90k: int
    init: bytes
    fragment: bytes


class Archive:
    """The recordings in one folder; `ArchiveWriter.reader` is the one to use. For any thread.

    Before there is an index, and while a damaged one is made again, there is nothing.
    """

    def __init__(self, folder: Path, pins: Pins, wall: Callable[[], float] = time.time) -> None:
        self._folder = folder.absolute()
        self._pins = pins
        self._wall = wall

    def runs(self, camera: int, start_90k: int, end_90k: int) -> list[Run]:
        """What was recorded in the range; runs closer than 2 s are joined."""
        spans = self._query(
            "SELECT start_90k, end_90k, profile FROM file WHERE camera = ?"
            " AND profile IN ('hd', 'sd') AND start_90k BETWEEN ? AND ? AND end_90k > ?",
            (camera, start_90k - _LONGEST_FILE_90K, end_90k, start_90k),
        )
        return cut_runs(join_runs(spans), start_90k, end_90k)

    def gaps(self, camera: int, start_90k: int, end_90k: int) -> list[Gap]:
        """What was not recorded in the range, since the oldest recording, with reasons."""
        span = self.span(camera)
        if span is None:
            return []
        now = int(self._wall() * 90_000)
        end = min(end_90k, now if now - span[1] > LIVE_EDGE_90K else span[1])
        start = max(start_90k, span[0])
        if start >= end:
            return []
        runs = self.runs(camera, start, end)
        return find_gaps(runs, self._events(camera, start, end), start, end)

    def _events(self, camera: int, start_90k: int, end_90k: int) -> list[Event]:
        rows = self._query(
            "SELECT camera, at_90k, reason FROM event WHERE camera IN (0, ?)"
            " AND at_90k BETWEEN ? AND ? ORDER BY at_90k",
            (camera, start_90k - LIVE_EDGE_90K, end_90k),
        )
        return [Event(*row) for row in rows]

    def span(self, camera: int, within: Within = EVERYTHING) -> tuple[int, int] | None:
        """Start of the oldest and end of the newest recording."""
        low, high = within
        rows = self._query(
            "SELECT max(min(start_90k), ?), min(max(end_90k), ?) FROM file"
            " WHERE camera = ? AND start_90k < ? AND end_90k > ? HAVING count(*)",
            (low, high, camera, high, low),
        )
        return rows[0] if rows else None

    def next_start(self, camera: int, profile: str, at_90k: int) -> int | None:
        """Start of the first recorded video that begins at or after `at_90k`, if any."""
        rows = self._query(
            "SELECT gop.start_90k FROM file JOIN gop ON gop.file = file.id"
            " WHERE file.camera = ? AND file.profile = ? AND file.start_90k >= ?"
            " AND file.end_90k > ? AND gop.start_90k >= ?"
            " ORDER BY file.start_90k, gop.offset LIMIT 1",
            (camera, profile, at_90k - _LONGEST_FILE_90K, at_90k, at_90k),
        )
        return rows[0][0] if rows else None

    def piece(
        self,
        camera: int,
        profile: str,
        start_90k: int,
        end_90k: int,
        within: Within = EVERYTHING,
    ) -> Piece | None:
        """Video from the key frame at or before start until end, or where the run ends; of the
        frames in `within` alone."""
        with self._pins.lock:
            gops = first_stretch(self._gops(camera, profile, start_90k, end_90k, within))
            if not gops:
                return None
            release = self._pins.pin({gop.name for gop in gops})
        last = gops[-1]
        next_at = max(last.start_90k + 1, last.end_90k - NOISE_90K)
        following = self.next_start(camera, profile, next_at)
        return Piece(self._folder, gops, following, release)

    def clip(
        self,
        camera: int,
        profile: str,
        start_90k: int,
        end_90k: int,
        within: Within = EVERYTHING,
    ) -> Clip | None:
        """The range as a file, of the frames in `within` alone; its files are kept until it was
        read, or closed."""
        with self._pins.lock:
            gops = same_format(self._gops(camera, profile, start_90k, end_90k, within))
            if not gops:
                return None
            release = self._pins.pin({gop.name for gop in gops})
        return Clip(self._folder, gops, release)

    def key_frame(self, camera: int, profile: str, at_90k: int) -> KeyFrame | None:
        """The key frame at or before, at most 10 s old."""
        with self._pins.lock:
            gops = self._gops(camera, profile, at_90k - MAX_KEY_FRAME_AGE_90K, at_90k + 1)
            if not gops or gops[-1].start_90k < at_90k - MAX_KEY_FRAME_AGE_90K:
                return None
            gop = gops[-1]
            release = self._pins.pin([gop.name])
        piece = Piece(self._folder, [gop], None, release)
        reader = SegmentReader()
        for chunk in piece.read():
            for segment in reader.feed(chunk):
                if segment.is_key:
                    piece.close()
                    return KeyFrame(piece.codec, segment.decode_time, gop.init, segment.data)
        return None

    def _gops(
        self,
        camera: int,
        profile: str,
        start_90k: int,
        end_90k: int,
        within: Within = EVERYTHING,
    ) -> list[StoredGop]:
        """In order; the lock of the pins is held."""
        earliest = start_90k - _LONGEST_FILE_90K
        where = camera, profile, earliest, end_90k, start_90k, end_90k, start_90k
        gops = newest_first_where_double(StoredGop(*row) for row in self._query(_GOPS, where))
        gops = inside(gops, within)
        return [self._cut(gop, within[1]) if gop.end_90k > within[1] else gop for gop in gops]

    def _cut(self, gop: StoredGop, end_90k: int) -> StoredGop:
        piece, reader = Piece(self._folder, [gop], None, lambda: None), SegmentReader()
        segments = (segment for chunk in piece.read() for segment in reader.feed(chunk))
        frames = ((s.decode_time, len(s.data)) for s in segments if not s.is_init)
        return cut_at(gop, end_90k, frames)

    def _query(self, sql: str, values: tuple[int | str, ...]) -> list[tuple[Any, ...]]:
        """Rows of the index (Any: SQLite's own types); none when it cannot be read.

        The writer notices a damaged index too, says so and makes it again.
        """
        path = self._folder / INDEX_NAME
        if not path.exists():
            return []
        try:
            db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
        except sqlite3.OperationalError:
            return []  # it went in this moment
        try:
            return db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            log.warning("the index of recordings cannot be read: %s", error)
            return []
        finally:
            db.close()
