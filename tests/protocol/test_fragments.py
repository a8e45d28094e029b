"""A stream is cut into segments wherever the network cut it, and lies are refused."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.fragments import MAX_SEGMENT_BYTES, SegmentReader


def box(kind, body=b""):
    return struct.pack("!I4s", 8 + len(body), kind) + body


def fragment(decode_time, *, key=False, size=20):
    tfdt = box(b"tfdt", b"\x01\0\0\0" + decode_time.to_bytes(8, "big"))
    return (
        (box(b"prft", bytes(24)) if key else b"") + box(b"moof", tfdt) + box(b"mdat", bytes(size))
    )


INIT = box(b"ftyp", b"iso6") + box(b"moov", bytes(100))


@given(st.lists(st.integers(1, 90), min_size=1, max_size=60))
def test_it_finds_the_same_segments_however_the_stream_is_cut(cuts):
    stream = INIT + fragment(90_000, key=True) + fragment(96_000) + INIT + fragment(1, key=True)
    reader, found, rest = SegmentReader(), [], stream
    for size in [*cuts, len(stream)]:
        found += reader.feed(rest[:size])
        rest = rest[size:]
    assert b"".join(segment.data for segment in found) == stream
    assert [(s.is_init, s.is_key, s.decode_time) for s in found] == [
        (True, False, 0),
        (False, True, 90_000),
        (False, False, 96_000),
        (True, False, 0),
        (False, True, 1),
    ]
    assert reader.pending_bytes == 0


LIES = {
    "fragment without moof": box(b"mdat"),
    "init without ftyp": box(b"moov"),
    "box smaller than its header": struct.pack("!I4s", 4, b"moof"),
    "box larger than the limit": struct.pack("!I4s", MAX_SEGMENT_BYTES + 1, b"mdat"),
    "64-bit box size": struct.pack("!I4s", 1, b"mdat") + bytes(8),
    "no tfdt": box(b"moof") + box(b"mdat"),
    "32-bit tfdt": box(b"moof", box(b"tfdt", bytes(8))) + box(b"mdat"),
    "html": b"<html><body>hello</body></html>",
}


@pytest.mark.parametrize("data", LIES.values(), ids=LIES)
def test_it_refuses_what_is_no_fragmented_mp4(data):
    """R12"""
    with pytest.raises(ProtocolError):
        SegmentReader().feed(data)


def test_boxes_that_never_end_a_segment_are_bounded():
    with pytest.raises(ProtocolError):
        SegmentReader().feed(box(b"free", bytes(100_000)) * 50)


@given(st.binary(max_size=200))
def test_fuzzed_bytes_raise_nothing_but_protocol_errors(data):
    with suppress(ProtocolError):
        SegmentReader().feed(data)
