"""An archive that keeps the segments of one run in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cmr.archive.reader import Archive, Clip, Gap, KeyFrame, Piece, Run
from cmr.archive.retention import Pins
from cmr.archive.stretch import EVERYTHING, Within
from protocol.fragments import Segment

CODEC = "avc1.4d4028"
ETAG = '"clip-1"'


@dataclass
class MemoryPart:
    """A Piece and a Clip at once. `is_closed` tells whether its reader gave it back."""

    data: bytes
    start_90k: int
    end_90k: int
    next_90k: int | None = None
    gap_count: int = 0
    codec: str = CODEC
    etag: str = ETAG
    is_closed: bool = False
    error: OSError | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, first_byte: int = 0, last_byte: int | None = None) -> Iterator[bytes]:
        end = len(self.data) if last_byte is None else last_byte + 1
        for at in range(first_byte, end, 1000):
            yield self.data[at : min(at + 1000, end)]
            if self.error:
                raise self.error

    def close(self) -> None:
        self.is_closed = True


@dataclass
class MemoryArchive(Archive):
    """One camera's hd recording: `init`, then `fragments`; 15 frames each second."""

    init: Segment
    fragments: list[Segment]
    camera: int = 1
    error: OSError | None = None
    parts: list[MemoryPart] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(Path("memory"), Pins())

    @property
    def start_90k(self) -> int:
        return self.fragments[0].decode_time

    @property
    def end_90k(self) -> int:
        return self.fragments[-1].decode_time + 6000

    def runs(self, camera: int, start_90k: int, end_90k: int) -> list[Run]:
        if not self._has(camera, "hd") or start_90k >= self.end_90k or end_90k <= self.start_90k:
            return []
        return [Run(self.start_90k, self.end_90k, ("hd",))]

    def gaps(self, camera: int, start_90k: int, end_90k: int) -> list[Gap]:
        return [Gap(self.end_90k, end_90k, "camera unreachable")] if self._has(camera, "hd") else []

    def span(self, camera: int, within: Within = EVERYTHING) -> tuple[int, int] | None:
        start, end = max(self.start_90k, within[0]), min(self.end_90k, within[1])
        return (start, end) if self._has(camera, "hd") and start < end else None

    def next_start(self, camera: int, profile: str, at_90k: int) -> int | None:
        is_ahead = self._has(camera, profile) and self.start_90k > at_90k
        return self.start_90k if is_ahead else None

    def piece(
        self, camera: int, profile: str, start_90k: int, end_90k: int, within: Within = EVERYTHING
    ) -> Piece | None:
        return self._part(camera, profile, max(start_90k, within[0]), min(end_90k, within[1]))

    def clip(
        self, camera: int, profile: str, start_90k: int, end_90k: int, within: Within = EVERYTHING
    ) -> Clip | None:
        return self._part(camera, profile, max(start_90k, within[0]), min(end_90k, within[1]))

    def key_frame(self, camera: int, profile: str, at_90k: int) -> KeyFrame | None:
        keys = [f for f in self.fragments if f.is_key and f.decode_time <= at_90k]
        if not self._has(camera, profile) or not keys:
            return None
        return KeyFrame(CODEC, keys[-1].decode_time, self.init.data, keys[-1].data)

    def _has(self, camera: int, profile: str) -> bool:
        return camera == self.camera and profile == "hd"

    def _part(self, camera: int, profile: str, start: int, end: int) -> MemoryPart | None:
        found = [f for f in self.fragments if start <= f.decode_time < end]
        if not self._has(camera, profile) or not found:
            return None
        data = b"".join(segment.data for segment in (self.init, *found))
        end_90k = found[-1].decode_time + 6000
        part = MemoryPart(data, found[0].decode_time, end_90k, error=self.error)
        self.parts.append(part)
        return part
