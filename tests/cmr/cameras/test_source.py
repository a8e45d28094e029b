"""What a recorder says about cameras that misbehave."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import pytest

from cmr.cameras import source
from cmr.cameras.camera import Camera
from cmr.cameras.source import Source, SourceError
from cmr.live import State
from protocol.fragments import Segment
from tests.cmr.conftest import Nowhere
from tests.fakes.rtsp import H265, BadCamera
from tests.services.process import free_ports


async def fails(address: str) -> SourceError:
    with pytest.raises(SourceError) as error:
        async with asyncio.timeout(20):
            await Source("camera 4", address, _ignore).run()
    assert "hunter2" not in error.value.detail
    return error.value


def _ignore(segment: Segment) -> None:
    raise AssertionError("there was no video")


async def test_a_refused_password_is_named() -> None:
    async with BadCamera(status=401).running() as camera:
        error = await fails(camera.address)
    assert error.state is State.UNAUTHORIZED
    assert error.detail == "camera 4 refuses the user name or password"


async def test_a_wrong_path_is_named() -> None:
    async with BadCamera(status=404).running() as camera:
        assert (await fails(camera.address)).state is State.NOT_FOUND


async def test_another_codec_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 1.0)
    async with BadCamera(sdp=H265).running() as camera:
        error = await fails(camera.address)
    assert error.state is State.UNSUPPORTED_CODEC
    assert error.detail == (
        "camera 4 sends H.265 (hevc), which this recorder cannot show yet; set the camera to H.264"
    )


async def test_a_closed_port_is_named() -> None:
    (port,) = free_ports(1)
    error = await fails(f"rtsp://u:hunter2@127.0.0.1:{port}/a")
    assert error.state is State.UNREACHABLE
    assert "refuses the connection" in error.detail


async def test_an_unknown_host_is_named() -> None:
    error = await fails("rtsp://u:hunter2@no-such-camera.invalid/a")
    assert error.state is State.UNREACHABLE
    assert "the name no-such-camera.invalid is unknown" in error.detail


async def test_silence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: the connection lives and no frame comes."""
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 1.0)
    monkeypatch.setattr(source, "SILENCE_TIMEOUT_S", 1.0)
    async with BadCamera().running() as camera:
        started = time.monotonic()
        error = await fails(camera.address)
    assert error.state is State.STALLED
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("sdp", ["", "garbage", "v=0\r\nm=audio 0 RTP/AVP 0\r\n"])
async def test_garbage_for_a_description_is_an_invalid_stream(sdp: str) -> None:
    async with BadCamera(sdp=sdp).running() as camera:
        assert (await fails(camera.address)).state in (State.INVALID_STREAM, State.STALLED)


async def test_garbage_for_video_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: fuzzed RTP."""
    monkeypatch.setattr(source, "SILENCE_TIMEOUT_S", 1.0)
    noise = b"".join(
        b"$\x00" + len(packet).to_bytes(2, "big") + packet
        for packet in (b"\x80\x60" + os.urandom(200) for _ in range(300))
    )
    async with BadCamera(noise=noise).running() as camera:
        error = await fails(camera.address)
    assert error.state in (State.INVALID_STREAM, State.STALLED, State.UNREACHABLE)


async def test_a_camera_shows_its_state_and_keeps_its_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """K4: neither in status nor in logs."""
    caplog.set_level(logging.DEBUG)
    async with BadCamera(status=401).running() as bad:
        camera = Camera(4, "Gate", {"hd": bad.address}, Nowhere())
        task = asyncio.create_task(camera.run())
        async with asyncio.timeout(10):
            while camera.status()["state"] == "connecting":
                await asyncio.sleep(0.02)
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - started < 1
    status = camera.status()
    assert (status["state"], status["profiles"]["hd"]["state"]) == ("unauthorized", "unauthorized")
    assert "hunter2" not in str(status) + caplog.text
    assert len([r for r in caplog.records if "refuses" in r.getMessage()]) == 1


@pytest.mark.parametrize(("has_lookahead", "earlier_90k"), [(True, 6_000), (False, 0)])
def test_a_frame_that_a_library_held_back_gets_the_time_it_came(
    has_lookahead: bool, earlier_90k: int
) -> None:
    receiver = source._Receiver(has_lookahead)
    for pts in (0, 6_000, 12_000):
        packet = av.Packet(b"\0\0\1\x41x")
        packet.pts, packet.time_base = pts, Fraction(1, 90_000)
        received = receiver.receive(packet)
    assert received is not None
    assert time.time() * 90_000 - received.arrival.wall_90k == pytest.approx(earlier_90k, abs=900)


class CountingLoop:
    """An event loop as far as a source's thread needs one."""

    def __init__(self) -> None:
        self.wake_ups = 0

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self.wake_ups += 1
        callback()


@pytest.mark.parametrize(("is_watched", "wake_ups"), [(True, 31), (False, 2)])
def test_frames_nobody_watches_wake_the_loop_together(is_watched: bool, wake_ups: int) -> None:
    delivered: list[Segment] = []
    loop: Any = CountingLoop()  # Any: an event loop has a hundred methods more
    source = Source("camera 1", "rtsp://x", delivered.append, is_watched=lambda: is_watched)
    source._hand_over(loop, [Segment(b"init", is_init=True, is_key=False, decode_time=0)])
    for number in range(30):
        source._handed_over_s = 0.0 if number == 29 else time.monotonic()
        source._hand_over(loop, [Segment(b"frame", False, False, number)])
    assert (len(delivered), loop.wake_ups) == (31, wake_ups)
