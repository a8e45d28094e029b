"""MP4 boxes: what we write is what others read."""

from __future__ import annotations

import io
import struct
from itertools import pairwise

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.video import boxes
from cmr.video.boxes import BoxError
from protocol.fragments import Segment, SegmentReader
from tests.fakes.footage import footage
from tests.fakes.segments import NOON, segments


def decoded(data: bytes) -> list[av.VideoFrame]:
    """What FFmpeg makes of a file."""
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


def joined(parts: list[Segment]) -> bytes:
    return b"".join(part.data for part in parts)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_decoder_opens_it_and_shows_every_frame(b_frames: int) -> None:
    film = footage(30, 640, 360, b_frames=b_frames, profile="high")
    frames = decoded(joined(segments(seconds=2, film=film)))
    assert len(frames) == 30
    assert (frames[0].width, frames[0].height) == (640, 360)
    shown = [frame.pts for frame in frames if frame.pts is not None]
    assert [b - a for a, b in pairwise(shown)] == [6_000] * 29
    assert abs(shown[0] - NOON) < 3 * 6_000


def test_it_announces_codec_and_size() -> None:
    init = segments(film=footage(4, 322, 182, profile="high"))[0]
    assert init.is_init
    shape = boxes.read_format(init.data)
    assert (shape.width, shape.height) == (322, 182)
    assert shape.codec.startswith("avc1.6400")


def test_key_frames_alone_carry_a_producer_time() -> None:
    for segment in segments(seconds=3)[1:]:
        assert segment.data.count(b"prft") == (1 if segment.is_key else 0)
        assert SegmentReader().feed(segments()[0].data + segment.data)[1] == segment


def test_the_producer_time_is_ntp() -> None:
    key = segments()[1]
    track, ntp, media = struct.unpack_from("!IQQ", key.data, 12)
    assert (track, media) == (1, NOON)
    assert ntp >> 32 == NOON // 90_000 + 2_208_988_800


def test_times_move_and_nothing_else() -> None:
    parts = segments(seconds=2)
    moved = SegmentReader().feed(parts[0].data + boxes.shift(joined(parts[1:]), -NOON))
    assert [s.decode_time for s in moved[1:]] == [s.decode_time - NOON for s in parts[1:]]
    assert [len(s.data) for s in moved] == [len(s.data) for s in parts]
    assert decoded(joined(moved))[0].pts == 0


def test_a_duration_can_be_announced() -> None:
    parts = segments(seconds=2)
    file = boxes.with_duration(parts[0].data, 180_000) + boxes.shift(joined(parts[1:]), -NOON)
    with av.open(io.BytesIO(file)) as container:
        assert container.duration == 2_000_000
    assert len(decoded(file)) == 30


@given(st.binary(max_size=300), st.sampled_from([b"", b"stsd avc1 avcC", b"moov mvex", b"trun"]))
def test_garbage_is_refused_by_type(data: bytes, spice: bytes) -> None:
    for read in (
        boxes.read_format,
        boxes.duration_of,
        lambda d: boxes.shift(d, 5),
        lambda d: boxes.with_duration(d, 5),
    ):
        for garbage in (data + spice, spice + data):
            try:
                read(garbage)
            except BoxError:
                continue
