"""Files of video: their names, and writing them.

A file is fragmented MP4 on its own: an initialisation segment, then fragments of one run. It lies
at `<archive>/<camera>/<profile>/<UTC start>.mp4`. An empty file beside it with `.locked` for `.mp4`
keeps it from being deleted for room.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cmr.archive.index import Gop, Growth
from cmr.video.boxes import duration_of
from protocol.fragments import Segment
from protocol.times import from_90k

_NAME = re.compile(r"(\d{1,9})/(hd|sd)/\d{8}T\d{6}\.\d{3}Z(-\d+)?\.mp4")
_MAX_SAME_NAMES = 1000  # starts within one millisecond, after the clock was set back


class Disk:
    """The calls that can fail on a disk; tests replace them."""

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of it. Raises OSError."""
        view = memoryview(data)
        while view:
            count = os.pwrite(fd, view, offset)
            view, offset = view[count:], offset + count

    def sync(self, fd: int) -> None:
        """Returns when the data is on the disk. Raises OSError."""
        os.fdatasync(fd)


@dataclass(frozen=True)
class Owner:
    """Whose video a file holds."""

    camera: int
    profile: str


def owner_of(name: str) -> Owner | None:
    """The owner a file's name (relative to the archive) tells, or None for other people's files."""
    match = _NAME.fullmatch(name)
    return Owner(int(match[1]), match[2]) if match else None


def is_locked(folder: Path, name: str) -> bool:
    """Whether somebody asked for this file to be kept."""
    return (folder / name).with_suffix(".locked").exists()


def _create(folder: Path, owner: Owner, start_90k: int) -> tuple[str, int]:
    """A new file: its name and descriptor. Never touches one that exists."""
    place = f"{owner.camera}/{owner.profile}"
    (folder / place).mkdir(parents=True, exist_ok=True)
    moment = from_90k(max(0, start_90k)).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    for number in range(_MAX_SAME_NAMES):
        name = f"{place}/{moment}Z{f'-{number}' if number else ''}.mp4"
        try:
            fd = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except FileExistsError:
            continue
        _sync_folder(folder / place)
        return name, fd
    raise FileExistsError(errno.EEXIST, f"{place}/{moment}Z.mp4 exists too often")


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class GopCounter:
    """Groups fragments, in the order of a file, into groups of pictures."""

    def __init__(self, offset: int) -> None:
        self.offset = offset  # where the next fragment goes
        self._start: Segment | None = None
        self._start_offset = offset
        self._end_90k = 0
        self._frames = 0

    def add(self, fragment: Segment) -> Gop | None:
        """Count a fragment; the group before it, when this one begins another."""
        done = self.finish() if fragment.is_key else None
        if fragment.is_key:
            self._start, self._start_offset = fragment, self.offset
        self._frames += 1
        self._end_90k = fragment.decode_time + duration_of(fragment.data)
        self.offset += len(fragment.data)
        return done

    def finish(self) -> Gop | None:
        """The group that is being counted, complete or not."""
        start, self._start = self._start, None
        frames, self._frames = self._frames, 0
        if start is None:
            return None
        size = self.offset - self._start_offset
        return Gop(self._start_offset, size, start.decode_time, self._end_90k, frames)


class VideoFile:
    """A file that is being written. Groups of pictures are remembered until the index has them."""

    def __init__(
        self, folder: Path, disk: Disk, owner: Owner, init: Segment, start_90k: int
    ) -> None:
        self._disk = disk
        self._owner = owner
        self._init = init.data
        self.start_90k = start_90k
        self.name, self._fd = _create(folder, owner, start_90k)
        self._path = folder / self.name
        self._file_id: int | None = None
        self._gops: list[Gop] = []
        self._indexed = 0
        self._size = 0
        self._counter = GopCounter(len(init.data))
        self._needs_sync = False

    @property
    def size_bytes(self) -> int:
        """What was written so far."""
        return self._size

    def append(self, fragments: list[Segment]) -> None:
        """Write fragments. Raises OSError; then nothing was written, and trying again is fine."""
        data = b"".join(fragment.data for fragment in fragments)
        if not self._size:
            data = self._init + data
        try:
            self._disk.write(self._fd, data, self._size)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self._needs_sync = True
        for fragment in fragments:
            if done := self._counter.add(fragment):
                self._gops.append(done)

    def sync(self) -> None:
        """Bring what was written to the disk. Raises OSError; then the file must not be used on."""
        if self._needs_sync:
            self._disk.sync(self._fd)
            self._needs_sync = False

    def finish(self) -> None:
        """No more fragments: the last group of pictures counts as it is."""
        if done := self._counter.finish():
            self._gops.append(done)

    def close(self) -> None:
        """Close the file; one that nothing was written to goes."""
        os.close(self._fd)
        if not self._size:
            self._path.unlink(missing_ok=True)

    def growth(self) -> Growth | None:
        """What the index does not know yet."""
        fresh = tuple(self._gops[self._indexed :])
        if not fresh:
            return None
        owner = self._owner
        return Growth(self._file_id, self.name, owner.camera, owner.profile, self._init, fresh)

    def note_indexed(self, file_id: int, gop_count: int) -> None:
        """The index took `gop_count` more groups."""
        self._file_id = file_id
        self._indexed += gop_count

    def forget_indexed(self) -> None:
        """The index was lost: it needs everything again."""
        self._file_id, self._indexed = None, 0
