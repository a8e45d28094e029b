"""Repair: make the index say again what the files hold.

After a crash the files may hold more than the index knows (the last second), and end in half a
fragment. After the loss of the index they hold all there is to know.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cmr.archive.files import GopCounter, owner_of
from cmr.archive.index import FileRow, Gop, Growth, Index
from cmr.video.boxes import BoxError, read_format
from protocol.errors import ProtocolError
from protocol.fragments import Segment, SegmentReader

_READ_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contents:
    """What is whole in a file from some offset on. `end` is the offset where that ends."""

    init: bytes
    gops: tuple[Gop, ...]
    end: int


def scan(path: Path, offset: int = 0) -> Contents:
    """Read a file, or its tail that begins with a key frame at `offset`. Raises OSError only."""
    init = b""
    gops: list[Gop] = []
    counter = GopCounter(offset)
    try:
        for segment in _segments(path, offset):
            if segment.is_init and not init and not gops and offset == 0:
                read_format(segment.data)
                init = segment.data
                counter = GopCounter(len(init))
            elif segment.is_init or not (segment.is_key or counter.offset > offset + len(init)):
                break  # a file has one initialisation segment, and begins with a key frame
            elif done := counter.add(segment):
                gops.append(done)
    except (ProtocolError, BoxError) as error:
        log.info("%s: ends in something else than video: %s", path.name, error)
    if done := counter.finish():
        gops.append(done)
    return Contents(init, tuple(gops), counter.offset)


def _segments(path: Path, offset: int) -> Iterator[Segment]:
    reader = SegmentReader()
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while data := file.read(_READ_BYTES):
            yield from reader.feed(data)


def repair_known(folder: Path, index: Index, busy: Collection[str]) -> None:
    """Make the rows of every indexed file true, but for those being written (`busy`).

    Reads only what the index does not know.
    """
    for row in [row for row in index.oldest_first() if row.name not in busy]:
        try:
            size = (folder / row.name).stat().st_size
        except FileNotFoundError:
            log.warning("%s is missing: forgotten", row.name)
            index.remove([row.id])
            continue
        if size < row.size_bytes:
            log.warning("%s has lost its end", row.name)
            if not index.shorten(row.id, size):
                _discard(folder, index, row)
        elif size > row.size_bytes:
            _adopt_tail(folder, index, row)


def _discard(folder: Path, index: Index, row: FileRow) -> None:
    index.remove([row.id])
    (folder / row.name).unlink(missing_ok=True)


def _adopt_tail(folder: Path, index: Index, row: FileRow) -> None:
    owner = owner_of(row.name)
    contents = scan(folder / row.name, row.size_bytes)
    os.truncate(folder / row.name, contents.end)
    if contents.gops and owner:
        index.add([Growth(row.id, row.name, owner.camera, owner.profile, b"", contents.gops)])
        log.info("%s: %d groups of pictures adopted", row.name, len(contents.gops))


def unknown_files(folder: Path, index: Index, busy: Collection[str]) -> list[str]:
    """Names of video files that the index does not have, newest first."""
    known = {row.name for row in index.oldest_first()} | set(busy)
    names = (path.relative_to(folder).as_posix() for path in folder.glob("*/*/*.mp4"))
    found = (name for name in names if name not in known and owner_of(name))
    return sorted(found, key=lambda name: name.rsplit("/", 1)[1], reverse=True)


def adopt_file(folder: Path, index: Index, name: str) -> int:
    """Index a file that is on the disk; returns its size. One without any video is deleted."""
    owner = owner_of(name)
    path = folder / name
    contents = scan(path)
    if owner is None or not contents.init or not contents.gops:
        path.unlink(missing_ok=True)
        log.warning("%s held no video: deleted", name)
        return 0
    os.truncate(path, contents.end)
    index.add([Growth(None, name, owner.camera, owner.profile, contents.init, contents.gops)])
    return contents.end
