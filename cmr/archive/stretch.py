"""Groups of pictures that belong together: what a piece or a clip is made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

CONTIGUOUS_90K = 45_000  # half a second: frames lost in it are no gap to a viewer
EVERYTHING = (-(1 << 61), 1 << 61)  # SQLite counts to 2**63
NOISE_90K = 9_000  # 0.1 s: a last frame's duration is a guess, so ends may reach past starts

Within = tuple[int, int]  # from, to (not included), 90 kHz ticks: what a reader may have


@dataclass(frozen=True, slots=True)
class StoredGop:
    """A group of pictures and where to read it. `file_id` grows with the order of recording."""

    file_id: int
    name: str
    init: bytes
    offset: int
    size_bytes: int
    start_90k: int
    end_90k: int


def newest_first_where_double(gops: Iterable[StoredGop]) -> list[StoredGop]:
    """In order of time, without overlaps: where the clock was set back, what came later counts."""
    chosen: list[StoredGop] = []
    for gop in sorted(gops, key=lambda g: (g.start_90k, g.file_id)):
        while chosen and _is_double(chosen[-1], gop) and chosen[-1].file_id < gop.file_id:
            chosen.pop()
        if not chosen or not _is_double(chosen[-1], gop):
            chosen.append(gop)
    return chosen


def _is_double(before: StoredGop, after: StoredGop) -> bool:
    return before.file_id != after.file_id and before.end_90k - after.start_90k > NOISE_90K


def inside(gops: Iterable[StoredGop], within: Within) -> list[StoredGop]:
    """Those that begin in `within`; the last may reach beyond its end."""
    return [gop for gop in gops if within[0] <= gop.start_90k < within[1]]


def cut_at(gop: StoredGop, end_90k: int, frames: Iterable[tuple[int, int]]) -> StoredGop:
    """The group without its frames from `end_90k` on; `frames` are decode time and size of each."""
    kept = 0
    for decode_time, size_bytes in frames:
        if decode_time >= end_90k:
            break
        kept += size_bytes
    return replace(gop, size_bytes=kept, end_90k=min(gop.end_90k, end_90k))


def first_stretch(gops: Sequence[StoredGop]) -> list[StoredGop]:
    """The gops up to the first gap or change of format."""
    for index, (before, after) in enumerate(pairwise(gops)):
        if is_break(before, after):
            return list(gops[: index + 1])
    return list(gops)


def same_format(gops: Sequence[StoredGop]) -> list[StoredGop]:
    """The gops up to the first change of format."""
    for index, gop in enumerate(gops):
        if gop.init != gops[0].init:
            return list(gops[:index])
    return list(gops)


def is_break(before: StoredGop, after: StoredGop) -> bool:
    """Whether a viewer notices the step from one to the other."""
    return before.init != after.init or after.start_90k - before.end_90k > CONTIGUOUS_90K


def without_gaps(gops: Sequence[StoredGop]) -> list[int]:
    """How far each group moves back so that time starts at zero and has no gaps, 90 kHz ticks.

    Inside a stretch times keep their distances; after a gap the next begins where the last ended.
    """
    shifts = []
    shift = gops[0].start_90k if gops else 0
    for index, gop in enumerate(gops):
        if index:
            before = gops[index - 1]
            if is_break(before, gop) or gop.start_90k < before.end_90k:
                shift += gop.start_90k - before.end_90k
        shifts.append(shift)
    return shifts
