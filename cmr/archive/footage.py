"""What one reader may have of a camera's recordings: the spans that their token names, no more.

A group of pictures that begins before a span is not sent at all, for its first frames would be
outside; one that reaches beyond the end of a span is cut there. Frames count by their decode time.
"""

from __future__ import annotations

from collections.abc import Iterator

from cmr.archive.reader import Archive, Clip, Gap, KeyFrame, Piece, Run
from cmr.archive.stretch import EVERYTHING, Within
from cmr.archive.timeline import cut_runs
from protocol import footage
from protocol.times import TICKS_PER_S


class NotGranted(Exception):
    """What was asked for is not in any span."""


class CameraFootage:
    """The recordings of `camera` inside `spans` (Unix seconds). Everything here blocks."""

    def __init__(self, archive: Archive, camera: int, spans: footage.Spans = footage.ALL) -> None:
        self.camera = camera
        self._archive = archive
        self._spans = [_in_ticks(span) for span in spans]

    def runs(self, start_90k: int, end_90k: int) -> list[Run]:
        return [
            run
            for start, end in self._parts(start_90k, end_90k)
            for run in cut_runs(self._archive.runs(self.camera, start, end), start, end)
        ]

    def gaps(self, start_90k: int, end_90k: int) -> list[Gap]:
        return [
            gap
            for start, end in self._parts(start_90k, end_90k)
            for gap in self._archive.gaps(self.camera, start, end)
        ]

    def span(self) -> tuple[int, int] | None:
        """Start of the oldest and end of the newest recording."""
        found = [self._archive.span(self.camera, within) for within in self._spans]
        known = [span for span in found if span is not None]
        return (known[0][0], known[-1][1]) if known else None

    def next_start(self, profile: str, at_90k: int) -> int | None:
        """Start of the first recorded video that begins at or after `at_90k`, if any."""
        for low, high in self._spans:
            found = self._archive.next_start(self.camera, profile, max(low, at_90k))
            if found is None:
                return None
            if found < high:
                return found
        return None

    def piece(self, profile: str, start_90k: int, end_90k: int) -> Piece | None:
        """As `Archive.piece`, up to the end of the span that holds `start_90k`; raises
        NotGranted."""
        within = self._span_of(start_90k, start_90k)
        end = min(end_90k, within[1])
        piece = self._archive.piece(self.camera, profile, start_90k, end, within)
        if piece is not None and piece.next_90k is not None:
            piece.next_90k = self.next_start(profile, piece.next_90k)
        return piece

    def clip(self, profile: str, start_90k: int, end_90k: int) -> Clip | None:
        """As `Archive.clip`; raises NotGranted unless all of it is in one span."""
        within = self._span_of(start_90k, end_90k)
        return self._archive.clip(self.camera, profile, start_90k, end_90k, within)

    def key_frame(self, profile: str, at_90k: int) -> KeyFrame | None:
        """As `Archive.key_frame`; raises NotGranted."""
        low, _ = self._span_of(at_90k, at_90k)
        found = self._archive.key_frame(self.camera, profile, at_90k)
        return found if found is not None and found.at_90k >= low else None

    def _span_of(self, start_90k: int, end_90k: int) -> Within:
        for low, high in self._spans:
            if low <= start_90k < high and end_90k <= high:
                return low, high
        raise NotGranted

    def _parts(self, start_90k: int, end_90k: int) -> Iterator[Within]:
        """What of a range is in the spans."""
        for low, high in self._spans:
            start, end = max(low, start_90k), min(high, end_90k)
            if start < end:
                yield start, end


def _in_ticks(span: footage.Span) -> Within:
    start, end = span
    low, high = EVERYTHING
    return (
        low if start is None else max(low, start * TICKS_PER_S),
        high if end is None else min(high, end * TICKS_PER_S),
    )
