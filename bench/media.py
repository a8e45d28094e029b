"""Video that is none, in the exact shape of ours: paced load for the relay's benches."""

from __future__ import annotations

import struct
import time

MESSAGES_PER_S = 15
SD_BYTES = 500_000 // 8 // MESSAGES_PER_S  # 500 kbps
GROUP = 15  # frames from key frame to key frame
MARK = b"sent@"  # then a float64: CLOCK_MONOTONIC, the same in all processes of a machine
_STAMP = struct.Struct("!d")
STAMP_BYTES = len(MARK) + _STAMP.size


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I4s", 8 + len(body), kind) + body


def init_segment() -> bytes:
    return box(b"ftyp", b"iso6" + bytes(4)) + box(b"moov", bytes(600))


def fragment(index: int, size: int = SD_BYTES) -> bytes:
    """Fragment number `index` with `size` bytes, the stamp at its end."""
    tfdt = box(b"tfdt", b"\x01\0\0\0" + struct.pack("!Q", index * 6000))
    head = box(b"prft", bytes(24)) if index % GROUP == 0 else b""
    head += box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", tfdt))
    return head + box(b"mdat", bytes(size - len(head) - 8 - STAMP_BYTES) + stamp())


def stamp() -> bytes:
    return MARK + _STAMP.pack(time.monotonic())


def stamped(template: bytes) -> bytes:
    """The fragment as sent now."""
    return template[:-STAMP_BYTES] + stamp()


def latest_stamp(data: bytes) -> float | None:
    """When the newest whole fragment in `data` was sent, or None."""
    at = data.rfind(MARK)
    if at < 0 or at + STAMP_BYTES > len(data):
        return None
    return float(_STAMP.unpack_from(data, at + len(MARK))[0])


def as_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
