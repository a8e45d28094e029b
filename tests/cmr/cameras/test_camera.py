"""A camera from a server that is not ours: recorded, watched, lost and found again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from cmr.archive.writer import ArchiveWriter
from cmr.cameras.camera import Camera
from cmr.live import State
from protocol.fragments import SegmentReader
from tests.fakes.footage import footage
from tests.services.process import free_ports
from tests.services.rtsp import rtsp_running

TICKS = 90_000


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of video in a file."""
    folder = tmp_path_factory.mktemp("films")
    film = footage(150)
    with av.open(str(folder / "gate.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.time_base = 320, 240, Fraction(1, TICKS)
        stream.codec_context.extradata = film.extradata
        for data, at, is_key in zip(film.frames, film.times, film.keys, strict=True):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, TICKS), is_key
            packet.pts = packet.dts = at
            container.mux(packet)
    return folder


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ArchiveWriter]:
    writer = ArchiveWriter(tmp_path / "archive", 10**9)
    writer.start()
    yield writer
    writer.stop()


@contextlib.asynccontextmanager
async def kept(camera: Camera) -> AsyncIterator[None]:
    """The camera is kept connected."""
    task = asyncio.create_task(camera.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(camera: Camera, state: State, limit_s: float = 15) -> float:
    """Seconds until the camera is in this state."""
    started = time.monotonic()
    async with asyncio.timeout(limit_s):
        while camera.streams["hd"].state_name is not state:
            await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_it_is_watched_recorded_lost_and_found_again(
    films: Path, tmp_path: Path, writer: ArchiveWriter
) -> None:
    """K1: recording again within 5 s of its return; the gap says why."""
    (port,) = free_ports(1)
    address = f"rtsp://127.0.0.1:{port}/gate.mp4?play_count=0"
    camera = Camera(1, "Gate", {"hd": address}, writer)
    async with kept(camera):
        with rtsp_running(films, tmp_path, port):
            await until(camera, State.STREAMING)
            await check_live(camera)
            await asyncio.sleep(1)
        await until(camera, State.UNREACHABLE)
        await asyncio.sleep(3)
        with rtsp_running(films, tmp_path, port):
            assert await until(camera, State.STREAMING) <= 5
            await asyncio.sleep(2)
    writer.stop()
    now = int(time.time() * TICKS)
    runs = writer.reader.runs(1, now - 60 * TICKS, now)
    gaps = writer.reader.gaps(1, now - 60 * TICKS, now)
    assert (len(runs), [gap.reason for gap in gaps]) == (2, ["camera unreachable"])


async def check_live(camera: Camera) -> None:
    """A reader gets the initialisation segment, a key frame, and then what is new."""
    reader = SegmentReader()
    got = []
    async with asyncio.timeout(10), camera.streams["hd"].subscribe() as subscription:
        assert subscription.codec.startswith("avc1.")
        async for data in subscription.segments():
            got += reader.feed(data)
            if len(got) > 20:
                break
    assert [got[0].is_init, got[1].is_key] == [True, True]
    assert abs(time.time() - got[-1].decode_time / TICKS) < 1
    status = camera.status()["profiles"]["hd"]
    assert (status["state"], status["width"], status["height"]) == ("streaming", 320, 240)
