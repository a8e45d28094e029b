"""Recording, and reading what was recorded."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import av
import pytest

from cmr.archive.writer import ArchiveWriter
from protocol.fragments import SegmentReader
from tests.cmr.archive.conftest import TICKS, Record, WallClock, eventually
from tests.fakes.footage import footage
from tests.fakes.segments import NOON, segments

DAY = 24 * 3600 * TICKS


def frames_in(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return len(list(container.decode(video=0)))


def test_what_was_recorded_is_there(record: Record) -> None:
    archive = record(*segments(seconds=10)).reader
    end = NOON + 10 * TICKS
    assert archive.span(1) == (NOON, end)
    (run,) = archive.runs(1, NOON - DAY, NOON + DAY)
    assert (run.start_90k, run.end_90k, run.profiles) == (NOON, end, ("hd",))
    assert archive.span(2) is None


def test_files_play_on_their_own(record: Record, tmp_path: Path) -> None:
    record(*segments(seconds=10))
    (file,) = tmp_path.glob("1/hd/*.mp4")
    assert file.name == "20261122T120000.000Z.mp4"
    assert frames_in(file.read_bytes()) == 150


def test_before_anything_was_recorded_there_is_nothing(tmp_path: Path) -> None:
    archive = ArchiveWriter(tmp_path, 10**9).reader
    assert archive.span(1) is None
    assert archive.runs(1, 0, DAY) == archive.gaps(1, 0, DAY) == []
    assert archive.piece(1, "hd", 0, DAY) is archive.clip(1, "hd", 0, DAY) is None


def test_a_piece_begins_at_the_key_frame_before_and_keeps_true_times(record: Record) -> None:
    archive = record(*segments(seconds=10)).reader
    piece = archive.piece(1, "hd", NOON + 250_000, NOON + 400_000)
    assert piece is not None
    data = b"".join(piece.read())
    init, *fragments = SegmentReader().feed(data)
    assert len(data) == piece.size_bytes
    assert (init.is_init, fragments[0].is_key) == (True, True)
    assert (piece.start_90k, piece.end_90k) == (NOON + 180_000, NOON + 450_000)
    assert fragments[0].decode_time == piece.start_90k
    assert piece.next_90k == piece.end_90k


def test_a_piece_ends_with_its_run_and_names_the_next(record: Record) -> None:
    record(*segments(seconds=3))
    archive = record(*segments(NOON + 20 * TICKS, seconds=3)).reader
    piece = archive.piece(1, "hd", NOON, NOON + 60 * TICKS)
    assert piece is not None
    assert piece.end_90k == NOON + 3 * TICKS
    assert piece.next_90k == NOON + 20 * TICKS
    assert archive.piece(1, "hd", NOON + 5 * TICKS, NOON + 9 * TICKS) is None
    assert archive.next_start(1, "hd", NOON + 5 * TICKS) == NOON + 20 * TICKS
    assert archive.next_start(1, "hd", NOON + DAY) is None


def test_pieces_read_one_after_the_other_give_every_frame_once(record: Record) -> None:
    archive = record(*segments(seconds=20)).reader
    times: list[int] = []
    at: int | None = NOON
    while at is not None:
        piece = archive.piece(1, "hd", at, at + 3 * TICKS)
        assert piece is not None
        times += [
            s.decode_time for s in SegmentReader().feed(b"".join(piece.read())) if not s.is_init
        ]
        at = piece.next_90k
    assert times == [NOON + 6_000 * n for n in range(300)]


def test_a_clip_starts_at_zero_and_skips_gaps(record: Record) -> None:
    record(*segments(seconds=3))
    archive = record(*segments(NOON + 20 * TICKS, seconds=3)).reader
    clip = archive.clip(1, "hd", NOON, NOON + 60 * TICKS)
    assert clip is not None
    data = b"".join(clip.read(0, clip.size_bytes - 1))
    assert (len(data), clip.gap_count) == (clip.size_bytes, 1)
    assert clip.end_90k == NOON + 23 * TICKS
    with av.open(io.BytesIO(data)) as container:
        assert (container.start_time, container.duration) == (0, 6_000_000)
        times = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert times == [6_000 * n for n in range(90)]


@pytest.mark.parametrize("references", [8_192, 5])
def test_players_seek_in_a_clip_without_reading_it_all(
    record: Record, monkeypatch: pytest.MonkeyPatch, references: int
) -> None:
    """Also when a part to seek to holds several groups of pictures."""
    monkeypatch.setattr("cmr.archive.playback.MAX_REFERENCES", references)
    archive = record(*segments(seconds=20)).reader
    clip = archive.clip(1, "hd", NOON, NOON + DAY)
    assert clip is not None
    data = b"".join(clip.read(0, clip.size_bytes))
    assert frames_in(data) == 300
    with av.open(io.BytesIO(data)) as container:
        container.seek(12_500_000)
        frame = next(container.decode(video=0))
        assert container.duration == 20_000_000
        assert frame.time is not None
        assert 8 <= frame.time <= 12.5


def test_every_range_of_a_clip_is_that_of_the_whole(record: Record) -> None:
    archive = record(*segments(seconds=4)).reader

    def read(first: int, last: int) -> bytes:
        clip = archive.clip(1, "hd", NOON, NOON + DAY)
        assert clip is not None
        return b"".join(clip.read(first, last))

    whole = read(0, 10**9)
    for first, last in ((0, 0), (5, 700), (600, 5_000), (len(whole) - 3, len(whole) - 1)):
        assert read(first, last) == whole[first : last + 1]


def test_the_etag_is_that_of_the_bytes(record: Record) -> None:
    archive = record(*segments(seconds=4)).reader
    tags = {
        clip.etag for end in (1, 1, 3) if (clip := archive.clip(1, "hd", NOON, NOON + end * TICKS))
    }
    assert len(tags) == 2
    assert all(tag[0] == tag[-1] == '"' for tag in tags)  # RFC 9110 §8.8.3


def test_another_resolution_ends_the_clip_and_begins_a_file(record: Record, tmp_path: Path) -> None:
    wide = segments(NOON + 3 * TICKS, seconds=3, film=footage(width=640, height=360))
    archive = record(*segments(seconds=3), *wide).reader
    assert len(list(tmp_path.glob("1/hd/*.mp4"))) == 2
    clip = archive.clip(1, "hd", NOON, NOON + DAY)
    piece = archive.piece(1, "hd", NOON + 3 * TICKS, NOON + DAY)
    assert clip is not None
    assert piece is not None
    assert clip.end_90k == piece.start_90k == NOON + 3 * TICKS


@pytest.mark.parametrize(
    ("name", "at_s", "found_s"),
    [("at it", 2, 2), ("after", 2.9, 2), ("old", 12, 3), ("too old", 15, None)],
)
def test_it_finds_the_key_frame_before(
    name: str, at_s: float, found_s: int | None, record: Record
) -> None:
    archive = record(*segments(seconds=4)).reader
    key = archive.key_frame(1, "hd", NOON + int(at_s * TICKS))
    if found_s is None:
        assert key is None
        return
    assert key is not None
    assert key.at_90k == NOON + found_s * TICKS
    assert frames_in(key.init + key.fragment) == 1


def test_gaps_say_why(record: Record, wall: WallClock, tmp_path: Path) -> None:
    wall.now = NOON / TICKS - 10
    writer = ArchiveWriter(tmp_path, 10**9, wall=wall, steady=wall)
    writer.start()
    for part in segments(seconds=4):
        writer.write(1, "hd", part)
    wall.now = NOON / TICKS + 4
    writer.note_outage(1, "camera unreachable")
    for part in segments(NOON + 15 * TICKS, seconds=5):
        writer.write(1, "hd", part)
    writer.stop()
    wall.now += 26
    archive = record(*segments(NOON + 31 * TICKS, seconds=5)).reader
    wall.now += 100
    gaps = archive.gaps(1, NOON, NOON + 36 * TICKS)
    assert [gap.reason for gap in gaps] == ["camera unreachable", "recorder stopped"]
    assert gaps[0].start_90k == NOON + 4 * TICKS


def test_both_profiles_make_one_run(record: Record) -> None:
    record(*segments(seconds=4))
    archive = record(*segments(NOON + 1_000, seconds=4), profile="sd").reader
    (run,) = archive.runs(1, NOON, NOON + DAY)
    assert run.profiles == ("hd", "sd")


def test_a_clock_that_was_set_back_loses_and_doubles_nothing(record: Record) -> None:
    """K7: every frame is in the files once; playback shows each moment once."""
    archive = record(*segments(seconds=10), *segments(NOON + 5 * TICKS, seconds=10)).reader
    clip = archive.clip(1, "hd", NOON, NOON + DAY)
    assert clip is not None
    assert clip.end_90k == NOON + 15 * TICKS
    assert frames_in(b"".join(clip.read(0, clip.size_bytes))) == 15 * 15


def test_a_long_recording_is_cut_into_files_without_a_seam(record: Record, tmp_path: Path) -> None:
    archive = record(*segments(seconds=660, frame_90k=90_000 // 2)).reader
    assert len(list(tmp_path.glob("1/hd/*.mp4"))) == 2
    piece = archive.piece(1, "hd", NOON + 590 * TICKS, NOON + 640 * TICKS)
    assert piece is not None
    times = [s.decode_time for s in SegmentReader().feed(b"".join(piece.read())) if not s.is_init]
    assert {b - a for a, b in pairwise(times)} == {45_000}
    assert piece.end_90k >= NOON + 640 * TICKS


def test_what_is_recorded_can_be_read_a_moment_later(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path, 10**9)
    writer.start()
    for part in segments(seconds=4):
        writer.write(1, "hd", part)
    eventually(lambda: writer.reader.span(1))
    assert writer.usage().used_bytes > 0
    writer.stop()
