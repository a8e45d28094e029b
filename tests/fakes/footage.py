"""Small real H.264, made by libx264: what a camera would send."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av


@dataclass(frozen=True)
class Footage:
    """Annex B frames in decode order; `times` are presentation times in 90 kHz ticks."""

    extradata: bytes
    frames: tuple[bytes, ...]
    times: tuple[int, ...]
    keys: tuple[bool, ...]


@cache
def footage(
    frames: int = 30,
    width: int = 320,
    height: int = 240,
    fps: int = 15,
    group: int = 15,
    b_frames: int = 0,
    profile: str = "main",
) -> Footage:
    """Moving grey bars. The parameter sets are in `extradata` and before each key frame."""
    coder = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt = width, height, "yuv420p"
    coder.time_base, coder.framerate = Fraction(1, fps), Fraction(fps)
    coder.options = {
        "preset": "veryfast",
        "profile": profile,
        "x264-params": f"keyint={group}:scenecut=0:bframes={b_frames}:b-adapt=0:annexb=1",
    }
    packets = []
    for number in range(frames):
        packets += coder.encode(_picture(number, width, height))
    packets += coder.encode(None)
    first = min(p.pts for p in packets)
    return Footage(
        _parameter_sets(bytes(packets[0])),
        tuple(bytes(p) for p in packets),
        tuple((p.pts - first) * 90_000 // fps for p in packets),
        tuple(bool(p.is_keyframe) for p in packets),
    )


def _parameter_sets(frame: bytes) -> bytes:
    units = [unit for unit in frame.split(b"\x00\x00\x01") if unit]
    sets = [unit.rstrip(b"\x00") for unit in units if unit[0] & 31 in (7, 8)]
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in sets)


def _picture(number: int, width: int, height: int) -> av.VideoFrame:
    picture = av.VideoFrame(width, height, "yuv420p")
    luma = picture.planes[0]
    row = bytes((x * 2 + number * 8) & 255 for x in range(luma.line_size))
    luma.update(row * height)
    for plane in picture.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    picture.pts = number
    return picture
