"""Fragmented MP4 as it travels: where an initialisation segment or a fragment begins and ends.

A stream is `ftyp moov` (initialisation segment, ISO/IEC 14496-12 §8.16, §3.1.x) and then fragments:
`[prft] moof mdat`, one video frame each. A `prft` box (§8.16.5) stands before every key frame and
before nothing else, so a relay finds groups of pictures without decoding. A new initialisation
segment in mid-stream begins a new run (resolution or codec changed).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from protocol.errors import ProtocolError

MAX_SEGMENT_BYTES = 4 * 1024 * 1024  # a 4K key frame at 20 Mbps has about 1 MiB
_BOX = struct.Struct("!I4s")
_INIT_BOXES = (b"ftyp", b"moov")


@dataclass(frozen=True)
class Segment:
    """An initialisation segment or one fragment, whole.

    `decode_time` is in 90 kHz ticks since the Unix epoch (0 for an initialisation segment).
    """

    data: bytes
    is_init: bool
    is_key: bool
    decode_time: int


class SegmentReader:
    """Cuts a byte stream into segments; sans-IO.

    `feed` returns the segments completed by `data` and raises ProtocolError `bad_fragment` when the
    stream is not of the form above, or a segment exceeds MAX_SEGMENT_BYTES.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # bytes of whole boxes at the start of the buffer
        self._boxes: list[tuple[bytes, int]] = []

    def feed(self, data: bytes) -> list[Segment]:
        if not self._buffer and (segment := _whole_fragment(data)) is not None:
            return [segment]
        self._buffer += data
        segments = []
        while (box := self._next_box()) is not None:
            self._boxes.append(box)
            if box[0] in (b"moov", b"mdat"):
                segments.append(self._take())
        if len(self._buffer) > MAX_SEGMENT_BYTES:
            raise _bad(f"segment has more than {MAX_SEGMENT_BYTES} bytes")
        return segments

    @property
    def pending_bytes(self) -> int:
        """Bytes received that do not make a whole segment yet."""
        return len(self._buffer)

    def _next_box(self) -> tuple[bytes, int] | None:
        if len(self._buffer) - self._scanned < _BOX.size:
            return None
        size, kind = _BOX.unpack_from(self._buffer, self._scanned)
        if not _BOX.size <= size <= MAX_SEGMENT_BYTES:
            raise _bad(f"box {kind!r} announces {size} bytes")
        if len(self._buffer) - self._scanned < size:
            return None
        start, self._scanned = self._scanned, self._scanned + size
        return kind, start

    def _take(self) -> Segment:
        data = bytes(self._buffer[: self._scanned])
        boxes, self._boxes = self._boxes, []
        del self._buffer[: self._scanned]
        self._scanned = 0
        kinds = tuple(kind for kind, _ in boxes)
        if kinds == _INIT_BOXES:
            return Segment(data, is_init=True, is_key=False, decode_time=0)
        if kinds not in ((b"moof", b"mdat"), (b"prft", b"moof", b"mdat")):
            raise _bad("boxes " + " ".join(kind.decode("latin-1") for kind in kinds))
        moof = dict(boxes)[b"moof"]
        return Segment(data, False, kinds[0] == b"prft", _decode_time(data, moof))


def _whole_fragment(data: bytes) -> Segment | None:
    """The fragment that `data` is, exactly; None when it is anything else. Senders write one
    fragment at a time, so this is the usual case, and no byte of it is copied."""
    if len(data) < 2 * _BOX.size or len(data) > MAX_SEGMENT_BYTES:
        return None
    size, kind = _BOX.unpack_from(data)
    moof = size if kind == b"prft" else 0
    if moof:
        if size < _BOX.size or len(data) < moof + _BOX.size:
            return None
        size, kind = _BOX.unpack_from(data, moof)
    mdat = moof + size
    if kind != b"moof" or size < _BOX.size or len(data) < mdat + _BOX.size:
        return None
    size, kind = _BOX.unpack_from(data, mdat)
    if kind != b"mdat" or mdat + size != len(data):
        return None
    return Segment(data, False, moof > 0, _decode_time(data, moof))


def _decode_time(data: bytes, moof: int) -> int:
    """baseMediaDecodeTime of the only track (`tfdt`, ISO/IEC 14496-12 §8.8.12)."""
    at = data.find(b"tfdt", moof)
    if at < 0 or at + 16 > len(data) or data[at + 4] != 1:
        raise _bad("fragment has no 64-bit tfdt")
    return int.from_bytes(data[at + 8 : at + 16], "big")


def _bad(message: str) -> ProtocolError:
    return ProtocolError("bad_fragment", message)
