"""Fragments of one plain HTTP answer, counted from 0.

A recording's fragments are counted since its camera was connected. VLC 3 waits for ever when a
stream begins somewhere in such a count; FFmpeg, GStreamer and browsers do not look at it. The
number is the only thing that differs from the fragment on other paths (ISO/IEC 14496-12 §8.8.5).
"""

from __future__ import annotations

import struct

_BOX = struct.Struct("!I4s")
_MFHD_AT = 8  # inside moof, where it must be first
_NUMBER_AT = _MFHD_AT + 12


class FragmentCount:
    """Counts the fragments of one answer."""

    def __init__(self) -> None:
        self._next = 0

    def number(self, segment: bytes) -> bytes:
        """The segment with its place in this answer; an initialisation segment as it is."""
        moof = _moof_at(segment)
        if moof is None:
            return segment
        at = moof + _NUMBER_AT
        number = struct.pack("!I", self._next & 0xFFFFFFFF)
        self._next += 1
        return segment[:at] + number + segment[at + 4 :]


def _moof_at(segment: bytes) -> int | None:
    """Where a fragment has its moof with an mfhd; None when it is no fragment."""
    at = 0
    if segment[4:8] == b"prft":
        at = _BOX.unpack_from(segment)[0]
    is_fragment = segment[at + 4 : at + 8] == b"moof"
    has_number = segment[at + _MFHD_AT + 4 : at + _MFHD_AT + 8] == b"mfhd"
    return at if is_fragment and has_number and len(segment) >= at + _NUMBER_AT + 4 else None
