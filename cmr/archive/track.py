"""What one camera profile sends, on its way into files."""

from __future__ import annotations

import contextlib
from collections import deque
from itertools import pairwise
from pathlib import Path

from cmr.archive.files import Disk, Owner, VideoFile
from protocol.fragments import Segment

MAX_FILE_90K = 10 * 60 * 90_000  # a file to lose, to lock, to delete: not too much, not too many
_MAX_PART_BYTES = 8 * 1024 * 1024  # written by one call


class Track:
    """Segments that wait for the disk, and the file they go to.

    `offer` and `take_offered` are called under the writer's lock, the rest by its thread.
    """

    def __init__(self, folder: Path, disk: Disk, owner: Owner, max_file_bytes: int) -> None:
        self.owner = owner
        self._folder = folder
        self._disk = disk
        self._max_file_bytes = max_file_bytes
        self._offered: list[Segment] = []
        self._todo: deque[Segment] = deque()
        self._loses_until_key = False
        self._init: Segment | None = None
        self._file: VideoFile | None = None
        self._finished: list[VideoFile] = []
        self.waiting_bytes = 0
        self.lost_frames = 0

    def offer(self, segment: Segment, has_room: bool) -> bool:
        """Take a segment, or lose it and what follows up to a key frame that there is room for."""
        if segment.is_init:
            pass  # small, and nothing can be written without it
        elif not has_room or (self._loses_until_key and not segment.is_key):
            self._loses_until_key = True
            self.lost_frames += 1
            return False
        else:
            self._loses_until_key = False
        self._offered.append(segment)
        return True

    def take_offered(self) -> None:
        """Move what was offered to the writing side."""
        self._todo.extend(self._offered)
        self.waiting_bytes += sum(len(segment.data) for segment in self._offered)
        self._offered.clear()

    def store(self) -> None:
        """Write what waits. Raises OSError: what was not written waits on."""
        while self._todo:
            part = self._next_part()
            if part and self._init is not None:
                self._write(self._init, part)

    def _next_part(self) -> list[Segment]:
        """The segments at the head that go to one file by one call; decides when a file is full."""
        first = self._todo[0]
        if first.is_init:
            self.finish_file()
            self._init = first
            self._forget(1)
            return []
        if first.is_key and self._file is not None and self._is_full(self._file, first):
            self.finish_file()
        if self._init is None or (self._file is None and not first.is_key):
            self.lost_frames += 1
            self._forget(1)
            return []
        return self._same_file()

    def _is_full(self, file: VideoFile, key: Segment) -> bool:
        is_long = key.decode_time - file.start_90k >= MAX_FILE_90K
        return is_long or file.size_bytes >= self._max_file_bytes

    def _same_file(self) -> list[Segment]:
        """Up to where a file may have to end: an initialisation segment or a key frame."""
        part, size = [self._todo[0]], 0
        for before, segment in pairwise(self._todo):
            size += len(before.data)
            if segment.is_init or segment.is_key or size > _MAX_PART_BYTES:
                break
            part.append(segment)
        return part

    def _write(self, init: Segment, part: list[Segment]) -> None:
        if self._file is None:
            self._file = VideoFile(self._folder, self._disk, self.owner, init, part[0].decode_time)
        self._file.append(part)
        self._forget(len(part))

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self.waiting_bytes -= len(self._todo.popleft().data)

    def finish_file(self) -> None:
        """End the file that is being written, if there is one."""
        if self._file is not None:
            self._file.finish()
            self._finished.append(self._file)
            self._file = None

    def files(self) -> list[VideoFile]:
        """Files that the index does not know all of: finished ones, and the one being written."""
        return self._finished + ([self._file] if self._file else [])

    def release_finished(self) -> None:
        """The index knows all of the finished files: close them."""
        for file in self._finished:
            file.close()
        self._finished.clear()

    def abandon_files(self) -> None:
        """A write or sync failed for good: use the files no more, go on in a new one.

        What the index does not know of them is left to repair.
        """
        for file in self.files():
            with contextlib.suppress(OSError):
                file.close()
        self._finished.clear()
        self._file = None

    def drop_waiting(self) -> None:
        """There is nowhere to write to: lose what waits, but know the format for later."""
        for segment in self._todo:
            if segment.is_init:
                self._init = segment
            else:
                self.lost_frames += 1
        self._forget(len(self._todo))
