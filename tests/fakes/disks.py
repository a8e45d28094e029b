"""Disks that fail, as disks do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from cmr.archive.files import Disk


class SmallDisk(Disk):
    """Has room for `capacity_bytes` of video; writes what fits, then says that it is full."""

    def __init__(self, folder: Path, capacity_bytes: int) -> None:
        self.folder = folder
        self.capacity_bytes = capacity_bytes
        self.refusals = 0

    def write(self, fd: int, data: bytes, offset: int) -> None:
        used = sum(file.stat().st_size for file in self.folder.glob("*/*/*.mp4"))
        room = max(0, self.capacity_bytes - used)
        super().write(fd, data[:room], offset)
        if room < len(data):
            self.refusals += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class BrokenDisk(Disk):
    """Writes or syncs of one camera fail with EIO while `is_broken`."""

    def __init__(self, camera: int, call: str) -> None:
        self.camera = camera
        self.call = call
        self.is_broken = True

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._fail(fd, "write")
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._fail(fd, "sync")
        super().sync(fd)

    def _fail(self, fd: int, call: str) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{fd}"))
        if self.is_broken and call == self.call and path.parts[-3] == str(self.camera):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
