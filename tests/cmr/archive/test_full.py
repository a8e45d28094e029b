"""When room ends, and when the disk fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cmr.archive.index import FileRow
from cmr.archive.retention import Pins, choose_victims
from cmr.archive.writer import ArchiveWriter
from tests.cmr.archive.conftest import TICKS, Record, eventually
from tests.cmr.archive.test_repair import check_every_row, feed
from tests.fakes.disks import BrokenDisk, SmallDisk
from tests.fakes.segments import NOON, segments

DAY = 24 * 3600 * TICKS
MINUTE = 60 * TICKS


def row(file_id: int, size_bytes: int = 10) -> FileRow:
    return FileRow(file_id, str(file_id), size_bytes)


@pytest.mark.parametrize(
    ("name", "excess", "kept", "victims"),
    [
        ("room", 0, set(), []),
        ("a little", 1, set(), [1]),
        ("more", 11, set(), [1, 2]),
        ("oldest is kept", 11, {1}, [2, 3]),
        ("all are kept", 11, {1, 2, 3}, []),
        ("too much", 99, set(), [1, 2, 3]),
    ],
)
def test_the_oldest_that_may_go_goes(
    name: str, excess: int, kept: set[int], victims: list[int]
) -> None:
    files = [row(1), row(2), row(3)]
    chosen = choose_victims(files, excess, lambda file: file.id in kept)
    assert [file.id for file in chosen] == victims


def test_a_pin_holds_until_everybody_let_go() -> None:
    pins = Pins()
    first, second = pins.pin(["a"]), pins.pin(["a", "b"])
    first()
    first()
    assert pins.is_pinned("a")
    second()
    assert not pins.is_pinned("a")


def hours(record: Record, count: int, **options: object) -> ArchiveWriter:
    """`count` recordings of four seconds, a minute apart."""
    for number in range(count):
        writer = record(*segments(NOON + number * MINUTE), **options)
    return writer


def test_the_archive_keeps_to_its_size(record: Record, tmp_path: Path) -> None:
    one = hours(record, 1).usage().used_bytes
    writer = hours(record, 8, max_bytes=4 * one)
    assert writer.usage().used_bytes <= 4 * one
    assert writer.usage().oldest_90k == NOON + 4 * MINUTE
    assert len(list(tmp_path.glob("1/hd/*.mp4"))) == 4
    check_every_row(tmp_path)


def test_a_locked_file_stays(record: Record, tmp_path: Path) -> None:
    one = hours(record, 1).usage().used_bytes
    (first,) = tmp_path.glob("1/hd/*.mp4")
    first.with_suffix(".locked").touch()
    writer = hours(record, 6, max_bytes=3 * one)
    assert writer.reader.runs(1, NOON, NOON + MINUTE)
    assert first.exists()
    assert writer.usage().used_bytes <= 3 * one


def test_what_is_being_read_stays_until_it_was_read(record: Record) -> None:
    """Retention never pulls a file from under a reader."""
    writer = hours(record, 2)
    clip = writer.reader.clip(1, "hd", NOON, NOON + MINUTE)
    assert clip is not None
    size = writer.usage().used_bytes
    limited = ArchiveWriter(writer._folder, size // 2)
    limited._store._pins = (
        writer.reader._pins
    )  # one program has one archive; here two share its pins
    limited.start()
    limited.stop()
    assert len(b"".join(clip.read(0, clip.size_bytes))) == clip.size_bytes
    assert limited.reader.span(1) == (NOON, NOON + 4 * TICKS)


def test_a_full_disk_costs_the_oldest_and_recording_goes_on(tmp_path: Path, record: Record) -> None:
    """K6"""
    one = hours(record, 1).usage().used_bytes
    disk = SmallDisk(tmp_path, int(3.5 * one))
    writer = hours(record, 8, disk=disk)
    assert disk.refusals
    assert writer.reader.span(1) == (NOON + 5 * MINUTE, NOON + 7 * MINUTE + 4 * TICKS)
    check_every_row(tmp_path)


def test_a_full_disk_is_reported(tmp_path: Path, record: Record) -> None:
    """K6"""
    one = hours(record, 1).usage().used_bytes
    writer = record(*segments(NOON + MINUTE), disk=SmallDisk(tmp_path, int(1.5 * one)))
    assert any("disk is full" in problem for problem in writer.problems)


def test_a_disk_full_of_what_must_stay_is_survived(tmp_path: Path, record: Record) -> None:
    """K6: nothing can be recorded, so it says so, and goes on when there is room."""
    disk = SmallDisk(tmp_path, 1_000)
    writer = ArchiveWriter(tmp_path, 10**9, disk=disk)
    writer.start()
    parts = segments(seconds=8)
    feed(writer, parts[:61])
    eventually(lambda: any("cannot be recorded" in problem for problem in writer.problems))
    assert list(tmp_path.glob("1/hd/*.mp4")) == []
    disk.capacity_bytes = 10**9
    feed(writer, parts[61:])
    eventually(lambda: writer.reader.span(1))
    assert not any("cannot be recorded" in problem for problem in writer.problems)
    writer.stop()


@pytest.mark.parametrize("call", ["write", "sync"])
def test_a_disk_error_hits_one_camera_and_is_never_taken_for_success(
    tmp_path: Path, call: str
) -> None:
    """K6: what could not be synced has no row; afterwards a new file is begun."""
    disk = BrokenDisk(2, call)
    writer = ArchiveWriter(tmp_path, 10**9, disk=disk)
    writer.start()
    parts = segments(seconds=8)
    for camera in (1, 2):
        for part in parts[:61]:
            writer.write(camera, "hd", part)
    eventually(lambda: writer.reader.span(1) and writer.problems)
    assert writer.problems == ["camera 2 (hd) cannot be recorded: Input/output error"]
    assert writer.reader.span(2) is None
    disk.is_broken = False
    for part in parts[61:]:
        writer.write(2, "hd", part)
    eventually(lambda: writer.reader.span(2) and not writer.problems)
    writer.stop()
    span = writer.reader.span(2)
    assert span is not None
    assert span[0] >= NOON + 4 * TICKS


def test_a_missing_folder_is_not_made_again(tmp_path: Path) -> None:
    """K6: nothing is written to the bare mount point; when the folder is back, it goes on."""
    folder, away = tmp_path / "disk", tmp_path / "away"
    writer = ArchiveWriter(folder, 10**9)
    writer.start()
    parts = segments(seconds=8)
    feed(writer, parts[:61])
    eventually(lambda: writer.reader.span(1))
    folder.rename(away)
    eventually(lambda: any("is missing" in problem for problem in writer.problems))
    assert not folder.exists()
    away.rename(folder)
    feed(writer, parts[61:])
    eventually(lambda: writer.reader.span(1) == (NOON, NOON + 7 * TICKS) and not writer.problems)
    writer.stop()
    assert writer.reader.span(1) == (NOON, NOON + 8 * TICKS)
    check_every_row(folder)


def test_a_disk_that_hangs_never_fills_the_memory(tmp_path: Path) -> None:
    """What waits is bounded; beyond that frames are lost."""
    writer = ArchiveWriter(tmp_path, 10**9)  # the thread was not started: nobody writes
    big = replace(segments()[1], data=bytes(2**20))
    for _ in range(200):
        writer.write(1, "hd", big)
    assert 128 * 2**20 <= writer._waiting_bytes <= 129 * 2**20


async def test_a_bug_in_the_writer_is_not_kept_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the recorder learns of it, and ends the program."""
    monkeypatch.setattr("cmr.archive.writer._WATCH_S", 0.01)
    monkeypatch.setattr("cmr.archive.writer.threading.excepthook", lambda args: None)
    writer = ArchiveWriter(tmp_path, 10**9)
    monkeypatch.setattr(writer, "_flush", lambda is_last: 1 // 0)
    writer.start()
    with pytest.raises(RuntimeError, match="archive writer failed"):
        await asyncio.wait_for(writer.watch(), 5)
