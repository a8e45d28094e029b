"""Writing the archive: one thread for all cameras.

Each second: write what waits, bring it to the disk, then tell the index. So a row never names data
that is not there, and a power cut costs a second or two. The event loop never waits for any of it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cmr.archive.files import Disk, Owner, VideoFile
from cmr.archive.index import Event, IndexBroken
from cmr.archive.problems import Problems
from cmr.archive.reader import Archive
from cmr.archive.retention import Pins
from cmr.archive.store import Store, Usage
from cmr.archive.track import Track
from protocol.fragments import Segment

FLUSH_S = 1.0  # what a crash may cost at most, beside the frame being written
EARLY_FLUSH_BYTES = 8 * 1024 * 1024
MAX_WAITING_BYTES = 128 * 1024 * 1024  # 16 HD cameras while a disk thinks for half a minute
MAX_FILE_BYTES = 64 * 1024 * 1024
_MIN_FILE_BYTES = 256 * 1024
_FILES_PER_ARCHIVE = 64  # a small archive has small files, so that little is deleted at once
_MAX_EVENTS = 10_000  # that wait while the disk is missing
_STOP_TIMEOUT_S = 5.0
_WATCH_S = 1.0
_CLOCK_STEP_S = 1.0
_TICKS = 90_000

log = logging.getLogger(__name__)


class ArchiveWriter:
    """Records what the cameras send. `write` and `note_outage` may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        *,
        disk: Disk | None = None,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        pins = Pins()
        self.reader = Archive(folder, pins, wall)
        self._folder = folder
        self._disk = disk or Disk()
        self._max_file_bytes = max(
            _MIN_FILE_BYTES, min(MAX_FILE_BYTES, max_bytes // _FILES_PER_ARCHIVE)
        )
        self._wall, self._steady = wall, steady
        self._wall_to_steady = wall() - steady()
        self._problems = Problems()
        self._store = Store(folder, max_bytes, pins, self._problems)
        self._lock = threading.Lock()  # guards tracks, what they were offered, and events
        self._tracks: dict[Owner, Track] = {}
        self._waiting_bytes = 0
        self._events: list[Event] = []
        self._wake = threading.Event()
        self._is_stopping = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="archive writer", daemon=True)

    def start(self) -> None:
        """Start the thread that writes; returns at once."""
        self.note_outage(0, "recorder stopped")  # explains the gap that ends about now
        self._thread.start()

    def stop(self) -> None:
        """Write what is left (≤ 5 s) and end the thread. Blocks."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(_STOP_TIMEOUT_S)

    async def watch(self) -> None:
        """Runs as long as the thread; raises what ended it, when that was not `stop`."""
        while self._thread.is_alive():  # noqa: ASYNC110  a thread that dies sets no event
            await asyncio.sleep(_WATCH_S)
        if self._failure is not None:
            raise RuntimeError("the archive writer failed") from self._failure

    def write(self, camera: int, profile: str, segment: Segment) -> None:
        """Record a segment soon. Never waits for the disk, never raises."""
        owner = Owner(camera, profile)
        with self._lock:
            track = self._tracks.get(owner)
            if track is None:
                track = Track(self._folder, self._disk, owner, self._max_file_bytes)
                self._tracks[owner] = track
            if track.offer(segment, has_room=self._waiting_bytes < MAX_WAITING_BYTES):
                self._waiting_bytes += len(segment.data)
        if self._waiting_bytes > EARLY_FLUSH_BYTES:
            self._wake.set()

    def note_outage(self, camera: int, reason: str) -> None:
        """Say why a camera sends no video: the reason of the gap that follows. 0: all cameras."""
        self._note(camera, self._wall(), reason)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the storage now, in sentences; empty when all is well."""
        return self._problems.sentences()

    def usage(self) -> Usage:
        """What the recordings take up. Does not touch the disk."""
        return self._store.usage

    def _note(self, camera: int, at_s: float, reason: str) -> None:
        with self._lock:
            if len(self._events) < _MAX_EVENTS:
                self._events.append(Event(camera, int(at_s * _TICKS), reason))

    # The thread

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
            raise

    def _work(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait(FLUSH_S)
            self._wake.clear()
            is_last = self._is_stopping
            self._flush(is_last)
        self._store.close()

    def _flush(self, is_last: bool) -> None:
        """One round: open what is missing, write, sync, commit, make room."""
        self._watch_clock()
        tracks = self._take_offered()
        try:
            if not self._store.check():
                for track in tracks:
                    track.abandon_files()
            self._store.open_if_needed(_files_of(tracks))
            for track in tracks:
                self._write(track, tracks)
                if is_last:
                    track.finish_file()
            self._commit(tracks)
            self._store.keep_within_limits(_files_of(tracks))
            self._problems.end("archive")
        except (OSError, sqlite3.Error, IndexBroken) as error:
            self._store.lose()
            reason = error.strerror if isinstance(error, OSError) else error
            self._problems.begin("archive", f"nothing can be recorded: {reason}")
        self._count_waiting(tracks)

    def _watch_clock(self) -> None:
        """A clock that is set leaves a gap, or the same hour twice: say so."""
        before, now = self._wall_to_steady, self._wall() - self._steady()
        if abs(now - before) >= _CLOCK_STEP_S:
            self._wall_to_steady = now
            reason = f"the recorder's clock was set by {round(now - before):+d} s"
            log.warning("%s", reason)
            self._note(0, self._steady() + min(before, now), reason)

    def _take_offered(self) -> list[Track]:
        with self._lock:
            tracks = list(self._tracks.values())
            for track in tracks:
                track.take_offered()
        return tracks

    def _count_waiting(self, tracks: list[Track]) -> None:
        with self._lock:
            self._waiting_bytes = sum(track.waiting_bytes for track in tracks)

    def _write(self, track: Track, tracks: list[Track]) -> None:
        """Write what waits for one camera profile. Its failure is no other's."""
        while True:
            try:
                track.store()
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    self._store.tell_full()
                    if self._store.make_room(self._max_file_bytes, _files_of(tracks)):
                        continue
                self._give_up(track, error)
            return

    def _give_up(self, track: Track, error: OSError) -> None:
        owner = track.owner
        reason = error.strerror or str(error)
        self._problems.begin(
            str(owner), f"camera {owner.camera} ({owner.profile}) cannot be recorded: {reason}"
        )
        track.abandon_files()
        track.drop_waiting()

    def _commit(self, tracks: list[Track]) -> None:
        """Sync the files, then tell the index. A file whose sync fails is never used again (K6)."""
        for track in tracks:
            try:
                for file in track.files():
                    file.sync()
                    self._problems.end(str(track.owner))
            except OSError as error:
                self._give_up(track, error)
        with self._lock:
            events = list(self._events)
        self._store.add(_files_of(tracks), events)
        with self._lock:
            del self._events[: len(events)]
        for track in tracks:
            track.release_finished()


def _files_of(tracks: list[Track]) -> list[VideoFile]:
    return [file for track in tracks for file in track.files()]
