"""Recorded video as bytes: pieces for players, clips for people."""

from __future__ import annotations

import bisect
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from cmr.archive.stretch import StoredGop, is_break, without_gaps
from cmr.video.boxes import read_format, segment_index, shift, with_duration

CHUNK_BYTES = 256 * 1024
MAX_REFERENCES = 8_192  # places to seek to: 10 s apart in a clip of 24 h

Release = Callable[[], None]


class Piece:
    """A finite part of a run: initialisation segment, then fragments with true decode times.

    Its files are kept until `read` ends or `close` is called.
    """

    def __init__(
        self, folder: Path, gops: Sequence[StoredGop], next_90k: int | None, release: Release
    ) -> None:
        self._folder = folder
        self._gops = gops
        self._release = release
        self.init = gops[0].init
        self.codec = read_format(self.init).codec
        self.start_90k = gops[0].start_90k
        self.end_90k = gops[-1].end_90k
        self.next_90k = next_90k
        self.size_bytes = len(self.init) + sum(gop.size_bytes for gop in gops)

    def read(self) -> Iterator[bytes]:
        """The bytes, in chunks of at most 256 KiB. Raises OSError when a file has changed."""
        try:
            yield self.init
            for name, offset, size in _extents(self._gops):
                yield from _read_range(self._folder / name, offset, size)
        finally:
            self.close()

    def close(self) -> None:
        """Release the files."""
        self._release()


class Clip:
    """A file for any player: times start at zero, gaps are skipped. The same bytes each time."""

    def __init__(self, folder: Path, gops: Sequence[StoredGop], release: Release) -> None:
        self._folder = folder
        self._gops = gops
        self._shifts = without_gaps(gops)
        self._release = release
        duration = gops[-1].end_90k - self._shifts[-1]
        self._head = with_duration(gops[0].init, duration) + segment_index(self._references())
        self._starts = list(accumulate((g.size_bytes for g in gops), initial=len(self._head)))
        self.codec = read_format(self._head).codec
        self.start_90k = gops[0].start_90k
        self.end_90k = gops[-1].end_90k
        self.gap_count = sum(is_break(before, after) for before, after in pairwise(gops))
        self.size_bytes = self._starts[-1]
        self.etag = self._digest()

    def _references(self) -> list[tuple[int, int]]:
        """Size and duration of the parts: a group of pictures each, or several."""
        gops = self._gops
        starts = [gop.start_90k - shift for gop, shift in zip(gops, self._shifts, strict=True)]
        starts.append(gops[-1].end_90k - self._shifts[-1])
        step = -(-len(gops) // MAX_REFERENCES)
        return [
            (
                sum(gop.size_bytes for gop in gops[at : at + step]),
                max(0, starts[min(at + step, len(gops))] - starts[at]),
            )
            for at in range(0, len(gops), step)
        ]

    def _digest(self) -> str:
        digest = hashlib.sha256(self._head)
        for gop in self._gops:
            digest.update(f"{gop.name} {gop.offset} {gop.size_bytes} {gop.start_90k}\n".encode())
        return f'"{digest.hexdigest()[:32]}"'  # quoted: RFC 9110 §8.8.3

    def read(self, first_byte: int, last_byte: int) -> Iterator[bytes]:
        """Bytes first to last, both included, in chunks of at most 256 KiB. Raises OSError."""
        try:
            if first_byte < len(self._head):
                yield self._head[first_byte : last_byte + 1]
            index = max(0, bisect.bisect_right(self._starts, first_byte) - 1)
            while index < len(self._gops) and self._starts[index] <= last_byte:
                data, start = self._group(index), self._starts[index]
                yield from _chunks(data[max(0, first_byte - start) : last_byte + 1 - start])
                index += 1
        finally:
            self.close()

    def _group(self, index: int) -> bytes:
        gop = self._gops[index]
        data = b"".join(_read_range(self._folder / gop.name, gop.offset, gop.size_bytes))
        return shift(data, -self._shifts[index])

    def close(self) -> None:
        """Release the files."""
        self._release()


def _extents(gops: Sequence[StoredGop]) -> list[tuple[str, int, int]]:
    """(file name, offset, size), neighbours in a file joined."""
    extents: list[tuple[str, int, int]] = []
    for gop in gops:
        if extents:
            name, offset, size = extents[-1]
            if name == gop.name and offset + size == gop.offset:
                extents[-1] = name, offset, size + gop.size_bytes
                continue
        extents.append((gop.name, gop.offset, gop.size_bytes))
    return extents


def _read_range(path: Path, offset: int, size_bytes: int) -> Iterator[bytes]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while size_bytes:
            data = os.pread(fd, min(size_bytes, CHUNK_BYTES), offset)
            if not data:
                raise OSError(f"{path.name} ends before its time")
            yield data
            offset, size_bytes = offset + len(data), size_bytes - len(data)
    finally:
        os.close(fd)


def _chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), CHUNK_BYTES):
        yield data[at : at + CHUNK_BYTES]
