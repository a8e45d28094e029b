"""The sample cameras behave as real ones do, to a client that is not ours."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from itertools import islice, pairwise
from pathlib import Path

import av
import pytest

from demo import cameras, scenes
from demo.cameras import CameraServer, Track
from demo.minute import Minute
from demo.overlay import FPS, frame_number
from demo.places import PLACES

SECONDS = 4


@pytest.fixture(scope="module")
def minute(tmp_path_factory) -> Minute:
    """Four seconds instead of a minute: they play in a circle as well."""
    path = tmp_path_factory.mktemp("scene") / "cam1-sd.mp4"
    writer = scenes.Writer(path, scenes.SD)
    for number, picture in enumerate(islice(scenes._pictures(PLACES[0]()), SECONDS * FPS)):
        writer.write(picture, number)
    writer.close()
    return Minute.load(path)


@pytest.fixture
async def server(minute: Minute, unused_tcp_port: int) -> AsyncIterator[CameraServer]:
    cameras_ = CameraServer({"/cam1/sd": Track("Car park", minute, 500)}, "pa/ss")
    cameras_.port = unused_tcp_port
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cameras_.run("127.0.0.1", unused_tcp_port))
        await _until_open(unused_tcp_port)
        yield cameras_
        task.cancel()


async def _until_open(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise AssertionError(f"nothing listens on port {port}")


def watch(url: str, count: int) -> list[tuple[int, float]]:
    """Frame numbers read from the pixels, with the time at which each was there."""
    options = {"rtsp_transport": "tcp", "analyzeduration": "100000", "fflags": "nobuffer"}
    with av.open(url, options=options, timeout=(5, 5)) as container:
        frames = islice(container.decode(video=0), count)
        return [(frame_number(frame.to_image()), time.time()) for frame in frames]


async def test_ffmpeg_plays_it_and_the_clock_in_the_picture_is_true(server) -> None:
    url = f"rtsp://camera:pa%2Fss@127.0.0.1:{server.port}/cam1/sd"
    seen = await asyncio.to_thread(watch, url, 40)
    numbers = [number for number, _ in seen]
    steps = {(after - before) % (SECONDS * FPS) for before, after in pairwise(numbers)}
    assert steps == {1}
    number, at = seen[-1]
    assert (at - number / FPS) % SECONDS < 0.5


async def test_many_watch_one_camera(server) -> None:
    url = f"rtsp://camera:pa%2Fss@127.0.0.1:{server.port}/cam1/sd"
    watched = await asyncio.gather(*(asyncio.to_thread(watch, url, 5) for _ in range(4)))
    assert [len(seen) for seen in watched] == [5] * 4


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("rtsp://127.0.0.1:{port}/cam1/sd", av.error.HTTPUnauthorizedError),
        ("rtsp://camera:wrong@127.0.0.1:{port}/cam1/sd", av.error.HTTPUnauthorizedError),
        ("rtsp://camera:pa%2Fss@127.0.0.1:{port}/cam2/sd", av.error.HTTPNotFoundError),
    ],
)
async def test_it_refuses_strangers_and_unknown_cameras(server, url, error) -> None:
    with pytest.raises(error):
        await asyncio.to_thread(watch, url.format(port=server.port), 1)


async def play(server: CameraServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    url = f"rtsp://127.0.0.1:{server.port}/cam1/sd"
    access = "Authorization: Basic Y2FtZXJhOnBhL3Nz\r\n"
    writer.write(f"SETUP {url} RTSP/1.0\r\nCSeq: 1\r\n{access}".encode())
    writer.write(b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
    writer.write(f"PLAY {url} RTSP/1.0\r\nCSeq: 2\r\n{access}\r\n".encode())
    for number in (1, 2):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"RTSP/1.0 200 OK\r\nCSeq: %d" % number)
    return reader, writer


async def test_who_does_not_read_is_cut_off(server, monkeypatch) -> None:
    monkeypatch.setattr(cameras, "MAX_BACKLOG_BYTES", 1000)
    _, writer = await play(server)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    track = server.tracks["/cam1/sd"]
    for frame in range(3000):
        track.send(frame)
    for _ in range(200):
        if not track.viewers:
            break
        await asyncio.sleep(0.01)
    assert not track.viewers
    writer.close()


async def test_the_first_frame_is_a_key_frame_after_a_sender_report(server) -> None:
    reader, writer = await play(server)
    channel, length = await _frame_head(reader)
    assert (channel, (await reader.readexactly(length))[1]) == (1, 200)
    channel, length = await _frame_head(reader)
    packet = await reader.readexactly(length)
    assert (channel, packet[12] & 0x1F) == (0, 7)
    writer.close()


async def _frame_head(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = await asyncio.wait_for(reader.readexactly(4), 5)
    assert head[:1] == b"$"
    return head[1], int.from_bytes(head[2:])


async def test_receiver_reports_are_skipped_and_garbage_ends_the_connection(server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"$\x01\x00\x04abcdOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n")
    assert b"CSeq: 9" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"BREW pot HTCPCP/1.0\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"RTSP/1.0 400")
    writer.close()


async def test_udp_is_refused_in_words(server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"SETUP rtsp://127.0.0.1:{server.port}/cam1/sd RTSP/1.0\r\nCSeq: 1\r\n"
        "Authorization: Basic Y2FtZXJhOnBhL3Nz\r\n"
        "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n".encode()
    )
    assert b"461 Unsupported Transport" in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_a_camera_keeps_playing_for_the_others_when_one_leaves(server) -> None:
    _, leaver = await play(server)
    reader, writer = await play(server)
    leaver.transport.abort()
    for _ in range(5):
        _, length = await _frame_head(reader)
        await asyncio.wait_for(reader.readexactly(length), 5)
    writer.close()


def test_minutes_of_all_scenes_are_served(tmp_path: Path, minute: Minute, monkeypatch) -> None:
    monkeypatch.setattr(cameras.Minute, "load", lambda path: minute)
    names = [f"/cam{number}/{profile}" for number in range(1, 5) for profile in ("hd", "sd")]
    assert sorted(cameras.load_tracks(tmp_path)) == names
