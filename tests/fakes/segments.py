"""Segments of a camera whose clock the test sets."""

from __future__ import annotations

from cmr.video.clock import Arrival
from cmr.video.fragmenter import Fragmenter, Packet
from protocol.fragments import Segment
from tests.fakes.footage import Footage, footage

NOON = 1_795_348_800 * 90_000  # 2026-11-22T12:00:00Z


def segments(
    start_90k: int = NOON, seconds: float = 4, film: Footage | None = None, frame_90k: int = 6_000
) -> list[Segment]:
    """An initialisation segment and a fragment per frame, in real time from `start_90k` on."""
    film = film or footage()
    fragmenter = Fragmenter(film.extradata)
    made: list[Segment] = []
    for number in range(int(seconds * 90_000 / frame_90k)):
        at = start_90k + number * frame_90k
        round_, index = divmod(number, len(film.frames))
        pts = film.times[index] * frame_90k // 6_000 + round_ * len(film.frames) * frame_90k
        packet = Packet(film.frames[index], pts, film.keys[index], Arrival(at, at - NOON // 2))
        made += fragmenter.push(packet)
    return made
