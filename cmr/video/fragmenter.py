"""Packets of a camera in; initialisation segments and one fragment per frame out.

The form is that of `protocol.fragments`. Decode times are wall-clock times. Within a run they only
go forward; whatever would break that (a clock that jumps, another resolution, B-frames nobody
announced) ends the run, and the next key frame begins another with its initialisation segment.
"""

from __future__ import annotations

from dataclasses import dataclass

from cmr.video import boxes, h264
from cmr.video.clock import Arrival, DecodeOrder, MediaClock
from protocol.fragments import MAX_SEGMENT_BYTES, Segment

_GUESSED_FRAME_90K = 6_000  # 15 frames/s, until two frames have told
_MAX_FRAME_90K = 2 * 90_000
_MAX_OVERLAP_90K = 80_000  # moved away; a longer one means that the wall clock was set back
_SAME_TIME_90K = 90  # 1 ms
_MAX_GUESSED_DEPTH = 4  # B-frames nobody announced: more than any camera uses
_SETTLED_90K = 1_800  # 20 ms: a packet that let itself be waited for is not from a backlog
_MAX_BACKLOG = 128  # packets that a library or a server had in stock: a few seconds
_MAX_SAMPLE_BYTES = MAX_SEGMENT_BYTES - 4096


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame as the camera sent it: Annex B, or length-prefixed where the source says so."""

    data: bytes
    pts_90k: int
    is_key: bool
    arrival: Arrival


class Fragmenter:
    """Makes segments of one connection's packets. Raises H264Error for streams that are none.

    `not_before_90k` is where the previous connection's video ended: nothing overlaps it unless the
    clock was set back.
    """

    def __init__(self, extradata: bytes = b"", not_before_90k: int = 0) -> None:
        self._sets = h264.ParameterSets()
        units, self._length_size = h264.parse_extradata(extradata)
        self._sets.update(units)
        self._backlog: list[Packet] | None = []
        self._offset_hint: tuple[int, Arrival] | None = None
        self._clock: MediaClock | None = None
        self._order: DecodeOrder | None = None
        self._run_sets: tuple[tuple[bytes, ...], tuple[bytes, ...]] | None = None
        self._depth = 0
        self._sequence = 0
        self._last_decode_90k = 0
        self._frame_90k = _GUESSED_FRAME_90K
        self._end_90k = not_before_90k
        self.dropped_frames = 0

    @property
    def end_90k(self) -> int:
        """Where the video made so far ends."""
        return self._end_90k

    def push(self, packet: Packet) -> list[Segment]:
        """The segments that the packet completes: usually one; none while timing settles."""
        if self._backlog is None:
            return self._convert(packet)
        backlog = self._backlog
        backlog.append(packet)
        if len(backlog) < _MAX_BACKLOG and not _has_settled(backlog):
            return []
        self._backlog = None
        earliest = min(backlog, key=lambda p: p.arrival.wall_90k - p.pts_90k)
        self._offset_hint = earliest.pts_90k, earliest.arrival
        return [segment for held in backlog for segment in self._convert(held)]

    def _convert(self, packet: Packet) -> list[Segment]:
        units = self._units(packet.data)
        self._sets.update(units)
        if not h264.has_picture(units):
            return []
        sample = h264.to_sample(units)
        if len(sample) > _MAX_SAMPLE_BYTES:
            raise h264.H264Error(f"a frame has {len(sample)} bytes")
        is_key = packet.is_key or h264.has_idr(units)
        if is_key and self._is_new_run_due():
            self._end_run()
        times = self._times(packet, is_key)
        if times is None:
            self.dropped_frames += 1
            return []
        init = [] if self._sequence else [self._begin_run()]
        return [*init, self._fragment(times, is_key, sample)]

    def _is_new_run_due(self) -> bool:
        has_stepped = self._clock is not None and self._clock.has_stepped
        return has_stepped or self._sets.sets != self._run_sets

    def _units(self, data: bytes) -> list[bytes]:
        if self._length_size:
            return h264.split_length_prefixed(data, self._length_size)
        return h264.split_annex_b(data)

    def _times(self, packet: Packet, is_key: bool) -> tuple[int, int] | None:
        """Decode and presentation time; None while the run waits for a key frame."""
        for _ in range(2):
            if self._clock is None or self._order is None:
                if not is_key or self._sets.sets is None:
                    return None
                self._tie_clock(packet)
                continue
            shown = self._clock.place(packet.pts_90k, packet.arrival)
            if shown is not None:
                decode = self._order.decode_time(shown)
                if not self._sequence or self._last_decode_90k < decode <= shown:
                    return decode, shown
                if decode == shown == self._last_decode_90k:  # two pictures with one RTP time
                    return decode + 1, decode + 1
                self._note_reordering(shown)
            self._end_run()
        return None

    def _tie_clock(self, packet: Packet) -> None:
        """Begin a run's time at a key frame, not before the end of what came earlier."""
        sets = self._sets.sets
        if sets is not None and sets != self._run_sets:
            self._run_sets = sets
            self._depth = h264.parse_sps(sets[0][0]).reorder_depth
        pts, arrival = self._offset_hint or (packet.pts_90k, packet.arrival)
        self._offset_hint = None
        wall = arrival.wall_90k
        first = wall + packet.pts_90k - pts - self._depth * self._frame_90k
        if 0 < self._end_90k - first < _MAX_OVERLAP_90K:
            wall += self._end_90k - first
        self._clock = MediaClock(pts, Arrival(wall, arrival.steady_90k + wall - arrival.wall_90k))
        self._order = DecodeOrder(self._depth, wall + packet.pts_90k - pts, self._frame_90k)

    def _note_reordering(self, shown_90k: int) -> None:
        """A frame that goes back a little is a B-frame nobody announced."""
        back = self._last_decode_90k - shown_90k
        limit = _MAX_GUESSED_DEPTH * self._frame_90k
        if 0 <= back < limit and self._depth < _MAX_GUESSED_DEPTH:
            self._depth += 1

    def _end_run(self) -> None:
        self._clock = self._order = None
        self._sequence = 0

    def _begin_run(self) -> Segment:
        if self._run_sets is None:
            raise h264.H264Error("there are no parameter sets")
        sequence_sets, picture_sets = self._run_sets
        sps = h264.parse_sps(sequence_sets[0])
        return Segment(boxes.init_segment(sps, sequence_sets, picture_sets), True, False, 0)

    def _fragment(self, times: tuple[int, int], is_key: bool, sample: bytes) -> Segment:
        decode, shown = times
        if self._sequence and decode - self._last_decode_90k > _SAME_TIME_90K:
            self._frame_90k = min(decode - self._last_decode_90k, _MAX_FRAME_90K)
        self._sequence += 1
        self._last_decode_90k = decode
        self._end_90k = decode + self._frame_90k
        offset = shown - decode
        data = boxes.fragment(self._sequence, decode, offset, self._frame_90k, is_key, sample)
        return Segment(data, False, is_key, decode)


def _has_settled(backlog: list[Packet]) -> bool:
    if len(backlog) < 2:
        return False
    return backlog[-1].arrival.steady_90k - backlog[-2].arrival.steady_90k >= _SETTLED_90K
