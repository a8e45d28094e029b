"""Wall-clock time of frames: the camera's RTP clock, tied to ours.

A camera counts evenly but from anywhere, and its crystal drifts; frames arrive late by what the
network takes, never early. So the earliest arrivals tell how the two clocks stand to each other.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS_PER_S = 90_000
EARLY_90K = TICKS_PER_S  # a frame cannot arrive before it was taken: earlier than this is a jump
LATE_90K = 10 * TICKS_PER_S  # a network may stall; for longer than the watchdog allows it cannot
CLOCK_STEP_90K = TICKS_PER_S  # our own clock was set; smaller corrections are followed smoothly
_WINDOW_90K = 10 * TICKS_PER_S
_DEAD_ZONE_90K = 450  # 5 ms: below it, the difference is noise of the network
_SLEW = 1000  # follow by at most a thousandth: no frame moves visibly


@dataclass(frozen=True)
class Arrival:
    """When a frame came, in 90 kHz ticks: wall clock (Unix epoch), and a clock nobody sets."""

    wall_90k: int
    steady_90k: int


class MediaClock:
    """Maps presentation times of one connection to wall-clock times.

    `has_stepped` tells that our own wall clock was set meanwhile: times go on evenly, and a new
    mapping is due when it suits.
    """

    def __init__(self, pts_90k: int, arrival: Arrival) -> None:
        self._offset = arrival.wall_90k - pts_90k
        self._wall_to_steady = arrival.wall_90k - arrival.steady_90k
        self._last_pts = pts_90k
        self._window_start = arrival.steady_90k
        self._least_late: int | None = None
        self._correction = 0
        self.has_stepped = False

    def place(self, pts_90k: int, arrival: Arrival) -> int | None:
        """The wall-clock time of a frame, or None when the camera's clock jumped."""
        expected = pts_90k + self._offset
        if not -EARLY_90K <= arrival.steady_90k + self._wall_to_steady - expected <= LATE_90K:
            return None
        step = arrival.wall_90k - arrival.steady_90k - self._wall_to_steady
        self.has_stepped = abs(step) > CLOCK_STEP_90K
        if not self.has_stepped:
            self._watch_drift(arrival.wall_90k - expected, arrival.steady_90k)
        self._follow(pts_90k)
        return pts_90k + self._offset

    def _watch_drift(self, late: int, steady_90k: int) -> None:
        if self._least_late is None or late < self._least_late:
            self._least_late = late
        if steady_90k - self._window_start >= _WINDOW_90K:
            self._correction = self._least_late if abs(self._least_late) > _DEAD_ZONE_90K else 0
            self._window_start, self._least_late = steady_90k, None

    def _follow(self, pts_90k: int) -> None:
        limit = max(0, pts_90k - self._last_pts) // _SLEW
        step = max(-limit, min(limit, self._correction))
        self._correction -= step
        self._offset += step
        self._last_pts = max(self._last_pts, pts_90k)


class DecodeOrder:
    """Decode times of frames that come in decode order but carry presentation times.

    With a reorder depth of n, the n-th smallest presentation time seen so far is a decode time that
    no frame is shown before (the rule of H.264 §C.4.5.3 turned around).
    """

    def __init__(self, depth: int, first_90k: int, frame_90k: int) -> None:
        self._pending = [first_90k - frame_90k * back for back in range(depth, 0, -1)]

    def decode_time(self, presentation_90k: int) -> int:
        """Decode time of the next frame: never after its presentation when the depth suffices."""
        pending = self._pending
        pending.append(presentation_90k)
        pending.sort()
        return pending.pop(0)
