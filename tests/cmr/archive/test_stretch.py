"""Which groups of pictures belong together."""

from __future__ import annotations

from itertools import pairwise

from cmr.archive.stretch import (
    NOISE_90K,
    StoredGop,
    first_stretch,
    newest_first_where_double,
    same_format,
    without_gaps,
)

S = 90_000


def gop(start_s: float, file_id: int = 1, init: bytes = b"a", length_s: float = 1) -> StoredGop:
    start = int(start_s * S)
    return StoredGop(file_id, f"{file_id}.mp4", init, start, 100, start, start + int(length_s * S))


def test_a_stretch_ends_at_a_gap_or_another_format() -> None:
    gops = [gop(0), gop(1.1), gop(2.1, file_id=2), gop(5)]
    assert first_stretch(gops) == gops[:3]
    assert first_stretch([gop(0), gop(1, init=b"b")]) == [gop(0)]


def test_a_clip_ends_at_another_format_only() -> None:
    gops = [gop(0), gop(5), gop(6, init=b"b")]
    assert same_format(gops) == gops[:2]


def test_where_the_clock_was_set_back_the_later_recording_counts() -> None:
    """K7: nothing is doubled."""
    old = [gop(n) for n in range(10)]
    new = [gop(n + 0.5, file_id=2) for n in range(4, 6)]
    found = newest_first_where_double(old + new)
    assert [g.start_90k / S for g in found if g.file_id == 2] == [4.5, 5.5]
    assert all(a.end_90k - b.start_90k <= NOISE_90K for a, b in pairwise(found))


def test_gaps_are_taken_out_and_distances_kept() -> None:
    gops = [gop(10), gop(11.1), gop(20)]
    starts = [g.start_90k - shift for g, shift in zip(gops, without_gaps(gops), strict=True)]
    assert starts == [0, int(1.1 * S), int(2.1 * S)]
