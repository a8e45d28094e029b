"""H.264 as cameras send it, and as they should not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.video import h264
from cmr.video.h264 import H264Error
from tests.fakes.footage import footage

START = b"\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("name", "stream", "units"),
    [
        ("empty", b"", []),
        ("no start code", b"\x65\x88\x80", []),
        ("long start code", START + b"\x65\x88", [b"\x65\x88"]),
        ("short start code", b"\x00\x00\x01\x65\x88", [b"\x65\x88"]),
        ("two units", START + b"\x67\x01\x00\x00\x01\x68\x02", [b"\x67\x01", b"\x68\x02"]),
        (
            "trailing zeros",
            START + b"\x65\x88\x00\x00\x00" + START + b"\x41",
            [b"\x65\x88", b"\x41"],
        ),
        ("nothing between", START + START + b"\x41", [b"\x41"]),
    ],
)
def test_it_splits_byte_streams(name: str, stream: bytes, units: list[bytes]) -> None:
    assert h264.split_annex_b(stream) == units


def test_a_sample_has_no_delimiters_parameter_sets_or_filler() -> None:
    units = [b"\x09\xf0", b"\x67\x42", b"\x68\xce", b"\x06\x05", b"\x0c\xff", b"\x65\x88"]
    assert h264.to_sample(units) == b"\0\0\0\2\x06\x05" + b"\0\0\0\2\x65\x88"


def test_a_sample_splits_into_its_units_again() -> None:
    units = [b"\x06\x05", b"\x65" * 300]
    assert h264.split_length_prefixed(h264.to_sample(units)) == units


def test_a_length_past_the_end_is_an_error() -> None:
    with pytest.raises(H264Error, match="past the end"):
        h264.split_length_prefixed(b"\0\0\0\x09\x65")


@pytest.mark.parametrize(
    ("width", "height", "profile", "b_frames"),
    [
        (320, 240, "baseline", 0),
        (640, 360, "main", 0),  # 360 is no multiple of 16: cropped
        (1920, 1080, "high", 0),  # the classic: coded as 1088
        (322, 182, "high", 2),
    ],
)
def test_it_reads_what_an_encoder_wrote(
    width: int, height: int, profile: str, b_frames: int
) -> None:
    film = footage(4, width, height, profile=profile, b_frames=b_frames)
    (sps_unit, _), length_size = h264.parse_extradata(film.extradata)
    sps = h264.parse_sps(sps_unit)
    assert (sps.width, sps.height, length_size) == (width, height, 0)
    assert sps.profile == {"baseline": 66, "main": 77, "high": 100}[profile]
    assert sps.reorder_depth == (0 if not b_frames else sps.reorder_depth)
    assert bool(sps.reorder_depth) == bool(b_frames)
    assert sps.codec == f"avc1.{sps_unit[1:4].hex()}"


def test_it_reads_decoder_configurations_of_mp4() -> None:
    sps, pps = b"\x67\x64\x00\x1f\xac", b"\x68\xee\x3c\x80"
    record = b"\x01\x64\x00\x1f\xff\xe1\x00\x05" + sps + b"\x01\x00\x04" + pps
    assert h264.parse_extradata(record) == ([sps, pps], 4)
    for end in range(1, len(record) - 1):
        with pytest.raises(H264Error):
            h264.parse_extradata(record[:end])


def test_the_last_parameter_set_with_an_id_counts() -> None:
    sets = h264.ParameterSets()
    (sps, pps), _ = h264.parse_extradata(footage().extradata)
    assert sets.sets is None
    sets.update([sps, pps])
    before = sets.sets
    sets.update([sps, pps])
    assert sets.sets == before
    sets.update([pps + b"\x80"])
    assert sets.sets == ((sps,), (pps + b"\x80",))


@given(st.binary(max_size=80))
def test_broken_parameter_sets_are_errors_and_nothing_else(rest: bytes) -> None:
    for head in (b"\x67\x42\x00\x1e", b"\x67\x64\x00\x1f"):
        try:
            sps = h264.parse_sps(head + rest)
        except H264Error:
            continue
        assert 0 < sps.width <= 16384
        assert 0 < sps.height <= 16384


@given(st.binary(max_size=200))
def test_garbage_is_split_or_refused(data: bytes) -> None:
    h264.to_sample(h264.split_annex_b(data))
    for parse in (h264.split_length_prefixed, h264.parse_extradata):
        try:
            parse(data)  # type: ignore[operator]  # both take bytes
        except H264Error:
            continue
