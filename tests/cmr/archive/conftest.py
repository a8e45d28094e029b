"""An archive with a clock that the test sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmr.archive.writer import ArchiveWriter
from protocol.fragments import Segment
from tests.fakes.segments import NOON

TICKS = 90_000
Record = Callable[..., ArchiveWriter]


def eventually(fact: Callable[[], object], limit_s: float = 10.0) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + limit_s
    while not fact():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class WallClock:
    """Noon, and an hour later: late enough for gaps to be over."""

    def __init__(self) -> None:
        self.now = NOON / TICKS + 3600

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def record(tmp_path: Path, wall: WallClock) -> Iterator[Record]:
    """Records segments into `tmp_path` with a writer of its own, which is stopped afterwards."""
    made: list[ArchiveWriter] = []

    def record(
        *parts: Segment,
        camera: int = 1,
        profile: str = "hd",
        max_bytes: int = 10**9,
        **options: object,
    ) -> ArchiveWriter:
        writer = ArchiveWriter(tmp_path, max_bytes, wall=wall, steady=wall, **options)
        made.append(writer)
        for part in parts:
            writer.write(camera, profile, part)
        writer.start()
        writer.stop()
        return writer

    yield record
    for writer in made:
        writer.stop()
