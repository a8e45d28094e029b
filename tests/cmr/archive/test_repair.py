"""After a crash, and after the loss of the index."""

from __future__ import annotations

import io
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmr.archive.index import INDEX_NAME
from cmr.archive.reader import Archive
from cmr.archive.repair import scan
from cmr.archive.writer import ArchiveWriter
from protocol.fragments import Segment, SegmentReader
from tests.cmr.archive.conftest import TICKS, Record, eventually
from tests.fakes.segments import NOON, segments

CAMERAS = 4
DAY = 24 * 3600 * TICKS


def check_every_row(folder: Path) -> None:
    """Rows name whole fragments that begin with a key frame, and files hold nothing else."""
    db = sqlite3.connect(folder / INDEX_NAME)
    for file_id, name, init, size in db.execute("SELECT id, name, init, size_bytes FROM file"):
        data = (folder / name).read_bytes()
        assert data.startswith(init)
        rows = db.execute(
            "SELECT offset, size_bytes, start_90k, frames FROM gop WHERE file = ? ORDER BY offset",
            (file_id,),
        ).fetchall()
        assert rows[-1][0] + rows[-1][1] == size
        for offset, size_bytes, start, frames in rows:
            group = SegmentReader().feed(data[offset : offset + size_bytes])
            assert (len(group), group[0].is_key, group[0].decode_time) == (frames, True, start)
        with av.open(io.BytesIO(data)) as container:
            assert sum(1 for _ in container.decode(video=0)) == sum(row[3] for row in rows)
    db.close()


def reopen(folder: Path, is_repaired: Callable[[Archive], bool]) -> None:
    """Start a recorder on the folder, and stop it once its archive is whole."""
    writer = ArchiveWriter(folder, 10**9)
    writer.start()
    eventually(lambda: is_repaired(writer.reader))
    writer.stop()
    assert writer.problems == []


def kill_after(folder: Path, lives_s: float) -> int:
    """Record for a while, until SIGKILL; the decode time of the last frame that was handed over."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.recording_process", str(folder), str(CAMERAS)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    program.stdout.readline()
    time.sleep(lives_s + random.uniform(0, 0.3))
    program.kill()
    *_, last = program.communicate()[0].split("\n")[:-1]
    return int(last)


@pytest.mark.parametrize("lives_s", [1.6, 2.6])
def test_a_kill_costs_two_seconds_at_most(tmp_path: Path, lives_s: float) -> None:
    """K5: no committed fragment is broken, no row is without data. Killed twice, then read."""
    for _ in range(2):
        needed = kill_after(tmp_path, lives_s) - 2 * TICKS
        reopen(tmp_path, partial(reaches, needed))
    check_every_row(tmp_path)


def reaches(end_90k: int, archive: Archive) -> bool:
    spans = [archive.span(camera) for camera in range(1, CAMERAS + 1)]
    return all(span and span[1] >= end_90k for span in spans)


def test_the_tail_that_the_index_does_not_know_is_adopted(record: Record, tmp_path: Path) -> None:
    record(*segments(seconds=4))
    (file,) = tmp_path.glob("1/hd/*.mp4")
    more = segments(seconds=6)[61:]
    with file.open("ab") as tail:
        tail.write(b"".join(part.data for part in more)[:-7])
    archive = record().reader
    assert archive.span(1) == (NOON, NOON + 6 * TICKS - 6_000)
    check_every_row(tmp_path)


def test_a_file_that_lost_its_end_loses_its_rows(record: Record, tmp_path: Path) -> None:
    record(*segments(seconds=4))
    (file,) = tmp_path.glob("1/hd/*.mp4")
    os.truncate(file, file.stat().st_size - 100)
    archive = record().reader
    assert archive.span(1) == (NOON, NOON + 4 * TICKS - 6_000) or archive.span(1) == (
        NOON,
        NOON + 3 * TICKS,
    )
    record()
    check_every_row(tmp_path)


def test_files_that_are_gone_are_forgotten(record: Record, tmp_path: Path) -> None:
    record(*segments(seconds=4))
    (file,) = tmp_path.glob("1/hd/*.mp4")
    file.unlink()
    assert record().reader.span(1) is None


@pytest.mark.parametrize("damage", ["lost", "overwritten", "cut"])
def test_an_index_is_made_again_from_the_files(record: Record, tmp_path: Path, damage: str) -> None:
    """K8: while recording goes on."""
    record(*segments(seconds=4), camera=1)
    record(*segments(seconds=4), camera=2, profile="sd")
    index = tmp_path / INDEX_NAME
    if damage == "lost":
        index.unlink()
    elif damage == "overwritten":
        index.write_bytes(os.urandom(20_000))
    else:
        os.truncate(index, index.stat().st_size // 2)
    writer = ArchiveWriter(tmp_path, 10**9)
    for part in segments(NOON + 20 * TICKS):
        writer.write(3, "hd", part)
    writer.start()
    eventually(lambda: all(writer.reader.span(camera) for camera in (1, 2, 3)))
    writer.stop()
    assert writer.reader.span(1) == writer.reader.span(2) == (NOON, NOON + 4 * TICKS)
    check_every_row(tmp_path)


def test_an_index_deleted_under_a_running_recorder_is_made_again(tmp_path: Path) -> None:
    """K8: nothing that was recorded before, during or after is lost."""
    writer = ArchiveWriter(tmp_path, 10**9)
    writer.start()
    parts = segments(seconds=10)
    feed(writer, parts[:76])
    eventually(lambda: writer.reader.span(1))
    (tmp_path / INDEX_NAME).unlink()
    feed(writer, parts[76:])
    eventually(lambda: (tmp_path / INDEX_NAME).exists() and writer.reader.span(1))
    writer.stop()
    assert writer.reader.span(1) == (NOON, NOON + 10 * TICKS)
    check_every_row(tmp_path)


def feed(writer: ArchiveWriter, parts: list[Segment]) -> None:
    for part in parts:
        writer.write(1, "hd", part)


def test_other_peoples_files_are_left_alone(record: Record, tmp_path: Path) -> None:
    record(*segments(seconds=2))
    for name in ("1/hd/holiday.mp4", "notes.txt", "1/hd/20261122T120000.000Z.locked"):
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / INDEX_NAME).unlink()
    record()
    assert (tmp_path / "1/hd/holiday.mp4").read_bytes() == b"mine"
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


def test_a_file_without_video_goes(record: Record, tmp_path: Path) -> None:
    (tmp_path / "1/hd").mkdir(parents=True)
    empty = tmp_path / "1/hd/20261122T120000.000Z.mp4"
    empty.write_bytes(segments()[0].data)
    writer = record()
    eventually(lambda: not empty.exists())
    assert writer.problems == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(0, 40_000), at=st.integers(0, 40_000), junk=st.binary(max_size=60))
def test_a_scan_finds_what_is_whole_and_never_fails(
    tmp_path: Path, cut: int, at: int, junk: bytes
) -> None:
    data = b"".join(part.data for part in segments(seconds=2))[:cut]
    path = tmp_path / "x.mp4"
    path.write_bytes(data[:at] + junk + data[at + len(junk) :])
    found = scan(path)
    assert found.end <= path.stat().st_size
    assert sum(gop.size_bytes for gop in found.gops) <= found.end
